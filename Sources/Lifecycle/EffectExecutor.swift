import Foundation
import Governance
import Jobs
import Logging
import Targets

/// The only caller of a driver's writing verbs.
///
/// One effect is three things, in this order: permit and intent in one committed step; the call, with no transaction open
/// and a deadline inside the lease; the outcome, committed with whatever follows from it.
struct EffectExecutor: Sendable {
  let writer: StepWriter
  let store: RotationStore
  let logger: Logger

  /// No effect begins with less time than this left of the lease.
  static let minimumTime = Duration.seconds(2)
  /// No effect takes longer.
  static let maximumTime = Duration.seconds(CredentialLifecycle.longestEffect)

  enum Intent: Sendable {
    case granted(effect: UUID)
    case permitRefused([ReasonCode])
  }

  /// Commits permit and intent, and moves the saga to `state` in the same step when given.
  func intend(
    _ verb: TargetVerb, saga: inout Saga, entering state: RotationState? = nil, lease: Lease
  ) async throws -> Intent {
    let effect = UUID()
    var step = Step(lease)
    if let state, state != saga.state { store.add(saga, entering: state, to: &step) }
    let permit = Permit.add(
      to: &step, authorization: saga.authorization, action: saga.action, identity: saga.identity.id,
      subject: saga.credential.subject)
    // An earlier intent of ours that never learned its outcome is repeated by this one.
    step.add(SupersedeEffects(rotation: saga.id, verb: verb, fence: lease.fence), expecting: .anyRows)
    step.add(
      InsertEffect(
        id: effect, rotation: saga.id, credential: saga.credential, permit: permit.id, verb: verb,
        version: saga.newVersion, fence: lease.fence))
    do {
      try await writer.commit(step)
    } catch {
      guard error.code == .guardFailed, error.statement == GrantPermit.name else { throw error }
      let reasons = try await store.client.queryFirst(
        ExplainPermit(authorization: saga.authorization, action: saga.action))
      return .permitRefused(reasons ?? [.authorizationUnknown])
    }
    if let state { saga.state = state }
    return .granted(effect: effect)
  }

  /// Makes the call. Whatever is thrown means that the outcome is unknown.
  func perform(
    _ change: TargetChange, effect: UUID, saga: Saga, driver: any TargetDriver, lease: Lease, term: LeaseTerm
  ) async -> EffectOutcome {
    let now = ContinuousClock.now
    let end = min(term.deadline - .seconds(1), now + Self.maximumTime)
    guard !term.isLost, end - now >= Self.minimumTime else { return .unknown(cause: "no_time_left") }
    let context = EffectContext(
      fence: lease.fence, deadline: end, idempotencyKey: effect.uuidString.lowercased(),
      ownershipMark: saga.credential.description)
    do {
      return try await driver.apply(change, context: context)
    } catch {
      logger.warning("effect ended without an answer", metadata: ["rotation.id": "\(saga.id)"])
      return .unknown(cause: "driver_error")
    }
  }

  /// Adds the outcome to `step`.
  func add(_ outcome: EffectOutcome, of effect: UUID, to step: inout Step) {
    let (state, code): (String, String?) =
      switch outcome {
      case .done: ("applied", nil)
      case .refused(let reason, let code): ("refused", "\(reason.rawValue) \(code)")
      case .unknown(let cause): ("unknown", cause)
      }
    step.add(SettleEffect(effect: effect, state: state, code: code, fence: step.lease.fence))
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
