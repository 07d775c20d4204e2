import Daemon
import Foundation
import Governance
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Testing
import Vault

@Suite struct ThingsGoWrongTests {
  private func sql(_ text: String, _ world: TestWorld) async throws {
    _ = try await world.database.count("WITH x AS (\(text) RETURNING 1) SELECT count(*)::text FROM x")
  }

  // MARK: Targets

  @Test func aTargetThatAcceptsAnyPasswordIsNotAdded() async throws {
    let world = try await TestWorld.make(
      hbaLines: [
        "local all all scram-sha-256", "host all postgres 127.0.0.1/32 scram-sha-256",
        "host all all 127.0.0.1/32 trust",
      ],
      addTarget: false)
    await #expect {
      try await world.addTarget()
    } throws: { error in
      (error as? LifecycleError)?.code == .unsoundTarget && "\(error)".contains("trust")
    }
    try await world.close()
  }

  @Test func aTargetThatLaterAcceptsAnyPasswordIsNeverCalledVerified() async throws {
    let world = try await TestWorld.make()
    let trusting =
      "local all all scram-sha-256\nhost all postgres 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
    try await world.target.withSuperuser { connection in
      let rows = try await connection.query("SHOW hba_file" as UtilityStatement)
      let path: String = try rows[0][0]
      try trusting.write(toFile: path, atomically: false, encoding: .utf8)
      _ = try await connection.query("SELECT pg_reload_conf()" as UtilityStatement)
    }
    try await world.issue("svc_trust")
    try await world.withWorker {
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'quarantined'", is: 1)
    }
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.proof WHERE kind = 'negative_control' AND result = 'failed'") == 1)
    #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.proof WHERE kind = 'login'") == 0)
    await #expect(throws: LifecycleError.self) { _ = try await world.secret("svc_trust") }
    try await world.close()
  }

  @Test func aTargetThatIsDownInTheMiddleIsWaitedForAndTheRotationEnds() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.issue("svc_down")
    try await world.withWorker {
      try await world.settled()
      let old = try await world.secret("svc_down")
      try await world.rotate("svc_down")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      try await world.target.stop()
      try await sql("UPDATE lifecycle.rotation SET wait_until = now() WHERE state = 'overlap'", world)
      try await sql("UPDATE jobs.job SET run_at = now() WHERE hold = 'waiting'", world)
      try await world.database.eventually {
        try await world.database.count("SELECT COALESCE(max(failures), 0)::text FROM jobs.job") >= 2
      }
      let running = try await world.target.restart()
      #expect(running.port == world.target.running.port)
      try await world.settled()
      #expect(try await !world.target.logIn(old.login, old.secret))
      let new = try await world.secret("svc_down")
      #expect(try await world.target.logIn(new.login, new.secret))
    }
    try await world.close()
  }

  @Test func aRightThatNobodyApprovedStopsTheRotation() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_extra")
    try await world.withWorker {
      try await world.settled()
      try await world.target.withSuperuser { try await $0.executeScript("GRANT app_writers TO svc_extra") }
      try await world.rotate("svc_extra")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'quarantined'", is: 1)
      let old = try await world.secret("svc_extra")
      #expect(old.version == 1)
      #expect(try await world.target.logIn(old.login, old.secret))
      // A person takes the right away; what was approved before counts no more, and a new approval lets the rotation go on.
      try await world.target.withSuperuser { try await $0.executeScript("REVOKE app_writers FROM svc_extra") }
      try await world.eventually("SELECT count(*)::text FROM jobs.job WHERE hold = 'quarantined'", is: 1)
      try await world.approve(world.submit([.issue, .rotate], "svc_extra"))
      try await world.settled()
      #expect(try await world.secret("svc_extra").version == 2)
    }
    try await world.close()
  }

  @Test func aRightThatWasTakenAwayIsGrantedOnceAndProven() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_less")
    try await world.withWorker {
      try await world.settled()
      try await world.target.withSuperuser { try await $0.executeScript("REVOKE app_readers FROM svc_less") }
      try await world.rotate("svc_less")
      try await world.settled()
    }
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.proof WHERE kind = 'rights' AND result = 'passed' AND version = 2") == 1)
    try await world.close()
  }

  // MARK: Authority

  @Test func aVoidedAuthorizationStopsEveryNewEffect() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_void")
    try await world.withWorker { try await world.settled() }
    let identity = try await world.composition.governance.identity("svc_void", on: nil, in: world.composition.client)
    try await world.rotate("svc_void")
    #expect(try await world.composition.lifecycle.voidAuthorizations(of: identity.id, reason: "owner left") == 1)
    #expect(try await world.database.count("SELECT count(*)::text FROM jobs.job WHERE hold = 'blocked'") == 1)
    // Even if somebody puts the job back by hand, the permit refuses.
    try await sql("UPDATE jobs.job SET hold = NULL, hold_reason = NULL, position = jobs.next_position()", world)
    let before = try await world.database.count("SELECT count(*)::text FROM lifecycle.effect")
    try await world.withWorker {
      try await world.eventually(
        "SELECT count(*)::text FROM jobs.job WHERE hold = 'blocked' AND hold_reason = 'authorization_voided'", is: 1)
    }
    #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.effect") == before)
    await #expect(throws: GovernanceError.refused([.authorizationVoided])) { try await world.rotate("svc_void") }
    try await world.close()
  }

  @Test func aNewApprovalLetsABlockedRotationGoOn() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_renew")
    try await world.withWorker {
      try await world.settled()
      try await world.rotate("svc_renew")
      let identity = try await world.composition.governance.identity("svc_renew", on: nil, in: world.composition.client)
      _ = try await world.composition.lifecycle.voidAuthorizations(of: identity.id, reason: "review")
      try await world.approve(world.submit([.issue, .rotate], "svc_renew"))
      try await world.settled()
      #expect(try await world.secret("svc_renew").version == 2)
    }
    try await world.close()
  }

  @Test func anOwnerWhoLeftStopsGrantingButNotRemoving() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_left")
    try await world.withWorker {
      try await world.settled()
      try await world.composition.governance.setState(.terminated, of: "alice", in: world.composition.client)
      await #expect(throws: GovernanceError.refused([.authorizationVoided, .ownerInactive, .requesterInactive])) {
        try await world.rotate("svc_left")
      }
      try await world.approve(world.submit([.revoke], "svc_left", by: "carol"))
      try await world.settled()
    }
    #expect(try await world.target.roles().isEmpty)
    try await world.close()
  }

  @Test func theRequesterCannotApprove() async throws {
    let world = try await TestWorld.make()
    try await world.addIdentity("svc_self")
    let request = try await world.submit([.issue, .rotate], "svc_self")
    await #expect(throws: GovernanceError.refused([.approverIsRequester, .approverIsBeneficiary])) {
      try await world.approve(request, by: "alice")
    }
    #expect(try await world.database.count("SELECT count(*)::text FROM governance.authorization") == 0)
    try await world.close()
  }

  @Test func aRequestGrantsOnceHoweverManyApproveAtOnce() async throws {
    let world = try await TestWorld.make()
    try await world.addIdentity("svc_race")
    let request = try await world.submit([.issue, .rotate], "svc_race")
    let granted = await withTaskGroup(of: Int.self) { group in
      for person in ["bob", "carol"] {
        group.addTask {
          do {
            return try await world.approve(request, by: person) == nil ? 0 : 1
          } catch {
            return 0
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(granted == 1)
    #expect(try await world.database.count("SELECT count(*)::text FROM governance.authorization") == 1)
    try await world.close()
  }

  @Test func aPolicyWhoseLatestStartHasPassedIsRefused() async throws {
    let world = try await TestWorld.make()
    try await world.addPolicy("long", period: 7200, overlap: 3600)
    try await world.addIdentity("svc_late", policy: "long", expires: 1800)
    await #expect(throws: GovernanceError.refused([.latestStartPassed])) {
      _ = try await world.submit([.issue, .rotate], "svc_late")
    }
    try await world.close()
  }

  @Test func anUnknownCredentialIsNamedWithTheRemedy() async throws {
    let world = try await TestWorld.make()
    await #expect(throws: GovernanceError.unknown("identity", "svc_ghost")) { try await world.rotate("svc_ghost") }
    try await world.addIdentity("svc_new")
    await #expect {
      try await world.rotate("svc_new")
    } throws: { "\($0)".contains("keyturn request issue") }
    try await world.close()
  }

  // MARK: Jobs are hints

  @Test func emptyingTheJobTableInTheMiddleLosesNothing() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.issue("svc_hint")
    try await world.withWorker {
      try await world.settled()
      try await world.rotate("svc_hint")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      try await world.database.withOwner { try await $0.executeScript("TRUNCATE jobs.job") }
      try await sql("UPDATE lifecycle.rotation SET wait_until = now() WHERE state = 'overlap'", world)
      try await world.settled()
    }
    #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'done'") == 2)
    try await world.close()
  }

  @Test func restartingWorkersCausesNoEffect() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_calm")
    try await world.withWorker { try await world.settled() }
    let effects = try await world.database.count("SELECT count(*)::text FROM lifecycle.effect")
    for _ in 1...5 {
      try await world.withWorker {
        try await world.eventually("SELECT count(*)::text FROM jobs.worker WHERE stopped_at IS NULL", is: 1)
      }
    }
    #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.effect") == effects)
    try await world.close()
  }

  // MARK: Keys

  @Test func aMissingKeyFileNamesTheKeyAndLosesNothing() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_key")
    try await world.withWorker { try await world.settled() }
    let keyID = world.composition.keys.currentKeyID
    let path = world.daemon.keyFilePath
    try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
    await #expect {
      _ = try await Composition.open(world.daemon, .prepare, logger: TestDatabase.logger)
    } throws: { error in
      (error as? VaultError)?.code == .keyFileMissing && "\(error)".contains(keyID)
        && "\(error)".contains("No secret is lost")
    }
    #expect(!FileManager.default.fileExists(atPath: path))

    _ = try LocalKeyProvider.create(path: path)
    await #expect {
      _ = try await Composition.open(world.daemon, .requireSchema, logger: TestDatabase.logger)
    } throws: { error in
      (error as? VaultError)?.code == .unknownKey && "\(error)".contains(keyID)
    }
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
    let again = try await Composition.open(world.daemon, .requireSchema, logger: TestDatabase.logger)
    await again.close()
    let secret = try await world.secret("svc_key")
    #expect(try await world.target.logIn(secret.login, secret.secret))
    try await world.close()
  }

  @Test func rewrappingToANewKeyKeepsEverySecretReadable() async throws {
    let world = try await TestWorld.make()
    try await world.issue("svc_wrap")
    try await world.withWorker { try await world.settled() }
    let before = try await world.secret("svc_wrap")
    let keys = try world.composition.keys.addingKey()
    _ = try await world.composition.lifecycle.rewrapAll(with: EnvelopeVault(keys: keys)) { _, _ in }
    #expect(
      try await world.database.count(
        "SELECT count(DISTINCT key_id)::text FROM lifecycle.version WHERE key_id = '\(keys.currentKeyID)'") == 1)
    let again = try await Composition.open(world.daemon, .requireSchema, logger: TestDatabase.logger)
    let identity = try await again.governance.identity("svc_wrap", on: nil, in: again.client)
    #expect(try await again.lifecycle.currentSecret(of: identity.id).secret == before.secret)
    await again.close()
    try await world.close()
  }
}
