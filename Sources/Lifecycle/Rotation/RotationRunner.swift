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
  let store: any SagaStore
  let effects: EffectExecutor
  let candidates: CandidateFactory
  /// The driver of the saga's target.
  let driver: @Sendable (Saga) async throws -> any TargetDriver
  let logger: Logger
  /// Nil in a worker.
  var observer: CrashPointObserver?

  typealias Machine = RotationStateMachine

  func resume(_ lease: Lease, term: LeaseTerm) async -> JobOutcome {
    do {
      guard var saga = try await store.load(lease.subject) else { return .done }
      let driver = try await driver(saga)
      saga.adopt(driver.traits)
      var run = SagaRun(lease: lease, term: term, driver: driver, saga: saga, observer: observer)
      if saga.credentialFence != lease.fence {
        run.changes.add(RaiseCredentialFence(credential: saga.credential, fence: lease.fence))
      }
      do {
        if let outcome = try await awaitOpenEffects(saga, &run) { return outcome }
        return try await carry(&saga, &run)
      } catch let error as RunInterrupted {
        throw error
      } catch let used as LoginTriesUsedUp {
        return try await wait(for: used, &saga, &run)
      } catch {
        // What happened before the error did happen. Empty when the error is that it could not be written.
        try await store.commit(&run, of: saga)
        throw error
      }
    } catch is RunInterrupted {
      return .abandon
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

  /// A target that keeps no fence may still be doing what an earlier run asked for: its time must be over first.
  private func awaitOpenEffects(_ saga: Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    guard !run.driver.traits.fencesOnTarget, saga.state != .planned,
      let intended = try await store.newestOpenIntent(of: saga.id)
    else { return nil }
    let left = CredentialLifecycle.longestEffect + 1 - saga.now.timeIntervalSince(intended)
    guard left > 0 else { return nil }
    try await store.commit(&run, of: saga)
    return .snooze(seconds: left, reason: "an earlier effect may still be under way on the target")
  }

  private func carry(_ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome {
    while true {
      if Task.isCancelled || run.term.isLost {
        try await store.commit(&run, of: saga)
        return .retry(JobFailure(code: "stopped"))
      }
      if let outcome = try await advance(&saga, &run) { return outcome }
      try await run.reach(.betweenMoves, saga)
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
    case .containOld: return try await containOld(&saga, &run)
    case .removeRights: return try await removeRights(&saga, &run)
    case .prepareCandidate: return try await prepare(&saga, &run)
    case .applyCandidate: return try await applyCandidate(&saga, &run)
    case .probeUnknown: return try await probeUnknown(saga, &run)
    case .destroyUnclaimed: return try await destroyUnclaimed(&saga, &run).fact
    case .proveNewLogin: return try await proveNewLogin(&saga, &run)
    case .proveRights: return try await proveRights(saga, &run)
    case .publish: return try await publish(&saga, &run)
    case .beginOverlap: return beginOverlap(&saga, run)
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
    case .resume:
      run.changes.add(NoteQuarantine(rotation: saga.id, note: nil))
      return .moved
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
  /// happens on the target. Where the target makes the secret, notes what it holds instead.
  private func prepare(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    saga.oldVersion = saga.current?.number
    if let stored = saga.versions.first(where: { $0.state == .candidate }) {
      saga.newVersion = stored.number
      return .moved
    }
    switch run.driver.traits.secretClass {
    case .minted: return try await takeInventory(&saga, &run)
    case .keyPair where run.driver.traits.slots != .one:
      let swept = try await takeInventory(&saga, &run)
      guard swept == .moved else { return swept }
    case .overwrite, .selfChange, .keyPair: break
    }
    let (candidate, keyID, secret) = try await candidates.makeCandidate(
      for: saga, class: run.driver.traits.secretClass)
    run.changes.add(InsertCandidate(credential: saga.credential, version: candidate, keyID: keyID))
    saga.add(candidate)
    saga.newVersion = candidate.number
    run.madeSecret = secret
    saga.candidates += 1
    return .moved
  }

  private func applyCandidate(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    if run.driver.traits.secretClass == .minted { return try await mint(&saga, &run) }
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    if saga.state == .prepared { try await requireTries(for: candidate, saga, &run) }
    let secret =
      if let made = run.madeSecret { made } else { try await candidates.open(candidate, of: saga.credential) }
    let identity = saga.targetIdentity
    let change: TargetChange
    switch run.driver.traits.secretClass {
    case .keyPair:
      let key = try await candidates.publicKey(of: candidate, of: saga.credential)
      change = .key(
        .addKey(login: candidate.login, key: key, rights: saga.identity.rights, mayCreate: saga.action == .issue),
        of: identity)
    case .selfChange where saga.old != nil:
      guard let old = saga.old else { throw SagaRun.missing("old version") }
      let known = try await candidates.open(old, of: saga.credential)
      change = .key(.changeOwn(login: candidate.login, old: known, new: secret), of: identity)
    case .overwrite, .selfChange, .minted:
      change = .setSecret(
        identity: identity, login: candidate.login, secret: secret, rights: saga.identity.rights,
        mayCreate: saga.action == .issue)
    }
    return try await effect(change, entering: .applying, &saga, &run)
  }

  /// The new version becomes the one that consumers read.
  private func publish(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let new = saga.newVersion else { throw SagaRun.missing("candidate") }
    if saga.action == .issue {
      let reasons = try await reasonsAfterTheEffect(&saga, &run)
      guard reasons.isEmpty else { return .permitRefused(reasons) }
      run.changes.add(RequireAuthority(authorization: saga.authorization))
    }
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
      PublishCredential(
        credential: saga.credential, anchor: anchor, nextDue: due, fence: run.lease.fence,
        endsLeak: saga.cause == .leak))
    run.changes.add(TellConsumers(credential: saga.credential, version: new))
    return .moved
  }

  /// Whether what was permitted before the effect still holds after it. What was done is durable first: it happened, whatever the
  /// answer is.
  private func reasonsAfterTheEffect(_ saga: inout Saga, _ run: inout SagaRun) async throws -> [ReasonCode] {
    try await store.commit(&run, of: saga)
    let subject = saga.credential.subject
    let reasons = try await store.reasons(against: saga.authorization, for: saga.action, of: subject, need: .none)
    guard !reasons.isEmpty, let fresh = try await store.load(subject), fresh.id == saga.id,
      fresh.authorization != saga.authorization
    else { return reasons }
    saga.authorization = fresh.authorization
    return try await store.reasons(against: saga.authorization, for: saga.action, of: subject, need: .none)
  }

  private func beginOverlap(_ saga: inout Saga, _ run: SagaRun) -> Machine.Fact {
    let isOpen = saga.situation(traits: run.driver.traits).holdsSeveral && saga.cause == .routine
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
    let situation = saga.situation(traits: run.driver.traits)
    switch Machine.decide(fact, in: saga.state, situation) {
    case .enter(let state):
      return try await enter(state, after: fact, &saga, &run)
    case .grantMissing:
      return try await grantMissing(&saga, &run)
    case .discardCandidate:
      if let number = saga.newVersion {
        run.changes.add(SetVersionState(credential: saga.credential, number: number, from: .candidate, to: .orphan))
        saga.set(.orphan, of: number)
      }
      saga.newVersion = nil
      run.madeSecret = nil
      return try await enter(situation.preparation, after: fact, &saga, &run)
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
      // Before the quarantine is durable: a crash in between says it once more, and forgets nothing.
      if fact.isMismatch, saga.action != .revoke { try await store.tellMismatch(reason, of: saga) }
      return try await quarantine(reason, &saga, &run)
    case .quarantineAndReturn(let state, let reason):
      return try await quarantine(reason, returningTo: state, &saga, &run)
    }
  }

  private func enter(
    _ state: RotationState, after fact: Machine.Fact, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> JobOutcome? {
    logger.debug(
      "saga moves",
      metadata: ["rotation.id": "\(saga.id)", "from": "\(saga.state.rawValue)", "to": "\(state.rawValue)"])
    run.changes.enter(state, &saga)
    if state == .rolledBack { run.changes.add(PostponeDue(credential: saga.credential, seconds: 60)) }
    if state.isFinal {
      // Of earlier runs: what nobody repeated was found out by looking.
      if run.mayHaveLeftIntents {
        run.changes.add(SupersedeEffects(rotation: saga.id, verb: nil, fence: run.lease.fence - 1))
      }
      try await store.commit(&run, of: saga)
      return .done
    }
    if state == .unknown {
      // What comes next has a higher fence: where the target keeps one, a call that is still on its way is refused then.
      try await store.commit(&run, of: saga)
      return .retry(JobFailure(code: "outcome_unknown", blamesGroup: fact.blamesTarget))
    }
    // Cut again, but not in a circle: a target that only says that it cuts must run into somebody.
    if let code = fact.repeatsCut {
      try await store.commit(&run, of: saga)
      return .retry(JobFailure(code: code))
    }
    // The target shows a secret once.
    if state == .applied, run.driver.traits.secretClass == .minted { try await store.commit(&run, of: saga) }
    return nil
  }

  private func wait(
    for used: LoginTriesUsedUp, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> JobOutcome {
    switch used {
    case .wait(let seconds):
      try await store.commit(&run, of: saga)
      return .snooze(seconds: seconds, reason: "no failed login is left until the target forgets the ones before")
    case .never:
      return try await quarantine(
        "a single failed login would lock it on the target, so nothing can be proven", &saga, &run)
    }
  }

  private func quarantine(
    _ reason: String, returningTo state: RotationState? = nil, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> JobOutcome {
    logger.warning("saga needs a person", metadata: ["rotation.id": "\(saga.id)", "reason": "\(reason)"])
    let stood = saga.state == .quarantined ? saga.resumeState ?? .claimed : saga.state
    saga.resumeState = state ?? stood
    run.changes.enter(.quarantined, reason: reason, &saga)
    let allowed = QuarantineAction.allowed(in: stood, saga.situation(traits: run.driver.traits))
    run.changes.add(
      NoteQuarantine(
        rotation: saga.id, note: QuarantineNote(reason: reason, state: stood.rawValue, allowed: allowed)))
    try await store.commit(&run, of: saga)
    return .quarantine(reason: reason)
  }
}
