import Drivers
import Foundation
import Governance
import Jobs
import Lifecycle
import Synchronization
import Targets
import TestSupport
import Testing

/// Sagas whose worker dies, or whose commit fails, at every place where it can.
@Suite(.timeLimit(.minutes(5))) struct InterruptedSagaTests {
  private static let path = [
    "claimed", "prepared", "applying", "applied", "verified", "rights_equal", "published", "overlap", "retiring",
    "sessions_ended", "old_refused", "done",
  ]

  @Test func aRotationTakesFiveCommits() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker {
      try await world.settled()
      #expect(try await world.requestRotations() == 1)
      try await world.settled()
    }
    let steps = try await world.database.count(
      "SELECT count(*) FROM lifecycle.rotation_step AS s JOIN lifecycle.rotation AS r ON r.id = s.rotation_id WHERE r.action = 'rotate'"
    )
    #expect(steps == Self.path.count)
    let commits = try await world.database.count(
      """
      WITH saga AS (SELECT id, credential_id, authorization_id FROM lifecycle.rotation WHERE action = 'rotate')
      SELECT count(DISTINCT x) FROM (
        SELECT c.xmin::text AS x FROM lifecycle.rotation_commit AS c JOIN saga ON saga.id = c.rotation_id
        UNION ALL SELECT e.xmin::text FROM lifecycle.effect AS e JOIN saga ON saga.id = e.rotation_id
        UNION ALL SELECT p.xmin::text FROM governance.permit AS p
        JOIN lifecycle.effect AS e ON e.permit_id = p.id JOIN saga ON saga.id = e.rotation_id) AS t
      """)
    #expect(commits == 5)
    try await world.expectSound(versions: 2, "uneventful")
    try await world.close()
  }

  /// Every call of a rotation, before the target has done it and after: 11 calls when the identity has two logins.
  @Test(arguments: ["alternating", "single"])
  func aWorkerThatDiesAroundAnyCallLeavesARowFromWhichTheNextOneEnds(mode: String) async throws {
    let world = try await SimulatedWorld.make(mode: mode)
    try await world.withWorker { try await world.settled() }
    var point = 0
    var reached = true
    while reached {
      point += 1
      let count = Mutex(0)
      let wanted = point
      world.calls.watch { call in
        await expectIntent(call, world)
        let number = count.withLock { count in
          count += 1
          return count
        }
        if number == wanted { await world.takeLeasesAway() }
      }
      #expect(try await world.requestRotations() == 1)
      try await world.withWorker { try await world.settled() }
      reached = count.withLock { $0 } >= wanted
      try await world.expectSound(versions: 1 + point, "interrupted at \(point)", mode: mode)
    }
    #expect(point == (mode == "single" ? 13 : 23))
    try await world.close()
  }

  /// No change begins without its own committed intent and permit.
  private func expectIntent(_ call: SimulatedCall, _ world: SimulatedWorld) async {
    guard let key = call.idempotencyKey, call.moment == .before else { return }
    do {
      let intended = try await world.database.count(
        """
        SELECT count(*) FROM lifecycle.effect AS e JOIN governance.permit AS p ON p.id = e.permit_id
        WHERE e.id = '\(key)' AND e.state = 'intended'
        """)
      #expect(intended == 1)
    } catch {
      Issue.record("the intent could not be read: \(error)")
    }
  }

  @Test func aCommitThatFailsAtAnyStateIsTriedAgainFromTheOneBefore() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    for (index, state) in Self.path.enumerated() {
      try await world.database.withOwner { connection in
        try await connection.executeScript(
          """
          CREATE TRIGGER broken BEFORE INSERT ON lifecycle.rotation_commit FOR EACH ROW
            WHEN ('\(state)' = ANY(NEW.states[2:])) EXECUTE FUNCTION keyturn.refuse_change()
          """)
      }
      #expect(try await world.requestRotations() == 1)
      try await world.withWorker {
        try await world.database.eventually {
          try await world.database.count("SELECT COALESCE(max(failures), 0)::text FROM jobs.job") >= 2
        }
        try await world.database.withOwner {
          try await $0.executeScript("DROP TRIGGER broken ON lifecycle.rotation_commit")
        }
        try await world.settled()
      }
      try await world.expectSound(versions: 2 + index, "refused to enter \(state)")
    }
    try await world.close()
  }

  @Test func whatWasProvenIsKeptWhenTheNextPermitIsRefused() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    let identity = try await world.identity()
    world.calls.watch { call in
      guard call.verb == .change(.setSecret), call.moment == .after else { return }
      do {
        _ = try await world.composition.lifecycle.voidAuthorizations(of: identity, reason: "owner left")
      } catch {
        Issue.record("not voided: \(error)")
      }
    }
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker {
      try await world.database.eventually {
        try await world.database.count("SELECT count(*) FROM jobs.job WHERE hold = 'blocked'") == 1
      }
    }
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE state = 'retiring'") == 1)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.effect WHERE verb = 'set_secret' AND state = 'applied' AND version = 2") == 1)
    #expect(try await world.secret().version == 2)
    // Both still work: nothing was cut without a permit.
    #expect(world.target.roleNames == ["svc", "svc_a", "svc_b"])
    world.calls.watch(nil)
    try await world.approve([.issue, .rotate], "svc")
    try await world.withWorker { try await world.settled() }
    try await world.expectSound(versions: 2, "approved again")
    try await world.close()
  }

  @Test func anAuthorizationThatWasRenewedInTheMiddleIsUsed() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    let identity = try await world.identity()
    world.calls.watch { call in
      guard call.verb == .change(.setSecret), call.moment == .after else { return }
      do {
        _ = try await world.composition.lifecycle.voidAuthorizations(of: identity, reason: "review")
        try await world.approve([.issue, .rotate], "svc")
      } catch {
        Issue.record("not renewed: \(error)")
      }
    }
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker { try await world.settled() }
    try await world.expectSound(versions: 2, "renewed")
    try await world.close()
  }

  @Test func manyRotationsAreAskedForAtOnceAndEachOnlyOnce() async throws {
    let names = (1...40).map { "svc_\($0)" }
    let world = try await SimulatedWorld.make(identities: names)
    try await world.withWorker { try await world.settled() }
    _ = try await world.composition.lifecycle.voidAuthorizations(of: try await world.identity("svc_7"), reason: "left")
    #expect(try await world.requestRotations(names) == 39)
    #expect(try await world.requestRotations(names) == 0)
    #expect(try await world.database.count("SELECT count(*) FROM jobs.job") == 39)
    try await world.withWorker { try await world.settled() }
    #expect(
      try await world.database.count("SELECT count(*) FROM lifecycle.version WHERE number = 2 AND state = 'current'")
        == 39)
    try await world.close()
  }
}
