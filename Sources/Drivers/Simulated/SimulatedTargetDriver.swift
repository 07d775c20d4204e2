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
    case listKeys
    case readMark
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
  package var traits: TargetTraits { target.traits }

  let target: SimulatedTarget
  let latency: Duration
  let observer: (@Sendable (SimulatedCall) async -> Void)?
  let fault: (@Sendable (SimulatedCall.Verb) -> SimulatedFault?)?

  /// - Parameter observer: called before and after each call; its time counts as the target's.
  /// - Parameter fault: asked once per call how it goes wrong; nil: it does not.
  package init(
    target: SimulatedTarget, latency: Duration = .zero, observer: (@Sendable (SimulatedCall) async -> Void)? = nil,
    fault: (@Sendable (SimulatedCall.Verb) -> SimulatedFault?)? = nil
  ) {
    self.target = target
    self.latency = latency
    self.observer = observer
    self.fault = fault
  }

  package func apply(_ change: TargetChange, context: EffectContext) async throws -> EffectOutcome {
    try await call(.change(change.verb), key: context.idempotencyKey) { fault in
      guard ContinuousClock.now < context.deadline else { return .unknown(cause: "the deadline passed") }
      return try target.apply(change, context, fault)
    }
  }

  package func mint(_ order: MintOrder, context: EffectContext) async throws -> MintOutcome {
    try await call(.change(.mint), key: context.idempotencyKey) { fault in
      guard ContinuousClock.now < context.deadline else { return .unknown(cause: "the deadline passed") }
      return try target.mint(order, context, fault)
    }
  }

  package func listKeys(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> [TargetKey] {
    try await read(.listKeys) { $0.keys(of: identity) }
  }

  package func readMark(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> TargetMark? {
    try await read(.readMark) { state in
      state.roles[identity.name].map { TargetMark(mark: $0.mark.isEmpty ? nil : $0.mark, fence: $0.fence) }
    }
  }

  package func authenticate(
    login: String, secret: SecretBytes, deadline: ContinuousClock.Instant
  ) async -> ProbeResult {
    do {
      return try await call(.authenticate) { fault in
        if fault == .cannotTell { return .cannotTell(cause: "no answer") }
        let now = target.clock()
        return target.withState { state in
          let result = state.authenticate(login, secret)
          state.note(result, of: login, at: now)
          return result
        }
      }
    } catch {
      return .cannotTell(cause: "the call was cancelled")
    }
  }

  package func readPrivileges(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> PrivilegeSet {
    try await read(.readPrivileges) { $0.privileges(of: identity) }
  }

  package func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int {
    try await read(.countSessions) { $0.sessions(of: logins) }
  }

  package func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String] {
    try await read(.listResidue) { $0.residue(of: names) }
  }

  package func examine(deadline: ContinuousClock.Instant) async -> [String] { [] }

  package func close() async {}

  private func read<Value: Sendable>(
    _ verb: SimulatedCall.Verb, _ body: (SimulatedState) -> Value
  ) async throws -> Value {
    try await call(verb) { fault in
      if fault == .cannotTell { throw TargetError(code: .unreachable, message: "no answer; try again") }
      return target.withState { body($0) }
    }
  }

  private func call<Value: Sendable>(
    _ verb: SimulatedCall.Verb, key: String? = nil, _ body: (SimulatedFault?) throws -> Value
  ) async throws -> Value {
    if latency > .zero { try await Task.sleep(for: latency) }
    await observer?(SimulatedCall(verb: verb, moment: .before, idempotencyKey: key))
    let value = try body(fault?(verb))
    await observer?(SimulatedCall(verb: verb, moment: .after, idempotencyKey: key))
    return value
  }
}

/// Makes drivers for targets of kind `simulated`. Not part of the product's normal composition: whoever wants it names it.
///
/// Settings: `name`, the target within this process (default: `simulated`); `latency_ms`, of each call (default: 0);
/// `populate`, `true` to take over identities that this process has not seen; `class`, one of `overwrite` (default),
/// `self_change`, `minted`, `key_pair`; `slots`, `one` (default), `two` or `many`; `fences`, `false` for a target that keeps no
/// fence; `lockout`, failed logins that lock a login, within `lockout_window` seconds (default: 1800).
package struct SimulatedTargetFactory: TargetDriverFactory {
  package static let kind = "simulated"

  private let targets: SimulatedTargets
  private let observer: (@Sendable (SimulatedCall) async -> Void)?
  private let fault: (@Sendable (SimulatedCall.Verb) -> SimulatedFault?)?

  /// - Parameter observer: called before and after each call; its time counts as the target's.
  /// - Parameter fault: asked once per call how it goes wrong; nil: it does not.
  package init(
    targets: SimulatedTargets, observer: (@Sendable (SimulatedCall) async -> Void)? = nil,
    fault: (@Sendable (SimulatedCall.Verb) -> SimulatedFault?)? = nil
  ) {
    self.targets = targets
    self.observer = observer
    self.fault = fault
  }

  package func makeDriver(for endpoint: TargetEndpoint) throws(TargetError) -> any TargetDriver {
    let latency = endpoint.settings["latency_ms"] ?? "0"
    guard let milliseconds = Int(latency), (0...60_000).contains(milliseconds) else {
      throw TargetError(code: .invalidSetting, message: "latency_ms must be 0 to 60000 milliseconds")
    }
    let target = targets.target(
      endpoint.settings["name"] ?? "simulated", adoptsUnknown: endpoint.settings["populate"] == "true",
      traits: try TargetTraits(endpoint.settings))
    return SimulatedTargetDriver(target: target, latency: .milliseconds(milliseconds), observer: observer, fault: fault)
  }
}

extension TargetTraits {
  fileprivate init(_ settings: [String: String]) throws(TargetError) {
    guard let secretClass = SecretClass(rawValue: settings["class"] ?? "overwrite") else {
      throw TargetError(
        code: .invalidSetting, message: "class must be overwrite, self_change, minted or key_pair")
    }
    guard let slots = SecretSlots(rawValue: settings["slots"] ?? "one") else {
      throw TargetError(code: .invalidSetting, message: "slots must be one, two or many")
    }
    var lockout: LockoutRule?
    if let text = settings["lockout"] {
      guard let threshold = Int(text), (1...100).contains(threshold) else {
        throw TargetError(code: .invalidSetting, message: "lockout must be 1 to 100 failed logins")
      }
      guard let window = Double(settings["lockout_window"] ?? "1800"), (1...86_400).contains(window) else {
        throw TargetError(code: .invalidSetting, message: "lockout_window must be 1 to 86400 seconds")
      }
      lockout = LockoutRule(threshold: threshold, window: window)
    }
    self.init(
      secretClass: secretClass, fencesOnTarget: settings["fences"] != "false", slots: slots, lockout: lockout)
  }
}
