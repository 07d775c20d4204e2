import Secrets
import Targets

/// How a simulated target misbehaves in one call.
package enum SimulatedFault: String, Sendable, CaseIterable {
  /// It says "done" and did nothing.
  case doesNothing = "does_nothing"
  /// It does it twice, as a proxy that repeats would.
  case appliesTwice = "applies_twice"
  /// It does it, and the answer is lost.
  case dropsAnswer = "drops_answer"
  /// The connection is cut before anything arrives.
  case cutsBefore = "cuts_before"
  /// It does it later, when `deliverLate` is called; the answer is lost.
  case answersLate = "answers_late"
  /// It goes on accepting the secret before, until `settle` is called.
  case acceptsOldToo = "accepts_old_too"
  /// It refuses a secret that it has not seen before by its rules.
  case refusesSecret = "refuses_secret"
  /// Of reads and logins: nothing is learned.
  case cannotTell = "cannot_tell"
}

/// What a simulated target does with a call, decided by who watches it. Thrown answers are lost ones.
struct LostAnswer: Error {}

extension SimulatedTarget {
  /// A change under a fault.
  func apply(
    _ change: TargetChange, _ context: EffectContext, _ fault: SimulatedFault?
  ) throws -> EffectOutcome {
    let isNew = change.secret.map { secret in withState { $0.offer(secret) } } ?? false
    switch fault {
    case nil, .cannotTell: return withState { $0.apply(change, context) }
    case .doesNothing: return .done
    case .cutsBefore: throw LostAnswer()
    case .refusesSecret:
      if isNew { return .refused(.secretRejected, code: "22023") }
      return withState { $0.apply(change, context) }
    case .appliesTwice:
      _ = withState { $0.apply(change, context) }
      return withState { $0.apply(change, context) }
    case .dropsAnswer:
      _ = withState { $0.apply(change, context) }
      throw LostAnswer()
    case .answersLate:
      postpone { state in _ = state.apply(change, context) }
      throw LostAnswer()
    case .acceptsOldToo:
      return withState { state in
        state.keepsPrevious = true
        defer { state.keepsPrevious = false }
        return state.apply(change, context)
      }
    }
  }

  func mint(_ order: MintOrder, _ context: EffectContext, _ fault: SimulatedFault?) throws -> MintOutcome {
    func make() -> MintOutcome { withState { $0.mint(order, context, secret: SecretGenerator().makeSecret()) } }
    switch fault {
    case nil, .cannotTell, .acceptsOldToo, .refusesSecret: return make()
    case .doesNothing: return .minted(id: "\(order.identity.name)-key-none", secret: SecretGenerator().makeSecret())
    case .cutsBefore: throw LostAnswer()
    case .appliesTwice:
      _ = make()
      return make()
    case .dropsAnswer:
      _ = make()
      throw LostAnswer()
    case .answersLate:
      postpone { state in _ = state.mint(order, context, secret: SecretGenerator().makeSecret()) }
      throw LostAnswer()
    }
  }
}

extension SimulatedState {
  /// False when it was offered before.
  fileprivate mutating func offer(_ secret: SecretBytes) -> Bool {
    guard !everOffered.contains(secret) else { return false }
    everOffered.append(secret)
    return true
  }
}

extension TargetChange {
  /// That the target's rules may refuse.
  fileprivate var secret: SecretBytes? {
    switch self {
    case .setSecret(_, _, let secret, _, _), .key(.changeOwn(_, _, let secret), _): secret
    default: nil
    }
  }
}
