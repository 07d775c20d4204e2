import Foundation
import Governance
import Jobs
import Logging
import Postgres
import Secrets
import Targets

/// Carries a saga as far as it can go now: ask the machine, do it, commit, repeat. Nothing is remembered between two calls
/// but what is committed.
struct RotationRunner: Sendable {
  let store: RotationStore
  let effects: EffectExecutor
  let candidates: CandidateFactory
  let drivers: DriverPool
  let writer: StepWriter
  let logger: Logger

  typealias Machine = RotationStateMachine

  func resume(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    do {
      guard var saga = try await store.load(job.subject) else { return .done }
      let target = try await store.governance.target(saga.identity.target, in: store.client)
      let driver = try await drivers.driver(for: target)
      var run = SagaRun(lease: job.lease, term: term, driver: driver)
      while true {
        if Task.isCancelled || term.isLost { return .retry(JobFailure(code: "stopped")) }
        if let outcome = try await advance(&saga, &run) { return outcome }
      }
    } catch let error as JobsError {
      return error.code == .leaseLost ? .abandon : failure("step_\(error.code.rawValue)", error)
    } catch let error as PostgresError {
      return failure("database_\(error.code)", error)
    } catch let error as TargetError {
      return failure("target_\(error.code.rawValue)", error)
    } catch {
      return failure("internal", error)
    }
  }

  private func failure(_ code: String, _ error: any Error) -> JobOutcome {
    logger.warning("saga interrupted", metadata: ["error.code": "\(code)", "error": "\(error)"])
    return .retry(JobFailure(code: code))
  }

  /// One move. Nil: go on.
  private func advance(_ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    let situation = saga.situation(traits: run.driver.traits)
    let move = Machine.move(in: saga.state, situation)
    if move == .stop { return .done }
    let fact = try await perform(move, &saga, &run)
    return try await conclude(fact, &saga, &run)
  }

  // MARK: Moves

  private func perform(_ move: Machine.Move, _ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    switch move {
    case .claim: return try await claim(&saga, &run)
    case .prepareCandidate: return try await prepare(&saga, &run)
    case .applyCandidate: return try await applyCandidate(&saga, &run)
    case .probeUnknown: return try await probeUnknown(saga, &run)
    case .proveNewLogin: return try await proveNewLogin(saga, &run)
    case .proveRights: return try await proveRights(saga, &run)
    case .publish: return try publish(saga, &run)
    case .beginOverlap: return beginOverlap(&saga)
    case .awaitOverlap: return awaitOverlap(saga)
    case .retireOld: return try await retireOld(&saga, &run)
    case .proveOldRefused: return try await proveOldRefused(saga, &run)
    case .cleanUpOld: return try await cleanUpOld(&saga, &run)
    case .removeCandidate: return try await removeCandidate(&saga, &run)
    case .blockLogins:
      let identity = saga.targetIdentity
      return try await effect(.blockLogins(identity.logins, of: identity), &saga, &run)
    case .endSessions: return try await endAllSessions(&saga, &run)
    case .strip: return try await effect(.strip(names: saga.targetIdentity.names, of: saga.targetIdentity), &saga, &run)
    case .drop: return try await effect(.drop(names: saga.targetIdentity.names, of: saga.targetIdentity), &saga, &run)
    case .proveAllRefused: return try await proveAllRefused(saga, &run)
    case .proveNoResidue: return try await proveNoResidue(saga.targetIdentity.names, saga, &run)
    case .finish: return finish(saga, &run)
    case .resume: return .moved
    case .stop: return .moved
    }
  }

  /// Our fence onto saga and credential, before anything else. A revocation ends what else is open.
  private func claim(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    run.step.add(RaiseCredentialFence(credential: saga.credential, fence: run.lease.fence))
    if saga.action == .revoke {
      run.step.add(CancelOtherSagas(rotation: saga.id, credential: saga.credential), expecting: .anyRows)
      run.step.add(SetCredentialState(credential: saga.credential, state: .revoking), expecting: .anyRows)
    }
    return .moved
  }

  /// Reuses a stored candidate; otherwise makes and seals one. It is durable before anything happens on the target.
  private func prepare(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    saga.oldVersion = saga.current?.number
    if let stored = saga.versions.first(where: { $0.state == .candidate }) {
      saga.newVersion = stored.number
      return .moved
    }
    let (candidate, keyID) = try await candidates.makeCandidate(for: saga)
    run.step.add(InsertCandidate(credential: saga.credential, version: candidate, keyID: keyID))
    saga.versions.append(candidate)
    saga.newVersion = candidate.number
    saga.candidates += 1
    return .moved
  }

  private func applyCandidate(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    let secret = try await candidates.open(candidate, of: saga.credential)
    let change = TargetChange.setSecret(
      identity: saga.targetIdentity, login: candidate.login, secret: secret,
      rights: PrivilegeSet(saga.identity.rights), mayCreate: saga.action == .issue)
    return try await effect(change, entering: .applying, &saga, &run)
  }

