package import Secrets
package import Targets

/// A call of the engine on a simulated target, as its observer sees it.
package struct SimulatedCall: Sendable {
  package enum Verb: Sendable, Equatable {
    case change(TargetVerb)
    case authenticate
    case readPrivileges
    case countSessions
    case listResidue
  }

  package enum Moment: Sendable, Equatable {
    /// The target has not done it yet.
    case before
    /// The target has done it; the engine does not know yet.
    case after
  }

  package let verb: Verb
  package let moment: Moment
  /// Of a change: the effect's id.
  package let idempotencyKey: String?
}

/// Speaks to a simulated target, each call as slow as its settings say.
package struct SimulatedTargetDriver: TargetDriver {
  package let traits = TargetTraits(secretClass: .overwrite, fencesOnTarget: true, lockoutBudget: .max)

  let target: SimulatedTarget
  let latency: Duration
  let observer: (@Sendable (SimulatedCall) async -> Void)?

  package func apply(_ change: TargetChange, context: EffectContext) async throws -> EffectOutcome {
    try await call(.change(change.verb), key: context.idempotencyKey) {
      guard ContinuousClock.now < context.deadline else { return .unknown(cause: "the deadline passed") }
      return target.withState { $0.apply(change, context) }
    }
  }

  package func authenticate(
    login: String, secret: SecretBytes, deadline: ContinuousClock.Instant
  ) async -> ProbeResult {
    do {
      return try await call(.authenticate) { target.withState { $0.authenticate(login, secret) } }
    } catch {
      return .cannotTell(cause: "the call was cancelled")
    }
  }

  package func readPrivileges(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> PrivilegeSet {
    try await call(.readPrivileges) { target.withState { $0.privileges(of: identity) } }
  }

  package func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int {
    try await call(.countSessions) { target.withState { $0.sessions(of: logins) } }
  }

  package func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String] {
    try await call(.listResidue) { target.withState { $0.residue(of: names) } }
  }

  package func examine(deadline: ContinuousClock.Instant) async -> [String] { [] }

  package func close() async {}

  private func call<Value: Sendable>(
    _ verb: SimulatedCall.Verb, key: String? = nil, _ body: () -> Value
  ) async throws -> Value {
    if latency > .zero { try await Task.sleep(for: latency) }
    await observer?(SimulatedCall(verb: verb, moment: .before, idempotencyKey: key))
    let value = body()
    await observer?(SimulatedCall(verb: verb, moment: .after, idempotencyKey: key))
    return value
  }
}

/// Makes drivers for targets of kind `simulated`. Not part of the product's normal composition: whoever wants it names it.
///
/// Settings: `name`, the target within this process (default: `simulated`); `latency_ms`, of each call (default: 0);
/// `populate`, `true` to take over identities that this process has not seen.
package struct SimulatedTargetFactory: TargetDriverFactory {
  package static let kind = "simulated"

  private let targets: SimulatedTargets
  private let observer: (@Sendable (SimulatedCall) async -> Void)?

  /// - Parameter observer: called before and after each call; its time counts as the target's.
  package init(targets: SimulatedTargets, observer: (@Sendable (SimulatedCall) async -> Void)? = nil) {
    self.targets = targets
    self.observer = observer
  }

  package func makeDriver(for endpoint: TargetEndpoint) throws(TargetError) -> any TargetDriver {
    let latency = endpoint.settings["latency_ms"] ?? "0"
    guard let milliseconds = Int(latency), (0...60_000).contains(milliseconds) else {
      throw TargetError(code: .invalidSetting, message: "latency_ms must be 0 to 60000 milliseconds")
    }
    let target = targets.target(
      endpoint.settings["name"] ?? "simulated", adoptsUnknown: endpoint.settings["populate"] == "true")
    return SimulatedTargetDriver(target: target, latency: .milliseconds(milliseconds), observer: observer)
  }
}
