import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Testing

extension TestWorld {
  /// Alice may contain: bob said so.
  func permitContainment(environment: String? = nil) async throws {
    _ = try await composition.governance.grantPermission(
      .contain, to: "alice", environment: environment, validUntil: nil, by: "bob", reason: "a test",
      in: composition.client)
  }

  func contain(
    _ selector: String, then followUp: ContainmentFollowUp = .rotate, authority: ContainmentAuthority = .permission,
    by actor: String = "alice"
  ) async throws -> ContainmentID {
    let selector = try RotationSelector(selector)
    let preview = try await composition.lifecycle.previewContainment(selector)
    return try await composition.lifecycle.contain(
      selector, expecting: "\(preview.digest)", followUp: followUp, authority: authority, by: actor, ticket: "INC-1",
      reason: "it leaked")
  }

  /// Waits until everything is cut off and what follows is over.
  @discardableResult
  func over(_ id: ContainmentID) async throws -> ContainmentStatus {
    try await database.eventually { try await composition.lifecycle.containment("\(id)").isOver }
    return try await composition.lifecycle.containment("\(id)")
  }

  /// A session that stays open until it is ended from outside.
  func session(_ secret: CurrentSecret) async throws -> PostgresConnection {
    var configuration = target.superuser
    configuration.user = secret.login
    configuration.password = secret.secret.withBytes(PostgresPassword.init(copying:))
    return try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
  }

  func targetCount(_ sql: String) async throws -> Int {
    try await target.withSuperuser { connection in
      let rows = try await connection.query(UtilityStatement(stringLiteral: sql))
      return try rows.first.map { row in
        let text: String = try row[0]
        return Int(text) ?? -1
      } ?? 0
    }
  }
}

@Suite struct ContainmentTests {
  private static let names = (1...6).map { "svc_leak_\($0)" }

  private func issued(_ world: TestWorld, _ names: [String] = names) async throws -> [CurrentSecret] {
    for name in names { try await world.issue(name) }
    try await world.settled()
    var secrets: [CurrentSecret] = []
    for name in names { secrets.append(try await world.secret(name)) }
    return secrets
  }