  /// The new version becomes the one that consumers read.
  private func publish(_ saga: Saga, _ run: inout SagaRun) throws -> Machine.Fact {
    guard let new = saga.newVersion else { throw SagaRun.missing("candidate") }
    let anchor = saga.dueAnchor ?? saga.now
    let due = RotationSchedule(policy: saga.identity.policy, credential: saga.credential)
      .nextDue(anchor: anchor, after: saga.now, hardExpiry: saga.hardExpiresAt)
    if let old = saga.oldVersion {
      run.step.add(SetVersionState(credential: saga.credential, number: old, from: .current, to: .retiring))
    }
    run.step.add(SetVersionState(credential: saga.credential, number: new, from: .candidate, to: .current))
    run.step.add(PublishCredential(credential: saga.credential, anchor: anchor, nextDue: due, fence: run.lease.fence))
    return .moved
  }

  private func beginOverlap(_ saga: inout Saga) -> Machine.Fact {
    let isOpen = saga.targetIdentity.mode == .alternating
    saga.waitUntil = saga.now.addingTimeInterval(isOpen ? saga.identity.policy.overlap : 0)
    return .moved
  }

  private func awaitOverlap(_ saga: Saga) -> Machine.Fact {
    let left = (saga.waitUntil ?? saga.now).timeIntervalSince(saga.now)
    return left > 0 ? .overlapOpen(seconds: left) : .overlapOver
  }

  private func finish(_ saga: Saga, _ run: inout SagaRun) -> Machine.Fact {
    if saga.action == .revoke {
      run.step.add(SetCredentialState(credential: saga.credential, state: .revoked), expecting: .anyRows)
      run.step.add(EndAllVersions(credential: saga.credential), expecting: .anyRows)
    }
    return .moved
  }

  // MARK: Conclusions

  /// Commits what the fact means. Nil: go on.
  private func conclude(_ fact: Machine.Fact, _ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    let decision = Machine.decide(fact, in: saga.state, saga.situation(traits: run.driver.traits))
    switch decision {
    case .enter(let state):
      return try await enter(state, &saga, &run)
    case .grantMissing:
      return try await grantMissing(&saga, &run)
    case .discardCandidate:
      if let number = saga.newVersion {
        run.step.add(SetVersionState(credential: saga.credential, number: number, from: .candidate, to: .orphan))
      }
      saga.versions.removeAll { $0.number == saga.newVersion }
      saga.newVersion = nil
      return try await enter(.claimed, &saga, &run)
    case .wait(let seconds, let reason):
      try await commitLeftover(&run)
      return .snooze(seconds: seconds, reason: reason)
    case .retry(let code):
      try await commitLeftover(&run)
      return .retry(JobFailure(code: code))
    case .block(let reason):
      try await commitLeftover(&run)
      return .block(reason: reason)
    case .quarantine(let reason):
      return try await quarantine(reason, &saga, &run)
    }
  }

  private func enter(_ state: RotationState, _ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    let previous = saga.state
    store.add(saga, entering: state, to: &run.step)
    if state == .rolledBack {
      run.step.add(PostponeDue(credential: saga.credential, seconds: 60), expecting: .anyRows)
    }
    try await writer.commit(run.takeStep())
    logger.debug(
      "saga moved",
      metadata: ["rotation.id": "\(saga.id)", "from": "\(previous.rawValue)", "to": "\(state.rawValue)"])
    if state.isFinal {
      saga.state = state
      return .done
    }
    // Versions and the database's clock change with a move; a fresh read is cheaper than a wrong belief.
    guard var fresh = try await store.load(saga.credential.subject) else { return .done }
    fresh.hasGranted = saga.hasGranted
    saga = fresh
    return nil
  }

  private func quarantine(_ reason: String, _ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    logger.warning("saga needs a person", metadata: ["rotation.id": "\(saga.id)", "reason": "\(reason)"])
    saga.resumeState = saga.state
    store.add(saga, entering: .quarantined, reason: reason, to: &run.step)
    try await writer.commit(run.takeStep())
    return .quarantine(reason: reason)
  }

  /// Outcomes and proofs of a move that did not change the state.
  private func commitLeftover(_ run: inout SagaRun) async throws {
    if !run.step.isEmpty { try await writer.commit(run.takeStep()) }
  }
}

/// What one run of a saga carries along: the lease, the driver, and the step being collected.
struct SagaRun: Sendable {
  let lease: Lease
  let term: LeaseTerm
  let driver: any TargetDriver
  var step: Step

  init(lease: Lease, term: LeaseTerm, driver: any TargetDriver) {
    self.lease = lease
    self.term = term
    self.driver = driver
    step = Step(lease)
  }

  mutating func takeStep() -> Step {
    defer { step = Step(lease) }
    return step
  }

  /// A probe ends within the lease and within ten seconds.
  var probeDeadline: ContinuousClock.Instant { min(term.deadline, ContinuousClock.now + .seconds(10)) }

  static func missing(_ what: String) -> LifecycleError {
    LifecycleError(code: .unreadableRow, message: "the saga has no \(what)")
  }
}
