import Foundation
import Governance
import Lifecycle
import Postgres
import TestSupport
import Testing

/// Logins on a real target that no case explains, and cases whose logins are gone.
@Suite(.timeLimit(.minutes(5))) struct DiscoveryTests {
  private static let open =
    "SELECT COALESCE(string_agg(kind || ' ' || name, ', ' ORDER BY kind, name), '') FROM keyturn.v_finding WHERE state = 'open'"

  @Test func findingsOpenAreExplainedAndGo() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
    }
    try await world.target.withSuperuser { connection in
      try await connection.executeScript("CREATE ROLE legacy LOGIN CREATEDB")
    }
    let found = try await world.composition.lifecycle.discover("db")
    #expect(found.governed == 1)
    // The server's first superuser is a login that nobody has explained either.
    #expect(try await world.text(Self.open) == "unexplained_login legacy, unexplained_login postgres")

    let explained = try await world.operate("discover", "explain", "db", "postgres")
    #expect(explained.code == 0, "\(explained.errors)")
    let nobody = try await world.keyturn(
      "discover", "explain", "db", "legacy", "--by", "nobody", "--reason", "because")
    #expect(nobody.code == 4)
    let none = try await world.operate("discover", "explain", "db", "not_there")
    #expect(none.code == 3)
    #expect(none.errors.contains("keyturn discover"))
    let look = try await world.keyturn("discover", "db", "--json")
    #expect(look.code == 0, "\(look.errors)")
    #expect(try look.object()["open"] as? String == "1")
    #expect(try await world.text(Self.open) == "unexplained_login legacy")

    try await world.target.withSuperuser { try await $0.executeScript("DROP ROLE legacy") }
    _ = try await world.composition.lifecycle.discover("db")
    #expect(try await world.text(Self.open) == "")
    #expect(try await world.text("SELECT state FROM lifecycle.finding WHERE name = 'legacy'") == "gone")
    try await world.target.withSuperuser { try await $0.executeScript("CREATE ROLE legacy LOGIN") }
    _ = try await world.composition.lifecycle.discover("db")
    #expect(try await world.text(Self.open) == "unexplained_login legacy")
    #expect(try await world.text("SELECT state FROM lifecycle.finding WHERE name = 'postgres'") == "explained")
    let rows = try await world.keyturn("discover", "findings", "--all", "--json").rows()
    #expect(rows.count == 2)
    await world.close(ignoringErrors: ())
  }

  @Test func whatAnAdministratorDidByHandIsFound() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      for name in ["svc_gone", "svc_moved", "svc_taken", "svc_off"] { try await world.issue(name) }
      try await world.settled()
    }
    var logins: [String: String] = [:]
    for name in ["svc_gone", "svc_moved", "svc_taken", "svc_off"] { logins[name] = try await world.secret(name).login }
    let (gone, moved) = (logins["svc_gone"]!, logins["svc_moved"]!)
    let (taken, off) = (logins["svc_taken"]!, logins["svc_off"]!)
    try await world.target.withSuperuser { connection in
      try await connection.executeScript(
        """
        DROP ROLE \(gone); ALTER ROLE \(moved) RENAME TO elsewhere; COMMENT ON ROLE \(taken) IS 'mine now';
        ALTER ROLE \(off) NOLOGIN;
        """)
    }
    _ = try await world.composition.lifecycle.discover("db")
    let found = try await world.text(Self.open)
    #expect(
      found == """
        disabled \(off), mark_lost \(taken), renamed elsewhere, unexplained_login postgres, vanished \(gone), vanished \(moved)
        """)
    #expect(
      try await world.text("SELECT identity FROM keyturn.v_finding WHERE kind = 'renamed'") == "svc_moved")

    // What was approved is not what is there: nothing is rotated until somebody has looked and approved again.
    for (name, words) in [
      ("svc_gone", "vanished: \(gone)"), ("svc_moved", "renamed: elsewhere"), ("svc_taken", "mark_lost: \(taken)"),
      ("svc_off", "disabled: \(off)"),
    ] {
      await #expect(throws: GovernanceError.refused([.authorizationVoided])) { try await world.rotate(name) }
      #expect(
        try await world.database.count(
          """
          SELECT count(*)
          FROM governance.ticket AS k
          LEFT JOIN governance.ticket_note AS n ON n.ticket_id = k.id
          WHERE k.kind = 'reapproval' AND k.subject LIKE '\(name): %' AND (k.body || COALESCE(n.words, '')) LIKE '%\(words)%'
          """) == 1, "\(name)")
    }
    // Said once, however often it is seen.
    _ = try await world.composition.lifecycle.discover("db")
    #expect(try await world.database.count("SELECT count(*) FROM governance.reapproval") == 5)

    // A rotation meets the renamed one, says so and touches nothing.
    try await world.approve(world.submit([.issue, .rotate], "svc_moved"))
    try await world.withWorker {
      try await world.rotate("svc_moved")
      try await world.eventually(
        "SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined' AND state_reason LIKE '%elsewhere%'", is: 1
      )
    }
    let roles = try await world.target.withSuperuser { connection in
      try await connection.query(
        "SELECT count(*)::text FROM pg_roles WHERE rolname LIKE 'svc_moved%'" as UtilityStatement
      ).map { row -> String in try row[0] }
    }
    #expect(roles == ["1"])
    await world.close(ignoringErrors: ())
  }

  @Test func aLookAtACredentialFindsThatItsLoginVanished() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      for name in ["svc_login", "svc_all"] { try await world.issue(name) }
      try await world.settled()
      let login = try await world.secret("svc_login").login
      let all = try await world.secret("svc_all").login
      func look(_ name: String, is wanted: String) async throws {
        let identity = try await world.composition.governance.identity(name, on: nil, in: world.composition.client)
        _ = try await world.composition.lifecycle.verifyNow(identity.id)
        try await world.database.eventually {
          try await world.text(
            """
            SELECT v.result || ' ' || array_to_string(v.drifts, ' ')
            FROM lifecycle.verification AS v
            JOIN lifecycle.credential AS c ON c.id = v.credential_id AND c.identity_id = '\(identity.id)'
            ORDER BY v.id DESC
            LIMIT 1
            """) == wanted
        }
      }
      try await look("svc_login", is: "sound ")
      try await world.target.withSuperuser { connection in
        try await connection.executeScript("DROP ROLE \(login); DROP ROLE \(all); DROP ROLE svc_all")
      }
      try await look("svc_login", is: "drifted login_refused vanished")
      try await look("svc_all", is: "drifted vanished rights_missing login_refused")
      // The same finding as a look over the whole target makes, and ends when the login is back.
      #expect(try await world.text(Self.open) == "vanished \(all), vanished \(login)")
      _ = try await world.composition.lifecycle.discover("db")
      #expect(
        try await world.text(Self.open)
          == "unexplained_login postgres, vanished svc_all, vanished \(all), vanished \(login)")
      #expect(
        try await world.text(
          "SELECT string_agg(DISTINCT identity, ' ' ORDER BY identity) FROM keyturn.v_finding WHERE kind = 'vanished'")
          == "svc_all svc_login")
    }
    await world.close(ignoringErrors: ())
  }

  @Test func workersLookOverEveryTargetByThemselves() async throws {
    let world = try await TestWorld.make()
    try await world.change("UPDATE governance.target SET created_at = now() - interval '1 hour'")
    try await world.withWorker {
      try await world.eventually("SELECT count(*) FROM lifecycle.discovery WHERE result LIKE '%findings'", is: 1)
    }
    #expect(try await world.text(Self.open) == "unexplained_login postgres")
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM keyturn.v_discovery WHERE next_at > now() + interval '50 minutes'")
        == 1)
    await world.close(ignoringErrors: ())
  }

  @Test func rightsAreToldByWhereTheyComeFrom() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
    }
    let equal = try await world.keyturn("identity", "rights", "svc", "--json")
    #expect(equal.code == 0, "\(equal.errors)")
    let approved = try equal.rows().filter { $0["status"] as? String == "approved" }.compactMap {
      $0["right"] as? String
    }
    #expect(approved == ["member:app_readers"])
    try await world.target.withSuperuser { try await $0.executeScript("ALTER ROLE svc CREATEDB") }
    let more = try await world.keyturn("identity", "rights", "svc", "--json")
    #expect(more.code == 3)
    #expect(more.output.contains("attribute:createdb"))
    #expect(more.output.contains("\"extra\""))
    #expect(more.output.contains("\"given_by\" : \"keyturn_admin\""), "\(more.output)")
    #expect(more.output.contains("acl:postgres:table:public.measurement:SELECT"))
    await world.close(ignoringErrors: ())
  }
}
