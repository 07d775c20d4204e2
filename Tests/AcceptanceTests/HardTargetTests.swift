import Foundation
import Governance
import Lifecycle
import Postgres
import TestSupport
import Testing

/// Targets that are not as one would wish them, through whole sagas on real servers.
@Suite(.timeLimit(.minutes(5))) struct HardTargetTests {
  /// What `deploy/postgres-versions` has brought.
  private static func brought(_ version: Int) -> String? {
    let cache = ProcessInfo.processInfo.environment["KEYTURN_PG_CACHE"] ?? "/var/tmp/keyturn-postgres"
    let folder = "\(cache)/postgresql-\(version)/bin"
    return FileManager.default.isExecutableFile(atPath: folder + "/postgres") ? folder : nil
  }

  private static let newer = [17, 18].filter { brought($0) != nil }

  // MARK: Newer servers

  @Test(.enabled(if: !newer.isEmpty), arguments: newer)
  func aCredentialLivesItsWholeLifeOnNewerServers(version: Int) async throws {
    let world = try await TestWorld.make(binaries: Self.brought(version), overlap: 3000)
    #expect(
      try await world.targetCount("SELECT (current_setting('server_version_num')::int / 10000)::text") == version)
    try await world.withWorker {
      for mode in ["alternating", "single"] {
        let name = "svc_\(mode)"
        try await world.issue(name, mode: mode)
        try await world.settled()
        let first = try await world.secret(name)
        let session = try await world.session(first)
        try await world.rotate(name)
        if mode == "alternating" {
          try await world.eventually("SELECT count(*) FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
          #expect(try await world.target.logIn(first.login, first.secret))
          try await Self.endOverlap(world)
        }
        try await world.settled()
        let second = try await world.secret(name)
        #expect(try await world.target.logIn(second.login, second.secret))
        #expect(try await !world.target.logIn(first.login, first.secret))
        await session.close()
        try await world.approve(world.submit([.revoke], name))
        try await world.settled()
        #expect(try await !world.target.logIn(second.login, second.secret))
      }
    }
    #expect(try await world.target.roles().isEmpty)
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.effect WHERE state <> 'applied'") == 0)
    await world.close(ignoringErrors: ())
  }

  // MARK: Poolers

  @Test(.enabled(if: Pooler.isThere)) func aTargetBehindAPoolerIsNotTakenAndToldWhy() async throws {
    let world = try await TestWorld.make(addTarget: false)
    let port = try await Pooler.start(
      before: world.target.running.port, user: "keyturn_admin",
      password: world.target.adminSecret.withBytes { String(decoding: $0, as: UTF8.self) }, mode: "transaction",
      ignoring: "extra_float_digits,options")
    let refused = await #expect(throws: LifecycleError.self) { try await world.addTarget(["port": "\(port)"]) }
    #expect(refused?.code == .unsoundTarget && refused?.message.contains("a connection pooler") == true)
    #expect(try await world.database.count("SELECT count(*) FROM governance.target") == 0)
    #expect(try await world.target.roles().isEmpty)
    try await world.addTarget()
    await world.close(ignoringErrors: ())
  }

  // MARK: Password rules

  @Test func candidatesThatTheServersRulesRefuseAreReplacedAndNoMoreThanThreeTimes() async throws {
    let usual = try await TestDatabase.make()
    let version = try await usual.count("SELECT (current_setting('server_version_num')::int / 10000)::text")
    await usual.close()
    let world = try await TestWorld.make(
      settings: ["shared_preload_libraries": try PasswordModule.build(for: version)])
    try await world.withWorker {
      // Each of its logins refuses the first secret that it is given.
      try await world.issue("svc_picky")
      try await world.settled()
      let first = try await world.secret("svc_picky")
      #expect(first.version == 2)
      try await world.rotate("svc_picky")
      try await world.settled()
      let second = try await world.secret("svc_picky")
      #expect(second.version == 4)
      #expect(try await world.target.logIn(second.login, second.secret))
      #expect(try await !world.target.logIn(first.login, first.secret))

      try await world.issue("svc_never")
      try await world.eventually("SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined'", is: 1)
      #expect(
        try await world.text("SELECT state_reason FROM lifecycle.rotation WHERE state = 'quarantined'")
          == "the target refused 3 candidates (28P01)")
    }
    // What was refused is destroyed: two of the one, and all but the last of the other.
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.version WHERE state = 'orphan' AND envelope IS NULL") == 2 + 2)
    #expect(try await world.target.roles().count == 2)
    await world.close(ignoringErrors: ())
  }

  // MARK: Many grantees

  @Test func aTableThatCanTakeNoMoreGranteesIsReachedThroughAGroup() async throws {
    let world = try await TestWorld.make()
    try await world.target.withSuperuser { connection in
      try await connection.executeScript(
        """
        DO $$
        BEGIN
          FOR n IN 1..2500 LOOP
            EXECUTE format('CREATE ROLE grantee_%s', n);
            BEGIN
              EXECUTE format('GRANT SELECT ON measurement TO grantee_%s', n);
            EXCEPTION WHEN program_limit_exceeded THEN
              EXECUTE format('GRANT app_readers TO grantee_%s', n);
            END;
          END LOOP;
        END $$
        """)
    }
    #expect(
      try await world.targetCount("SELECT cardinality(relacl)::text FROM pg_class WHERE relname = 'measurement'") > 2300
    )
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
      try await world.rotate("svc")
      try await world.settled()
      let current = try await world.secret("svc")
      #expect(current.version == 2)
      let session = try await world.session(current)
      try await session.executeScript("SELECT count(*) FROM measurement")
      await session.close()
      try await world.approve(world.submit([.revoke], "svc"))
      try await world.settled()
    }
    #expect(try await world.target.roles().isEmpty)
    await world.close(ignoringErrors: ())
  }

  // MARK: In the middle of a rotation

  private static func endOverlap(_ world: TestWorld) async throws {
    try await world.change(
      """
      UPDATE lifecycle.rotation SET wait_until = now() WHERE state = 'overlap';
      UPDATE jobs.job SET run_at = now() WHERE hold = 'waiting'
      """)
  }

  /// A rotation that waits between old and new while `change` is done by hand on the target.
  private func inTheMiddle(
    _ body: @Sendable (TestWorld, _ old: CurrentSecret, _ new: CurrentSecret) async throws -> Void
  ) async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
      let old = try await world.secret("svc")
      try await world.rotate("svc")
      try await world.eventually("SELECT count(*) FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      try await body(world, old, try await world.secret("svc"))
    }
    await world.close(ignoringErrors: ())
  }

  private func script(_ world: TestWorld, _ sql: String) async throws {
    try await world.target.withSuperuser { try await $0.executeScript(sql) }
  }

  private func quarantined(_ world: TestWorld, because words: String) async throws {
    try await world.eventually(
      "SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined' AND state_reason LIKE '%\(words)%'", is: 1)
  }

  @Test func anOldLoginThatWasDroppedIsAsGoodAsRetired() async throws {
    try await inTheMiddle { world, old, new in
      try await script(world, "DROP ROLE \(old.login)")
      try await Self.endOverlap(world)
      try await world.settled()
      #expect(try await world.target.logIn(new.login, new.secret))
      #expect(
        try await world.database.count(
          "SELECT count(*) FROM lifecycle.proof WHERE kind = 'old_refused' AND result = 'passed'") == 1)
    }
  }

  @Test func anOldLoginThatWasRenamedIsNamedAndRetiredWhenItHasItsNameBack() async throws {
    try await inTheMiddle { world, old, new in
      try await script(world, "ALTER ROLE \(old.login) RENAME TO elsewhere")
      try await Self.endOverlap(world)
      try await quarantined(world, because: "elsewhere")
      #expect(try await world.target.logIn(new.login, new.secret))
      try await script(world, "ALTER ROLE elsewhere RENAME TO \(old.login)")
      // Somebody else's hand was seen on it: what was approved before counts no more.
      try await world.eventually("SELECT count(*) FROM jobs.job WHERE hold = 'quarantined'", is: 1)
      try await world.approve(world.submit([.issue, .rotate], "svc"))
      try await world.settled()
      #expect(try await !world.target.logIn(old.login, old.secret))
      #expect(try await world.target.roles() == ["svc", new.login])
    }
  }

  /// The new one was proven before; were the old one cut now, nothing would work.
  @Test func theOldLoginStaysWhenTheNewOneWasDropped() async throws {
    try await inTheMiddle { world, old, new in
      try await script(world, "DROP ROLE \(new.login)")
      try await Self.endOverlap(world)
      try await quarantined(world, because: "the old one was left as it is")
      #expect(try await world.target.logIn(old.login, old.secret))
      #expect(
        try await world.text("SELECT quarantine ->> 'state' FROM lifecycle.rotation WHERE state = 'quarantined'")
          == "overlap")
    }
  }
}
