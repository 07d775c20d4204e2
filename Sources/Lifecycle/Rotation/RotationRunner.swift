import Foundation
import Governance
import Jobs
import Logging
import Postgres
import Secrets
import Targets

/// Carries a saga as far as it can go now: ask the machine, do it, note it. What was done is committed before an effect
/// begins, and when the saga waits or ends; a crash in between repeats moves that changed nothing.
struct RotationRunner: Sendable {
  let store: RotationStore
  let effects: EffectExecutor
  let candidates: CandidateFactory
  let drivers: DriverPool
  let logger: Logger

  typealias Machine = RotationStateMachine

  func resume(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    do {
      guard var saga = try await store.load(job.subject) else { return .done }
      let driver = try await drivers.driver(for: saga.target, adminVersion: saga.adminVersion) {
        try await store.governance.target(saga.target, in: store.client)
      }
      var run = SagaRun(lease: job.lease, term: term, driver: driver, saga: saga)
      if saga.credentialFence != job.lease.fence {
        run.changes.add(RaiseCredentialFence(credential: saga.credential, fence: job.lease.fence))
      }
      do {
        return try await carry(&saga, &run)
      } catch {
        // What happened before the error did happen. Empty when the error is that it could not be written.
        try await store.commit(&run, of: saga)
        throw error
      }
    } catch let error as JobsError {
      return error.code == .leaseLost ? .abandon : failure("step_\(error.code.rawValue)", error)
    } catch let error as PostgresError {
      return failure("database_\(error.code)", error)
    } catch let error as TargetError {
      return failure("target_\(error.code.rawValue)", error, blamesGroup: error.code == .unreachable)
    } catch {
      return failure("internal", error)
    }
  }

