import Foundation
import Governance
import Jobs
import Logging
import Postgres
import Secrets
import Targets

/// Looks at a live credential and stores what it found: nothing on the target is changed, so nothing has to be permitted. What
/// differs is named and not fought; a rotation of it would stop at the same place and wait for a person.
struct VerifyJobHandler: JobHandler {
  let store: RotationStore
  let drivers: DriverPool
  let candidates: CandidateFactory
  let logger: Logger

  /// Seconds until the next look: a day, and an hour when nothing could be learned.
  static let period = 86_400.0
  static let retryPeriod = 3600.0

  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    do {
      guard let live = try await store.client.queryFirst(FindLiveCredential(credential: job.subject)) else {
        return .discard(reason: "the credential is not live, or a saga is open")
      }
      let driver = try await drivers.driver(for: live.target, adminVersion: live.adminVersion) {
        try await store.target(live.target)
      }
      let found = try await look(at: live, driver, job, term)
      let isKnown = found.result != .cannotTell
      if found.drifts.contains(.vanished) { try await report(live) }
      // Before the look is durable: a crash in between looks again, and forgets nothing.
      if found.drifts.contains(where: \.voidsApproval) {
        try await store.client.withTransaction {
          try await store.governance.signal(
            .targetDrifted, about: [live.identity.id], observed: "a look at the target found \(found.words)", in: $0)
        }
      }
      var step = Step(job.lease)
      step.add(
        batched: InsertVerification(
          credential: live.credential, version: live.version.number, verification: found, fence: job.lease.fence,
          nextIn: isKnown ? Self.period : Self.retryPeriod))
      try await store.writer.commit(step)
      if found.result == .drifted {
        logger.warning(
          "a live credential differs from what was approved",
          metadata: ["credential.id": "\(live.credential)", "drifts": "\(found.drifts.map(\.rawValue))"])
      }
      return .done
    } catch let used as LoginTriesUsedUp {
      if case .wait(let seconds) = used { return .snooze(seconds: seconds, reason: "no failed login is left") }
      return .discard(reason: "a single failed login would lock it on the target")
    } catch let error as JobsError {
      return error.code == .leaseLost ? .abandon : .retry(JobFailure(code: "step_\(error.code.rawValue)"))
    } catch let error as TargetError {
      return .retry(JobFailure(code: "target_\(error.code.rawValue)", blamesGroup: error.code == .unreachable))
    } catch {
      logger.warning("look interrupted", metadata: ["error": "\(error)"])
      return .retry(JobFailure(code: "internal"))
    }
  }

  /// As looking over the whole target would. One row in a transaction of its own, so that no lock is held for another.
  private func report(_ live: LiveCredential) async throws {
    try await store.client.execute(
      UpsertFindings(
        target: live.target,
        findings: [.vanished(live.version.login, of: live.identity.name, live.identity.id)]))
  }

  private func look(
    at live: LiveCredential, _ driver: any TargetDriver, _ job: ClaimedJob, _ term: LeaseTerm
  ) async throws -> Verification {
    var found = Verification()
    let secretClass = driver.traits.secretClass
    let identity =
      secretClass == .overwrite ? live.identity.onTarget : TargetIdentity(name: live.identity.name, mode: .single)
    func deadline() -> ContinuousClock.Instant { min(term.deadline, ContinuousClock.now + .seconds(10)) }
    do {
      found.noteMark(
        try await driver.readMark(of: identity, deadline: deadline()), ours: live.credential.description,
        fence: max(live.fence, job.lease.fence), traits: driver.traits)
    } catch is TargetError {
      found.noteUnreadable("mark")
    }
    do {
      found.noteRights(
        found: try await driver.readPrivileges(of: identity, deadline: deadline()), approved: live.identity.rights)
    } catch is TargetError {
      found.noteUnreadable("rights")
    }
    let random =
      secretClass == .keyPair
      ? KeyPair.makePrivateKey()
      : candidates.generator.makeSecret(SecretPolicy(length: live.identity.policy.secretLength))
    let tries = try await tries(for: live, driver, job)
    found.noteControl(
      try await tries.attempt {
        await driver.authenticate(login: live.version.login, secret: random, deadline: deadline())
      })
    let secret = try await candidates.open(live.version, of: live.credential)
    found.noteLogin(
      try await tries.attempt {
        await driver.authenticate(login: live.version.login, secret: secret, deadline: deadline())
      },
      identity: live.identity.name, login: live.version.login)
    // A target does not say why it refuses. Where the login is the secret's own name, nothing of it is left.
    if secretClass == .overwrite, found.drifts.contains(.loginRefused),
      try await driver.listResidue(of: [live.version.login], deadline: deadline()).isEmpty
    {
      found.noteMissing(login: live.version.login)
    }
    return found
  }

  private func tries(for live: LiveCredential, _ driver: any TargetDriver, _ job: ClaimedJob) async throws
    -> CountedTries
  {
    guard let rule = driver.traits.lockout else {
      return CountedTries(budget: nil, store: store, live: live, lease: job.lease)
    }
    return CountedTries(budget: LockoutBudget(rule: rule), store: store, live: live, lease: job.lease)
  }
}

/// Logins of a look, counted before they are made where the target locks logins.
private struct CountedTries {
  let budget: LockoutBudget?
  let store: RotationStore
  let live: LiveCredential
  let lease: Lease

  func attempt(_ login: () async -> ProbeResult) async throws -> ProbeResult {
    guard let budget else { return await login() }
    let known = try await store.loginTries(of: live.credential)[live.version.login] ?? LoginTries()
    let counted: LoginTries
    switch budget.ask(known, at: live.clock.now) {
    case .never: throw LoginTriesUsedUp.never
    case .wait(let seconds): throw LoginTriesUsedUp.wait(seconds: seconds)
    case .allowed(let tries): counted = tries
    }
    try await write(counted)
    let result = await login()
    if case .accepted = result { try await write(budget.giveBack(counted)) }
    return result
  }

  private func write(_ tries: LoginTries) async throws {
    var step = Step(lease)
    step.add(batched: CountLoginTry(credential: live.credential, login: live.version.login, tries: tries))
    try await store.writer.commit(step)
  }
}

/// An active credential that no saga works on.
struct LiveCredential: Sendable {
  let credential: CredentialID
  let fence: Int64
  let target: TargetID
  let adminVersion: Int32
  let identity: SagaIdentity
  let version: CredentialVersion
  let clock: DatabaseClock
}
