import Foundation
import Governance
import Jobs
import Logging
import Postgres
import Secrets
import Targets
import Vault

/// Carries a rotation of a target's admins as far as it can go now. Every step is committed with the job's lease; a crash in
/// between repeats it.
struct AdminRotationRunner: JobHandler {
  /// Where a test may stop a run.
  enum Point: String, Sendable, CaseIterable {
    case began
    case sealed
    case applied
    case proven
    case changedPlaces
  }

  let client: PostgresClient
  let writer: StepWriter
  let vault: EnvelopeVault
  let drivers: DriverPool
  let incarnation: IncarnationKeeper
  let logger: Logger
  var generator = SecretGenerator()
  /// What it throws ends the run there, as if the process had died.
  var observer: (@Sendable (Point, AdminRotation.Phase) async throws -> Void)?

  /// For each call on the target.
  static let patience = Duration.seconds(15)
  /// Candidates that the target's rules may refuse before a person is asked.
  static let maximumRefusals: Int32 = 3

  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    do {
      return try await carry(job, term)
    } catch let error as JobsError where error.code == .leaseLost {
      return .abandon
    } catch let error as JobsError where error.code == .guardFailed && error.statement == RequireIncarnation.name {
      return .snooze(seconds: 3, reason: ReasonCode.observeOnly.rawValue)
    } catch {
      logger.warning("rotation of an admin interrupted", metadata: ["error": "\(error)"])
      return .retry(JobFailure(code: "interrupted"))
    }
  }

  private func carry(_ job: ClaimedJob, _ term: LeaseTerm) async throws -> JobOutcome {
    let target = TargetID(job.subject.rawValue)
    let fence = job.lease.fence
    guard try await admins(of: target) != nil else {
      return .discard(reason: "the target has no standby admin")
    }
    // Not even tried while only observing: after a restore the rows hold secrets that are not current any more, and what fails
    // to log in with them may lock the admins, or have them change places.
    try await requireIncarnation(job)
    try await commit(RaiseAdminFence(target: target, fence: fence), job)
    while let admins = try await admins(of: target) {
      if Task.isCancelled || term.isLost { return .retry(JobFailure(code: "stopped")) }
      let move = AdminRotation.move(
        in: admins.phase, hasCandidate: admins.candidate != nil, secondsToWait: admins.secondsToWait)
      switch move {
      case .wait(let seconds): return .snooze(seconds: seconds, reason: "the other login may still be needed")
      case .look: if let outcome = try await look(admins, job) { return outcome }
      case .seal: try await seal(admins, job)
      case .apply:
        try await requireIncarnation(job)
        if let outcome = try await change(admins, job) { return outcome }
      }
    }
    return .done
  }

  private func requireIncarnation(_ job: ClaimedJob) async throws {
    try await commit(RequireIncarnation(claim: await incarnation.claim()), job)
  }

  private func admins(of target: TargetID) async throws -> TargetAdmins? {
    try await client.queryFirst(FindTargetAdmins(target: target))
  }

  private func commit(_ statement: some Statement, _ job: ClaimedJob) async throws {
    var step = Step(job.lease)
    step.add(statement)
    try await writer.commit(step)
  }

  // MARK: Steps

  private func look(_ admins: TargetAdmins, _ job: ClaimedJob) async throws -> JobOutcome? {
    let active = try await probe(
      admins, admins.activeLogin, try await open(admins.activeVersion, admins.activeEnvelope, admins))
    var standby = AdminRotation.Answer.cannotTell
    if active == .refused {
      standby = try await probe(admins, admins.login, try await open(admins.version, admins.envelope, admins))
    }
    switch AdminRotation.decide(active: active, standby: standby) {
    case .begin:
      try await commit(BeginAdminRotation(target: admins.target, fence: job.lease.fence), job)
      try await observer?(.began, admins.phase)
      return nil
    case .changePlaces:
      logger.warning("the admin is refused, its standby takes over", metadata: ["target.id": "\(admins.target)"])
      try await commit(
        ChangeAdminPlaces(target: admins.target, fence: job.lease.fence, candidate: nil), job)
      try await observer?(.changedPlaces, admins.phase)
      return nil
    case .retry(let code): return .retry(JobFailure(code: code, blamesGroup: true))
    case .quarantine(let reason): return .quarantine(reason: reason)
    }
  }

  private func seal(_ admins: TargetAdmins, _ job: ClaimedJob) async throws {
    let number = admins.nextVersion
    let envelope = try await vault.seal(
      generator.makeSecret(.standard), context: .admin(number, of: admins.target))
    try await commit(
      StoreAdminCandidate(
        target: admins.target, fence: job.lease.fence, version: number, envelope: envelope.bytes), job)
    try await observer?(.sealed, admins.phase)
  }

  /// Nil: done, go on with the row as it is now.
  private func change(_ admins: TargetAdmins, _ job: ClaimedJob) async throws -> JobOutcome? {
    guard let candidate = admins.candidate else { return nil }
    let secret = try await open(candidate.version, candidate.envelope, admins)
    let old = try await open(admins.version, admins.envelope, admins)
    if try await probe(admins, admins.login, secret) != .accepted {
      switch await apply(secret, old, admins) {
      case .done: break
      case .unknown: return .retry(JobFailure(code: "target_unreachable", blamesGroup: true))
      case .refused(.secretRejected, let code):
        try await commit(
          DiscardAdminCandidate(
            target: admins.target, fence: job.lease.fence, version: candidate.version), job)
        return job.failures < Self.maximumRefusals
          ? .retry(JobFailure(code: "secret_rejected"))
          : .quarantine(reason: "the target refused \(Self.maximumRefusals) secrets for \(admins.login) (\(code))")
      case .refused(let reason, let code):
        return .quarantine(
          reason: """
            \(admins.login) does not accept its secret, and \(admins.activeLogin) may not change it (\(reason.rawValue) \
            \(code)); set a password for it and tell it with `keyturn target standby`
            """)
      }
    }
    try await observer?(.applied, admins.phase)
    if let outcome = try await prove(admins, secret, old) { return outcome }
    try await observer?(.proven, admins.phase)
    if admins.phase == .first {
      try await commit(
        ChangeAdminPlaces(target: admins.target, fence: job.lease.fence, candidate: candidate.version), job)
      try await observer?(.changedPlaces, admins.phase)
      return nil
    }
    try await commit(
      FinishAdminRotation(target: admins.target, fence: job.lease.fence, candidate: candidate.version), job)
    logger.info("admins of a target have new secrets", metadata: ["target.id": "\(admins.target)"])
    return .done
  }

  /// The login itself first; the one in use in its stead when it is refused.
  private func apply(_ secret: SecretBytes, _ old: SecretBytes, _ admins: TargetAdmins) async -> EffectOutcome {
    let own = await change(admins, by: admins.login, with: old, to: secret)
    guard case .refused(let reason, _) = own, reason != .secretRejected else { return own }
    logger.warning(
      "a standby admin is refused, the one in use repairs it", metadata: ["target.id": "\(admins.target)"])
    do {
      return await change(
        admins, by: admins.activeLogin, with: try await open(admins.activeVersion, admins.activeEnvelope, admins),
        to: secret)
    } catch {
      return .unknown(cause: "the secret in use cannot be opened")
    }
  }

  private func change(
    _ admins: TargetAdmins, by login: String, with own: SecretBytes, to secret: SecretBytes
  ) async -> EffectOutcome {
    do {
      let driver = try makeDriver(admins, as: login, own)
      guard let admin = driver.admin else {
        await driver.close()
        return .refused(.other, code: "unsupported")
      }
      let outcome: EffectOutcome
      do {
        outcome = try await admin.setSecret(secret, of: admins.login, deadline: .now + Self.patience)
      } catch {
        outcome = .unknown(cause: "driver_error")
      }
      await driver.close()
      return outcome
    } catch {
      return .unknown(cause: "the target's settings cannot be used")
    }
  }

  /// A random secret is refused, the new one logs in and has the rights of an admin, the old one is refused.
  private func prove(_ admins: TargetAdmins, _ secret: SecretBytes, _ old: SecretBytes) async throws -> JobOutcome? {
    guard try await probe(admins, admins.login, generator.makeSecret(.standard)) == .refused else {
      return .retry(JobFailure(code: "random_secret_not_refused"))
    }
    guard try await probe(admins, admins.login, secret) == .accepted else {
      return .retry(JobFailure(code: "new_secret_not_accepted"))
    }
    guard try await probe(admins, admins.login, old) == .refused else {
      return .retry(JobFailure(code: "old_secret_not_refused"))
    }
    let driver = try makeDriver(admins, as: admins.login, secret)
    let problems = await driver.examine(deadline: .now + Self.patience)
    await driver.close()
    guard let problem = problems.first else { return nil }
    return .quarantine(reason: String("\(admins.login) cannot do an admin's work: \(problem)".prefix(500)))
  }

  private func probe(
    _ admins: TargetAdmins, _ login: String, _ secret: SecretBytes
  ) async throws -> AdminRotation.Answer {
    let driver = try makeDriver(admins, as: login, secret)
    let result = await driver.authenticate(login: login, secret: secret, deadline: .now + Self.patience)
    await driver.close()
    return AdminRotation.Answer(result, as: login)
  }

  private func makeDriver(_ admins: TargetAdmins, as login: String, _ secret: SecretBytes) throws -> any TargetDriver {
    try drivers.makeDriver(
      kind: admins.kind, settings: admins.settings.merging(["user": login]) { $1 }, adminSecret: secret)
  }

  private func open(_ version: Int32, _ envelope: [UInt8], _ admins: TargetAdmins) async throws -> SecretBytes {
    try await vault.open(Envelope(bytes: envelope), context: .admin(version, of: admins.target))
  }
}