  private func carry(_ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome {
    while true {
      if Task.isCancelled || run.term.isLost {
        try await store.commit(&run, of: saga)
        return .retry(JobFailure(code: "stopped"))
      }
      if let outcome = try await advance(&saga, &run) { return outcome }
    }
  }

  private func failure(_ code: String, _ error: any Error, blamesGroup: Bool = false) -> JobOutcome {
    logger.warning("saga interrupted", metadata: ["error.code": "\(code)", "error": "\(error)"])
    return .retry(JobFailure(code: code, blamesGroup: blamesGroup))
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
    case .publish: return try publish(&saga, &run)
    case .beginOverlap: return beginOverlap(&saga)
    case .awaitOverlap: return try await awaitOverlap(saga, &run)
    case .retireOld: return try await retireOld(&saga, &run)
    case .proveOldRefused: return try await proveOldRefused(&saga, &run)
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

  /// Our fence onto the saga, before anything else. A revocation ends what else is open.
  private func claim(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    if saga.action == .revoke {
      run.changes.add(CancelOtherSagas(rotation: saga.id, credential: saga.credential))
      run.changes.add(SetCredentialState(credential: saga.credential, state: .revoking))
    }
    return .moved
  }

  /// Reuses a stored candidate; otherwise makes and seals one, which is durable with the intent to apply it, before anything
  /// happens on the target.
  private func prepare(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    saga.oldVersion = saga.current?.number
    if let stored = saga.versions.first(where: { $0.state == .candidate }) {
      saga.newVersion = stored.number
      return .moved
    }
    let (candidate, keyID, secret) = try await candidates.makeCandidate(for: saga)
    run.changes.add(InsertCandidate(credential: saga.credential, version: candidate, keyID: keyID))
    saga.add(candidate)
    saga.newVersion = candidate.number
    run.madeSecret = secret
    saga.candidates += 1
    return .moved
  }

  private func applyCandidate(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    let secret =
      if let made = run.madeSecret { made } else { try await candidates.open(candidate, of: saga.credential) }
    let change = TargetChange.setSecret(
      identity: saga.targetIdentity, login: candidate.login, secret: secret, rights: saga.identity.rights,
      mayCreate: saga.action == .issue)
    return try await effect(change, entering: .applying, &saga, &run)
  }

  /// The new version becomes the one that consumers read.
  private func publish(_ saga: inout Saga, _ run: inout SagaRun) throws -> Machine.Fact {
    guard let new = saga.newVersion else { throw SagaRun.missing("candidate") }
    let anchor = saga.dueAnchor ?? saga.now
    let due = RotationSchedule(policy: saga.identity.policy, credential: saga.credential)
      .nextDue(anchor: anchor, after: saga.now, hardExpiry: saga.hardExpiresAt)
    if let old = saga.oldVersion {
      run.changes.add(SetVersionState(credential: saga.credential, number: old, from: .current, to: .retiring))
      saga.set(.retiring, of: old)
    }
    run.changes.add(SetVersionState(credential: saga.credential, number: new, from: .candidate, to: .current))
    saga.set(.current, of: new)
    run.changes.add(
      PublishCredential(credential: saga.credential, anchor: anchor, nextDue: due, fence: run.lease.fence))
    run.changes.add(TellConsumers(credential: saga.credential, version: new))
    return .moved
  }

  private func beginOverlap(_ saga: inout Saga) -> Machine.Fact {
    let isOpen = saga.targetIdentity.mode == .alternating
    saga.waitUntil = saga.now.addingTimeInterval(isOpen ? saga.identity.policy.overlap : 0)
    return .moved
  }

  private func finish(_ saga: Saga, _ run: inout SagaRun) -> Machine.Fact {
    if saga.action == .revoke {
      run.changes.add(SetCredentialState(credential: saga.credential, state: .revoked))
      run.changes.add(EndAllVersions(credential: saga.credential))
    }
    return .moved
  }

  // MARK: Conclusions

  /// What the fact means. Nil: go on.
  private func conclude(_ fact: Machine.Fact, _ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    let decision = Machine.decide(fact, in: saga.state, saga.situation(traits: run.driver.traits))
    switch decision {
    case .enter(let state):
      return try await enter(state, &saga, &run)
    case .grantMissing:
      return try await grantMissing(&saga, &run)
    case .discardCandidate:
      if let number = saga.newVersion {
        run.changes.add(SetVersionState(credential: saga.credential, number: number, from: .candidate, to: .orphan))
        saga.set(.orphan, of: number)
      }
      saga.newVersion = nil
      run.madeSecret = nil
      return try await enter(.claimed, &saga, &run)
    case .wait(let seconds, let reason):
      try await store.commit(&run, of: saga)
      return .snooze(seconds: seconds, reason: reason)
    case .retry(let code):
      try await store.commit(&run, of: saga)
      return .retry(JobFailure(code: code, blamesGroup: fact.blamesTarget))
    case .block(let reason):
      try await store.commit(&run, of: saga)
      return .block(reason: reason)
    case .quarantine(let reason):
      return try await quarantine(reason, &saga, &run)
    }
  }

  private func enter(_ state: RotationState, _ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    logger.debug(
      "saga moves",
      metadata: ["rotation.id": "\(saga.id)", "from": "\(saga.state.rawValue)", "to": "\(state.rawValue)"])
    run.changes.enter(state, &saga)
    if state == .rolledBack { run.changes.add(PostponeDue(credential: saga.credential, seconds: 60)) }
    // Where nobody knows whether the target has the secret, that must be in the row before anything else is tried.
    guard state.isFinal || state == .unknown else { return nil }
    try await store.commit(&run, of: saga)
    return state.isFinal ? .done : nil
  }

  private func quarantine(_ reason: String, _ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    logger.warning("saga needs a person", metadata: ["rotation.id": "\(saga.id)", "reason": "\(reason)"])
    saga.resumeState = saga.state
    run.changes.enter(.quarantined, reason: reason, &saga)
    try await store.commit(&run, of: saga)
    return .quarantine(reason: reason)
  }
}