  @Test func everythingIsCutOffFirstAndThenRotated() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.permitContainment()
    try await world.withWorker {
      let old = try await issued(world)
      let session = try await world.session(old[0])
      let id = try await world.contain("target=db")
      let status = try await world.over(id)
      #expect(status.contained == 6 && status.refused == 0 && status.followUpsDone == 6)
      #expect((status.secondsToContain ?? 999) < 60)
      await session.close()
      for (name, secret) in zip(Self.names, old) {
        #expect(try await !world.target.logIn(secret.login, secret.secret))
        let new = try await world.secret(name)
        #expect(new.version == secret.version + 1)
        #expect(try await world.target.logIn(new.login, new.secret))
      }
    }
    // Before any rotation began, all were cut off.
    #expect(
      try await world.database.count(
        """
        SELECT count(*)::text FROM lifecycle.rotation AS r
        WHERE r.trigger = 'leak' AND r.created_at < (SELECT max(settled_at) FROM lifecycle.containment_item)
        """) == 0)
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.containment_item WHERE state <> 'contained' OR permit_id IS NULL OR intended_at > settled_at"
      ) == 0)
    #expect(try await world.database.count("SELECT count(*)::text FROM governance.embargo") == 0)
    // What was granted for the cut has ended with it.
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM governance.authorization WHERE actions = ARRAY['revoke'] AND voided_at IS NULL")
        == 0)
    try await world.close()
  }

  @Test func sessionsOfALeakAreEndedEvenWhenTheyActAsTheIdentity() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker {
      let old = try await issued(world, ["svc_open"])
      let session = try await world.session(old[0])
      try await session.executeScript("SET ROLE svc_open")
      _ = try await world.contain("identity=svc_open")
      try await world.eventually(
        "SELECT count(*)::text FROM lifecycle.containment_item WHERE state = 'contained'", is: 1)
      #expect(
        try await world.targetCount("SELECT count(*)::text FROM pg_stat_activity WHERE usename = '\(old[0].login)'")
          == 0)
      await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
      await session.close()
      try await world.settled()
    }
    try await world.close()
  }

  @Test func revokingLeavesNothingOnTheTarget() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker {
      _ = try await issued(world, ["svc_gone_1", "svc_gone_2"])
      let status = try await world.over(try await world.contain("identity=svc_gone_*", then: .revoke))
      #expect(status.contained == 2 && status.followUpsDone == 2)
    }
    #expect(try await world.target.roles().isEmpty)
    #expect(
      try await world.database.count("SELECT count(*)::text FROM lifecycle.credential WHERE state = 'revoked'") == 2)
    try await world.close()
  }

  @Test func itNeedsAuthorityOverEveryEnvironment() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker { _ = try await issued(world, ["svc_auth"]) }
    await #expect(throws: LifecycleError(code: .refused, message: "")) { try await world.contain("target=db") }
    try await world.permitContainment(environment: "production")
    await #expect(throws: LifecycleError(code: .refused, message: "")) { try await world.contain("target=db") }
    await #expect(throws: GovernanceError.self) {
      _ = try await world.composition.governance.grantPermission(
        .contain, to: "alice", environment: "test", validUntil: nil, by: "alice", reason: "me",
        in: world.composition.client)
    }
    try await world.permitContainment(environment: "test")
    _ = try await world.contain("target=db")
    #expect(
      try await world.composition.governance.withdrawPermission(
        .contain, from: "alice", by: "bob", reason: "over", in: world.composition.client) == 2)
    await #expect(throws: LifecycleError(code: .refused, message: "")) { try await world.contain("target=db") }
    try await world.close()
  }

  @Test func brokenGlassGivesAuthorityAndStaysOpenUntilSomebodyElseReviewsIt() async throws {
    let world = try await TestWorld.make()
    let (governance, client) = (world.composition.governance, world.composition.client)
    try await world.withWorker { _ = try await issued(world, ["svc_glass"]) }
    func ask(_ first: String) async throws -> UUID {
      try await client.withTransaction {
        try await governance.openBreakGlass(toContainBy: first, reason: "night", in: $0).id
      }
    }
    func confirm(_ id: UUID, _ second: String, hours: Double = 4) async throws {
      _ = try await client.withTransaction {
        try await governance.confirmContainment(id, by: second, duration: hours * 3600, in: $0)
      }
    }
    func open(_ first: String, _ second: String, hours: Double) async throws -> UUID {
      let id = try await ask(first)
      try await confirm(id, second, hours: hours)
      return id
    }
    await #expect(throws: GovernanceError.refused([.notRegisteredForBreakGlass])) { _ = try await ask("alice") }
    try await client.withTransaction { transaction in
      for person in ["alice", "bob"] {
        try await governance.assign(role: BreakGlass.role, to: person, on: nil, in: transaction)
      }
    }
    await #expect(throws: GovernanceError.refused([.samePersonTwice])) {
      _ = try await open("alice", "alice", hours: 1)
    }
    await #expect(throws: GovernanceError.refused([.notRegisteredForBreakGlass])) {
      _ = try await open("alice", "carol", hours: 1)
    }
    await #expect(throws: GovernanceError.self) { _ = try await open("alice", "bob", hours: 4.1) }
    await #expect(throws: GovernanceError.self) { _ = try await open("alice", "nobody", hours: 1) }
    let id = try await ask("alice")
    await #expect(throws: LifecycleError(code: .refused, message: "")) {
      try await world.contain("target=db", authority: .breakGlass(id), by: "alice")
    }
    try await confirm(id, "bob")
    await #expect(throws: LifecycleError(code: .refused, message: "")) {
      try await world.contain("target=db", authority: .breakGlass(id), by: "carol")
    }
    _ = try await world.contain("target=db", authority: .breakGlass(id), by: "bob")
    for insider in ["alice", "bob"] {
      await #expect(throws: GovernanceError.self) {
        try await client.withTransaction {
          try await governance.reviewBreakGlass(id, by: insider, verdict: "fine", in: $0)
        }
      }
    }
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM keyturn.v_break_glass WHERE reviewed_at IS NULL AND review_due_at > now()") == 1)
    try await client.withTransaction {
      try await governance.reviewBreakGlass(id, by: "carol", verdict: "it was needed", in: $0)
    }
    await #expect(throws: GovernanceError.self) {
      try await client.withTransaction {
        try await governance.reviewBreakGlass(id, by: "carol", verdict: "again", in: $0)
      }
    }
    let past = try await open("alice", "bob", hours: 1)
    try await world.change(
      """
      UPDATE governance.break_glass
      SET opened_at = now() - interval '2 hours', confirmed_at = now() - interval '2 hours',
        valid_until = now() - interval '1 hour'
      WHERE id = '\(past)'
      """
    )
    await #expect(throws: LifecycleError(code: .refused, message: "")) {
      try await world.contain("target=db", authority: .breakGlass(past))
    }
    try await world.close()
  }

  @Test func aChangedSetIsRefused() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker { _ = try await issued(world, ["svc_set_1"]) }
    let selector = try RotationSelector("target=db")
    let preview = try await world.composition.lifecycle.previewContainment(selector)
    try await world.withWorker { _ = try await issued(world, ["svc_set_2"]) }
    await #expect(throws: LifecycleError(code: .refused, message: "")) {
      _ = try await world.composition.lifecycle.contain(
        selector, expecting: "\(preview.digest)", followUp: .rotate, authority: .permission, by: "alice", ticket: "T",
        reason: "r")
    }
    #expect(try await world.database.count("SELECT count(*)::text FROM governance.embargo") == 0)
    try await world.close()
  }

  @Test func nothingElseIsDoneToWhatIsBeingContained() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker { _ = try await issued(world, ["svc_held"]) }
    // Nobody works on the containment: its target is paused. A rotation ordered before must not slip through.
    try await world.rotate("svc_held")
    _ = try await world.contain("target=db")
    try await world.change(
      "UPDATE jobs.job SET hold = 'waiting', run_at = now() + interval '1 hour' WHERE kind = 'contain'")
    let before = try await world.database.count("SELECT count(*)::text FROM lifecycle.effect")
    try await world.withWorker {
      try await world.eventually(
        "SELECT count(*)::text FROM jobs.job WHERE kind = 'rotate' AND hold = 'waiting' AND hold_reason = 'being_contained'",
        is: 1)
    }
    #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.effect") == before)
    // Then it is contained, and what was under way ends before the rotation that the leak needs.
    try await world.change("UPDATE jobs.job SET hold = NULL, run_at = now() WHERE kind = 'contain'")
    try await world.withWorker {
      try await world.eventually(
        "SELECT count(*)::text FROM lifecycle.rotation WHERE trigger = 'leak' AND state = 'done'", is: 1)
    }
    #expect(try await world.secret("svc_held").version >= 2)
    let secret = try await world.secret("svc_held")
    #expect(try await world.target.logIn(secret.login, secret.secret))
    try await world.close()
  }

  @Test func anOverlapOfWhatIsUnderWayEndsAtOnce() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.permitContainment()
    try await world.withWorker {
      let old = try await issued(world, ["svc_mid"])
      try await world.rotate("svc_mid")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      let middle = try await world.secret("svc_mid")
      try await world.over(try await world.contain("target=db"))
      let new = try await world.secret("svc_mid")
      #expect(new.version == 3)
      for dead in [old[0], middle] { #expect(try await !world.target.logIn(dead.login, dead.secret)) }
      #expect(try await world.target.logIn(new.login, new.secret))
    }
    try await world.close()
  }

  @Test func aForeignRoleIsReportedAndTheOthersAreContained() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker {
      let secrets = try await issued(world, ["svc_own_1", "svc_own_2"])
      try await world.target.withSuperuser { try await $0.executeScript("COMMENT ON ROLE svc_own_1 IS 'mine now'") }
      let id = try await world.contain("target=db")
      try await world.database.eventually {
        let status = try await world.composition.lifecycle.containment("\(id)")
        return status.remaining == 0
      }
      let status = try await world.composition.lifecycle.containment("\(id)")
      #expect(status.contained == 1 && status.refused == 1)
      #expect(status.places.first?.problem?.contains("name_conflict") == true)
      #expect(try await !world.target.logIn(secrets[1].login, secrets[1].secret))
    }
    try await world.close()
  }

  @Test func aLoginThatWasRenamedByHandIsCutOffUnderItsNewName() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker {
      let old = try await issued(world, ["svc_moved"])[0]
      try await world.target.withSuperuser { try await $0.executeScript("ALTER ROLE \(old.login) RENAME TO elsewhere") }
      let session = try await world.session(
        CurrentSecret(version: old.version, login: "elsewhere", secret: old.secret, settings: old.settings))
      #expect(try await world.target.logIn("elsewhere", old.secret))
      let id = try await world.contain("target=db")
      try await world.database.eventually {
        try await world.composition.lifecycle.containment("\(id)").contained == 1
      }
      #expect(try await !world.target.logIn("elsewhere", old.secret))
      await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
      await session.close()
      #expect(
        try await world.targetCount("SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'elsewhere'") == 0)
      // What follows meets the new name, says so and waits for a person.
      try await world.eventually(
        "SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined' AND state_reason LIKE '%elsewhere%'", is: 1
      )
    }
    try await world.close()
  }

  @Test func aTargetThatIsAwayDoesNotHoldUpTheOthersAndIsContainedWhenItReturns() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    let second = try await TestTarget.make()
    _ = try await world.composition.lifecycle.addTarget(
      name: "db2", kind: "postgresql", environment: "test", settings: second.settings, adminSecret: second.adminSecret,
      limit: GroupLimit(maximumRunning: 8))
    try await world.withWorker {
      let here = try await issued(world, ["svc_here"])
      _ = try await world.composition.governance.addIdentity(
        IdentityDraft(
          target: "db2", name: "svc_away", owner: "alice", backupOwner: "carol", purpose: "test", environment: "test",
          workload: "test", rights: [], policy: "short", expiresAt: Date(timeIntervalSinceNow: 86_400)),
        now: Date(), in: world.composition.client)
      try await world.approve(world.submit([.issue, .rotate], "svc_away"))
      try await world.settled()
      let away = try await world.secret("svc_away")
      try await second.stop()
      let id = try await world.contain("environment=test")
      try await world.eventually(
        "SELECT count(*)::text FROM lifecycle.rotation WHERE trigger = 'leak' AND state = 'done'", is: 1)
      #expect(try await !world.target.logIn(here[0].login, here[0].secret))
      #expect(try await world.composition.lifecycle.containment("\(id)").remaining == 1)
      _ = try await second.restart()
      let status = try await world.over(id)
      #expect(status.contained == 2 && status.followUpsDone == 2)
      #expect(try await !second.logIn(away.login, away.secret))
    }
    try await second.stop()
    try await world.close()
  }

  @Test func theDeadOwnersCredentialStaysBlocked() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    try await world.withWorker {
      let secrets = try await issued(world, ["svc_orphaned"])
      let identity = try await world.composition.governance.identity(
        "svc_orphaned", on: nil, in: world.composition.client)
      _ = try await world.composition.lifecycle.voidAuthorizations(of: identity.id, reason: "owner left")
      let status = try await world.over(try await world.contain("target=db"))
      #expect(status.contained == 1 && status.notAllowed == 1 && status.followUpsDone == 0)
      #expect(try await !world.target.logIn(secrets[0].login, secrets[0].secret))
    }
    try await world.close()
  }
}
