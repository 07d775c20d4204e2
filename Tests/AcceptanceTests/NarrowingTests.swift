import Foundation
import Governance
import Lifecycle
import Postgres
import TestSupport
import Testing

/// Fewer rights, from the request to the proof on a real target.
@Suite(.timeLimit(.minutes(3))) struct NarrowingTests {
  private static let both = ["member:app_readers", "member:app_writers"]

  private func makeWorld(overlap: Double = 0) async throws -> TestWorld {
    let world = try await TestWorld.make(overlap: overlap)
    _ = try await world.composition.governance.addIdentity(
      IdentityDraft(
        target: "db", name: "svc", owner: "alice", backupOwner: "carol", purpose: "test", environment: "test",
        workload: "test", rights: Self.both, policy: "short", expiresAt: Date(timeIntervalSinceNow: 86_400)),
      now: Date(), in: world.composition.client)
    try await world.approve(world.submit([.issue, .rotate], "svc"))
    return world
  }

  private func ask(_ world: TestWorld, keeping rights: String...) async throws -> Request {
    let keep = rights.flatMap { ["--keep", $0] }
    let asked = try await world.keyturn(
      ["rotation", "narrow", "svc", "--by", "alice", "--ticket", "N-1", "--json"] + keep)
    #expect(asked.code == 0, "\(asked.errors)")
    let id = try #require((asked.object()["request"] as? String).flatMap(UUID.init(uuidString:)))
    return try await world.composition.governance.request(RequestID(id), in: world.composition.client)
  }

  private func rights(_ world: TestWorld) async throws -> String {
    try await world.target.withSuperuser { connection in
      let rows = try await connection.query(
        """
        SELECT COALESCE(string_agg(pg_get_userbyid(roleid)::text, ' ' ORDER BY 1), '') FROM pg_auth_members
        WHERE member = 'svc'::regrole
        """ as UtilityStatement)
      return try rows[0][0]
    }
  }

  @Test func anApprovalOfFewerRightsIsCarriedOutInOneSaga() async throws {
    let world = try await makeWorld()
    try await world.withWorker {
      try await world.settled()
      let old = try await world.secret("svc")
      let session = try await world.session(old)
      let request = try await ask(world, keeping: "member:app_readers")
      #expect(String(decoding: request.core, as: UTF8.self).contains(#""rights":["member:app_readers"]"#))
      #expect(request.actions == [.rotate])
      // Asked for is not approved, and not by who asked.
      #expect(try await world.database.count("SELECT count(*) FROM lifecycle.rotation") == 1)
      await #expect(throws: GovernanceError.refused([.approverIsRequester, .approverIsBeneficiary])) {
        try await world.approve(request, by: "alice")
      }
      #expect(try await rights(world) == "app_readers app_writers")

      try await world.approve(request)
      try await world.settled()
      #expect(try await rights(world) == "app_readers")
      #expect(try await !world.target.logIn(old.login, old.secret))
      await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
      await session.close()
      #expect(
        try await world.text(
          "SELECT string_agg(concat_ws(' ', action, trigger, ticket, state), ', ' ORDER BY id) FROM lifecycle.rotation")
          == "issue issue done, rotate narrowed N-1 done")
      // What was approved for more is over; everything from now on rests on the narrower approval.
      #expect(
        try await world.text(
          "SELECT string_agg(array_to_string(actions, '+'), ', ') FROM governance.authorization WHERE voided_at IS NULL"
        )
          == "rotate")
      #expect(
        try await world.database.count(
          """
          SELECT count(*) FROM lifecycle.effect AS e
          JOIN governance.permit AS p ON p.id = e.permit_id
          JOIN governance.authorization AS a ON a.id = p.authorization_id AND a.request_id = '\(request.id)'
          WHERE e.verb = 'revoke_rights' AND e.state = 'applied'
          """) == 1)
      try await world.rotate("svc")
      try await world.settled()
      #expect(try await world.secret("svc").version == 3)
      #expect(try await rights(world) == "app_readers")
    }
    await world.close(ignoringErrors: ())
  }

  @Test func aRightThatSomebodyElseGaveStopsItAndIsNamed() async throws {
    let world = try await makeWorld()
    try await world.withWorker {
      try await world.settled()
      try await world.target.withSuperuser { connection in
        try await connection.executeScript(
          """
          CREATE ROLE giver; GRANT INSERT ON measurement TO giver WITH GRANT OPTION;
          SET ROLE giver; GRANT INSERT ON measurement TO svc
          """)
      }
      try await world.approve(ask(world, keeping: "member:app_readers"))
      try await world.eventually("SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined'", is: 1)
      let reason = try await world.text("SELECT state_reason FROM lifecycle.rotation WHERE trigger = 'narrowed'")
      #expect(reason.contains("acl:postgres:table:public.measurement:INSERT by giver"), "\(reason)")
      // What could be taken is taken; the secret that works is still the one before.
      #expect(try await rights(world) == "app_readers")
      #expect(try await world.secret("svc").version == 1)
      try await world.target.withSuperuser { connection in
        try await connection.executeScript("SET ROLE giver; REVOKE INSERT ON measurement FROM svc")
      }
      let released = try await world.operate("rotation", "release", "svc")
      #expect(released.code == 0, "\(released.errors)")
      try await world.settled()
      #expect(try await world.secret("svc").version == 2)
    }
    await world.close(ignoringErrors: ())
  }

  @Test func nothingOfAnApprovalIsWrittenWhileAnotherSagaIsOpen() async throws {
    let world = try await makeWorld(overlap: 3000)
    try await world.withWorker {
      try await world.settled()
      try await world.rotate("svc")
      try await world.eventually("SELECT count(*) FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      let request = try await ask(world, keeping: "member:app_readers")
      await #expect(throws: LifecycleError(code: .wrongState, message: "")) { try await world.approve(request) }
      #expect(
        try await world.database.count(
          "SELECT count(*) FROM governance.approval WHERE request_id = '\(request.id)'") == 0)
      try await world.change("UPDATE lifecycle.rotation SET wait_until = now() WHERE state = 'overlap'")
      try await world.change("UPDATE jobs.job SET run_at = now() WHERE hold = 'waiting'")
      try await world.settled()
      try await world.approve(request)
      try await world.settled()
      #expect(try await rights(world) == "app_readers")
      // The same again is not fewer.
      let again = try await world.keyturn(
        "rotation", "narrow", "svc", "--keep", "member:app_readers", "--by", "alice", "--ticket", "N-2")
      #expect(again.code != 0 && again.errors.contains("rights"), "\(again.errors)")
    }
    await world.close(ignoringErrors: ())
  }
}
