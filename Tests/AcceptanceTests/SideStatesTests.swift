import Drivers
import Foundation
import Governance
import Jobs
import Lifecycle
import Secrets
import Synchronization
import Targets
import TestSupport
import Testing

/// Leaks, narrowing, rollback, quarantine and lockouts on the database, with simulated targets.
@Suite(.timeLimit(.minutes(5))) struct SideStatesTests {
  private func states(_ world: SimulatedWorld, _ condition: String) async throws -> Int {
    try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE \(condition)")
  }

  private func alice(_ world: SimulatedWorld) async throws -> PersonID {
    try await world.composition.governance.person("alice", in: world.composition.client).id
  }

  private func reportLeak(_ world: SimulatedWorld) async throws -> Bool {
    try await world.composition.lifecycle.requestRotation(
      try await world.identity(), trigger: .leak(by: try await alice(world), ticket: "LEAK-1"))
  }

  private static let classes: [(settings: [String: String], mode: String)] = [
    (["class": "overwrite"], "alternating"), (["class": "overwrite"], "single"),
    (["class": "minted", "slots": "two"], "single"), (["class": "key_pair", "slots": "many"], "single"),
  ]

  // MARK: Leaks

  @Test(arguments: classes.indices)
  func aLeakedSecretIsDeadBeforeTheNewOneIsMade(index: Int) async throws {
    let (settings, mode) = Self.classes[index]
    let world = try await SimulatedWorld.make(mode: mode, settings: settings)
    try await world.withWorker { try await world.settled() }
    let old = try await world.secret()
    #expect(world.target.openSession(old.login, old.secret))
    let deadWhenMade = Mutex<Bool?>(nil)
    world.calls.watch { call in
      guard call.moment == .before, case .change(let verb) = call.verb,
        [.setSecret, .mint, .addKey].contains(verb)
      else { return }
      let isDead = !world.target.accepts(old.login, old.secret) && world.target.sessions(of: old.login) == 0
      deadWhenMade.withLock { $0 = isDead }
    }
    #expect(try await reportLeak(world))
    try await world.withWorker { try await world.settled() }
    #expect(deadWhenMade.withLock { $0 } == true)
    #expect(try await world.secret().version == 2)
    #expect(!world.target.accepts(old.login, old.secret))
    #expect(
      try await world.database.count("SELECT count(*) FROM lifecycle.rotation_step WHERE to_state = 'contained'") == 1)
    #expect(
      try await world.database.count("SELECT count(*) FROM lifecycle.credential WHERE leaked_at IS NOT NULL") == 0)
    try await world.close()
  }

  @Test func aLeakReportedInTheMiddleOfARotationIsFollowedByOneMore() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker(planEvery: 0.2) { try await world.settled() }
    let isReported = Mutex(false)
    world.calls.watch { call in
      guard call.verb == .change(.setSecret), call.moment == .after,
        isReported.withLock({ reported in
          defer { reported = true }
          return !reported
        })
      else { return }
      do { #expect(try await !reportLeak(world)) } catch { Issue.record("not reported: \(error)") }
    }
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker(planEvery: 0.2) {
      try await world.database.eventually {
        try await world.database.count(
          "SELECT count(*) FROM lifecycle.rotation WHERE trigger = 'leak' AND state = 'done'") == 1
      }
      try await world.settled()
    }
    #expect(try await world.secret().version == 3)
    #expect(
      try await world.database.count("SELECT count(*) FROM lifecycle.credential WHERE leaked_at IS NOT NULL") == 0)
    try await world.close()
  }

  @Test func aRotationThatHasNotBegunBecomesOneForTheLeak() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    #expect(try await world.requestRotations() == 1)
    #expect(try await !reportLeak(world))
    #expect(try await states(world, "trigger = 'leak' AND state = 'planned' AND ticket = 'LEAK-1'") == 1)
    #expect(try await world.database.count("SELECT count(*) FROM jobs.job WHERE lane = 0") == 1)
    try await world.withWorker { try await world.settled() }
    #expect(try await world.secret().version == 2)
    try await world.close()
  }

  // MARK: Quarantine

  private func quarantine(_ world: SimulatedWorld) async throws {
    try await world.withWorker { try await world.settled() }
    world.target.setRights(["member:readers", "member:admins"], of: "svc")
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker {
      try await world.database.eventually { try await states(world, "state = 'quarantined'") == 1 }
      try await world.database.eventually {
        try await world.database.count("SELECT count(*) FROM jobs.job WHERE hold = 'quarantined'") == 1
      }
    }
    // What was found is not what was approved: whatever is decided next rests on a new approval.
    try await world.approve([.issue, .rotate], "svc")
  }

  @Test func aQuarantineSaysWhyAndWhatMayBeDoneAndARollbackIsProvenOnBothSides() async throws {
    let world = try await SimulatedWorld.make()
    try await quarantine(world)
    #expect(
      try await states(
        world,
        """
        quarantine ->> 'state' = 'verified' AND quarantine #>> '{last_proof,kind}' = 'rights'
          AND quarantine #>> '{last_proof,result}' = 'failed' AND quarantine ->> 'since' IS NOT NULL
          AND quarantine -> 'allowed' = '["release","rollback","abandon"]'
        """) == 1)
    let old = try await world.secret()
    let decided = try await world.composition.lifecycle.decideQuarantine(
      try await world.identity(), .rollback, by: "alice", reason: "not now")
    #expect(decided.stood == .verified)
    try await world.withWorker { try await world.settled() }
    #expect(try await states(world, "state = 'rolled_back' AND quarantine IS NULL") == 1)
    #expect(try await world.secret().version == 1)
    #expect(world.target.accepts(old.login, old.secret) && world.target.roleNames == ["svc", "svc_a"])
    for kind in ["candidate_refused", "old_accepted"] {
      #expect(
        try await world.database.count(
          "SELECT count(*) FROM lifecycle.proof WHERE kind = '\(kind)' AND result = 'passed'") == 1)
    }
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM jobs.operator_action WHERE action = 'rollback' AND actor = 'alice'") == 1)
    try await world.close()
  }

  @Test func aSagaThatIsGivenUpEndsAndItsCandidateIsDestroyed() async throws {
    let world = try await SimulatedWorld.make()
    try await quarantine(world)
    let identity = try await world.identity()
    _ = try await world.composition.lifecycle.decideQuarantine(identity, .abandon, by: "alice", reason: "moved away")
    #expect(try await states(world, "state = 'abandoned' AND state_reason = 'moved away'") == 1)
    #expect(try await world.database.count("SELECT count(*) FROM jobs.job") == 0)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.version WHERE state = 'orphan' AND envelope IS NULL") == 1)
    await #expect(throws: LifecycleError(code: .wrongState, message: "")) {
      try await world.composition.lifecycle.decideQuarantine(identity, .release, by: "alice", reason: "again")
    }
    // The next rotation overwrites what was left.
    world.target.setRights(["member:readers"], of: "svc")
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker { try await world.settled() }
    #expect(try await world.secret().version == 3 && world.target.roleNames == ["svc", "svc_b"])
    try await world.close()
  }

  @Test func whatMayBeTheOnlySecretThatWorksIsNotGivenUp() async throws {
    let world = try await SimulatedWorld.make(mode: "single")
    try await quarantine(world)
    let identity = try await world.identity()
    await #expect(throws: LifecycleError(code: .refused, message: "")) {
      try await world.composition.lifecycle.decideQuarantine(identity, .abandon, by: "alice", reason: "gone")
    }
    await #expect(throws: GovernanceError.self) {
      try await world.composition.lifecycle.decideQuarantine(identity, .release, by: "alice", reason: "")
    }
    try await world.close()
  }

  // MARK: Narrowing

  @Test func fewerRightsAreTakenAwayAndTheSecretReplacedInOneSaga() async throws {
    let world = try await SimulatedWorld.make(rights: ["member:readers", "member:writers"])
    try await world.withWorker { try await world.settled() }
    let old = try await world.secret()
    #expect(world.target.openSession(old.login, old.secret))
    let (identity, lifecycle) = (try await world.identity(), world.composition.lifecycle)
    for wrong in [["member:admins"], ["member:readers", "member:writers"]] {
      let refused = await #expect(throws: GovernanceError.self) {
        try await lifecycle.requestNarrowing(of: identity, to: wrong, by: "alice", ticket: "N-1")
      }
      #expect(refused?.code == .invalidField && refused?.message.hasPrefix("rights") == true)
    }
    let request = try await lifecycle.requestNarrowing(of: identity, to: ["member:readers"], by: "alice", ticket: "N-1")
    _ = try await lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
    try await world.withWorker { try await world.settled() }
    #expect(world.target.rights(of: "svc") == ["member:readers"])
    #expect(world.target.sessions(of: old.login) == 0 && !world.target.accepts(old.login, old.secret))
    #expect(try await states(world, "trigger = 'narrowed' AND state = 'done'") == 1)
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM lifecycle.proof WHERE kind = 'rights' AND result = 'passed' AND version = 2
          AND detail ->> 'approved_digest' = detail ->> 'found_digest' AND detail ->> 'approved' = 'member:readers'
        """) == 1)
    try await world.close()
  }

  // MARK: Lockouts

  @Test func failedLoginsAreCountedBeforeTheyAreMadeAndNeverLockALogin() async throws {
    let world = try await SimulatedWorld.make(
      mode: "single", settings: ["lockout": "5", "lockout_window": "3600"])
    func failures() async throws -> Int {
      try await world.database.count("SELECT sum(failures) FROM lifecycle.login_try")
    }
    // A random secret must be refused.
    try await world.withWorker { try await world.settled() }
    #expect(try await failures() == 1)
    // And then the old one.
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker { try await world.settled() }
    #expect(try await failures() == 3)
    // One is left, and two are needed: nothing is changed until the target has forgotten.
    let current = try await world.secret()
    let effects = try await world.database.count("SELECT count(*) FROM lifecycle.effect")
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker {
      try await world.database.eventually {
        try await world.database.count(
          """
          SELECT count(*) FROM jobs.job WHERE hold = 'waiting' AND hold_reason LIKE 'no failed login is left%'
            AND run_at > now() + interval '50 minutes'
          """) == 1
      }
    }
    #expect(try await states(world, "state = 'prepared'") == 1)
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.effect") == effects)
    #expect(world.target.everLocked.isEmpty && world.target.accepts(current.login, current.secret))
    try await world.close()
  }

  // MARK: Verification

  @Test func aDailyLookNamesWhatDiffersAndChangesNothing() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    let effects = try await world.database.count("SELECT count(*) FROM lifecycle.effect")
    func look() async throws -> String {
      let before = try await world.database.count("SELECT count(*) FROM lifecycle.verification")
      #expect(try await world.composition.lifecycle.verifyNow(try await world.identity()))
      try await world.withWorker {
        try await world.database.eventually {
          try await world.database.count("SELECT count(*) FROM lifecycle.verification") == before + 1
        }
        try await world.settled()
      }
      let rows = try await world.database.withOwner { connection in
        try await connection.query(
          """
          SELECT result || ' ' || array_to_string(drifts, ' ') FROM lifecycle.verification ORDER BY id DESC LIMIT 1
          """)
      }
      return try rows[0][0]
    }
    #expect(try await look() == "sound ")
    world.target.setRights(["member:admins"], of: "svc")
    #expect(try await look() == "drifted rights_extra rights_missing")
    // What was approved is not what is there: nothing begins on it, and a ticket says why.
    let voided = "SELECT count(*) FROM governance.authorization WHERE void_code = 'target_drifted'"
    #expect(try await world.database.count(voided) == 1)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM governance.ticket WHERE body LIKE '%a look at the target found rights_extra%'") == 1)
    #expect(world.target.setSecret(SecretBytes("somebody else's"), of: "svc_a"))
    world.target.setMark("theirs", fence: 9, of: "svc")
    #expect(try await look() == "drifted foreign_writer rights_extra rights_missing login_refused")
    #expect(try await world.database.count(voided) == 1)
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.effect") == effects)
    try await world.close()
  }

  @Test func whatIsDueForALookIsLookedAtByThePlanner() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker(planEvery: 0.2) { try await world.settled() }
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE lifecycle.credential SET next_verify_at = now()")
    }
    try await world.withWorker(planEvery: 0.2) {
      try await world.database.eventually {
        try await world.database.count("SELECT count(*) FROM lifecycle.verification WHERE result = 'sound'") == 1
      }
    }
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.credential WHERE next_verify_at > now() + interval '23 hours'") == 1)
    try await world.close()
  }
}
