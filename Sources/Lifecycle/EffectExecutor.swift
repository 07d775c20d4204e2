import Foundation
import Governance
import Jobs
import Logging
import Targets

/// The only caller of a driver's writing verbs.
///
/// One effect is three things, in this order: permit and intent in one committed step, with all that came before; the call,
/// with no transaction open and a deadline inside the lease; the outcome, committed with whatever follows from it.
struct EffectExecutor: Sendable {
  let store: any SagaStore
  let logger: Logger

  /// No effect begins with less time than this left of the lease.
  static let minimumTime = Duration.seconds(2)
  /// No effect takes longer.
  static let maximumTime = Duration.seconds(CredentialLifecycle.longestEffect)

  enum Intent: Sendable {
    case granted(effect: UUID)
    case permitRefused([ReasonCode])
  }

  /// Commits what the run has done so far, the permit and the intent; moves the saga to `state` in the same step when given.
  /// When the permit is refused, what was done before is committed all the same: it happened.
  func intend(
    _ verb: TargetVerb, _ saga: inout Saga, _ run: inout SagaRun, entering state: RotationState?
  ) async throws -> Intent {
    if let effect = try await tryIntend(verb, &saga, &run, entering: state) { return .granted(effect: effect) }
    try await store.commit(&run, of: saga)
    // The authorization we know may be voided and another one in its place.
    if let fresh = try await store.load(saga.credential.subject), fresh.id == saga.id,
      fresh.authorization != saga.authorization
    {
      saga.authorization = fresh.authorization
      if let effect = try await tryIntend(verb, &saga, &run, entering: state) { return .granted(effect: effect) }
    }
    return .permitRefused(
      try await store.reasons(
        against: saga.authorization, for: saga.action, of: saga.credential.subject, need: verb.need(of: saga.action)))
  }

  /// Nil: the permit was refused, and nothing is written.
  private func tryIntend(
    _ verb: TargetVerb, _ saga: inout Saga, _ run: inout SagaRun, entering state: RotationState?
  ) async throws -> UUID? {
    let effect = UUID.ordered()
    var changes = run.changes
    var moved = saga
    if let state, state != saga.state { changes.enter(state, &moved) }
    var step = changes.step(of: moved, lease: run.lease)
    let permit = PermitRequest(
      id: .ordered(), authorization: saga.authorization, action: saga.action, identity: saga.identity.id,
      subject: saga.credential.subject, need: verb.need(of: saga.action))
    step.add(permit)
    // An intent of an earlier run that never learned its outcome is repeated by this one. This run's own all have theirs.
    if run.mayHaveLeftIntents, run.repeated.insert(verb).inserted {
      step.add(SupersedeEffects(rotation: saga.id, verb: verb, fence: run.lease.fence))
    }
    step.add(
      InsertEffect(
        id: effect, rotation: saga.id, credential: saga.credential, permit: permit.id, verb: verb,
        version: saga.newVersion, fence: run.lease.fence))
    step.addFirst(
      RecordStep(
        changes, of: moved, lease: run.lease,
        intent: .init(permit: permit.id, effect: effect, authorization: saga.authorization, verb: verb)))
    do {
      try await run.reach(.beforeCommit, saga)
      try await store.commit(step)
      try await run.reach(.afterCommit, moved)
    } catch let error as JobsError where error.code == .guardFailed && error.statement == GrantPermit.name {
      run.repeated.remove(verb)
      return nil
    } catch {
      run.changes = SagaChanges()
      throw error
    }
    run.changes = SagaChanges()
    saga = moved
    return effect
  }

  /// Makes the call. Whatever is thrown means that the outcome is unknown.
  func perform(
    _ change: TargetChange, effect: UUID, saga: Saga, run: SagaRun
  ) async -> EffectOutcome {
    guard let context = context(effect: effect, saga: saga, run: run) else { return .unknown(cause: "no_time_left") }
    do {
      return try await run.driver.apply(change, context: context)
    } catch {
      logger.warning("effect ended without an answer", metadata: ["rotation.id": "\(saga.id)"])
      return .unknown(cause: "driver_error")
    }
  }

  /// As `perform`, for a target that makes the secret.
  func mint(_ order: MintOrder, effect: UUID, saga: Saga, run: SagaRun) async -> MintOutcome {
    guard let context = context(effect: effect, saga: saga, run: run) else { return .unknown(cause: "no_time_left") }
    do {
      return try await run.driver.mint(order, context: context)
    } catch {
      logger.warning("effect ended without an answer", metadata: ["rotation.id": "\(saga.id)"])
      return .unknown(cause: "driver_error")
    }
  }

  /// Nil: the lease does not last for another effect.
  private func context(effect: UUID, saga: Saga, run: SagaRun) -> EffectContext? {
    let now = ContinuousClock.now
    let end = min(run.term.deadline - .seconds(1), now + Self.maximumTime)
    guard !run.term.isLost, end - now >= Self.minimumTime else { return nil }
    return EffectContext(
      fence: run.lease.fence, deadline: end, idempotencyKey: effect.uuidString.lowercased(),
      ownershipMark: saga.mark)
  }
}

extension Saga {
  /// By which the target knows what is ours.
  var mark: String { credential.description }
}

extension SettleEffect {
  init(_ outcome: EffectOutcome, of effect: UUID, in saga: Saga, fence: Int64) {
    let (state, code): (String, String?) =
      switch outcome {
      case .done: ("applied", nil)
      case .refused(let reason, let code): ("refused", "\(reason.rawValue) \(code)")
      case .unknown(let cause): ("unknown", cause)
      }
    self.init(rotation: saga.id, effect: effect, state: state, code: code, fence: fence, settledAt: saga.now)
  }
}

extension RotationStateMachine.Fact {
  init(_ outcome: EffectOutcome) {
    switch outcome {
    case .done: self = .effectApplied
    case .refused(let reason, let code): self = .effectRefused(reason, code: code)
    case .unknown(let cause): self = .effectUnknown(cause: cause)
    }
  }
}

extension TargetVerb {
  /// A revocation shuts logins off while the evidence log may not be continued; it deletes nothing.
  fileprivate func need(of action: GovernedAction) -> EvidenceNeed {
    switch self {
    case .blockLogins, .endSessions, .disableKeys: action == .revoke ? .none : .writable
    default: .writable
    }
  }
}
