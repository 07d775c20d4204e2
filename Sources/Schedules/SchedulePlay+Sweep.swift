import Lifecycle
import Secrets

/// One crash point after the other.
extension SchedulePlay {
  /// Without faults: an issue, and what is ordered, with a worker that ends, or is replaced, at one crash point. False when there
  /// are not that many.
  func interrupt(_ scenario: CrashSweep.Scenario, at point: Int, _ kind: CrashSweep.Interruption) async -> Bool {
    _ = store.order(.issue, trigger: .issue)
    if scenario != .issue {
      await calm()
      await openSessions(share: 1)
      order(scenario)
    }
    state.withLock { state in
      state.countdown = point
      state.isReplacement = kind == .replaced
    }
    // A saga may wait on the way; the count goes on over its runs.
    for _ in 1...20 {
      guard let lease = store.claim() else { break }
      await follow(await carry(lease), isCalm: true)
      if state.withLock({ $0.countdown }) == nil { break }
    }
    let isReached = state.withLock { $0.countdown == nil }
    await calm()
    if scenario == .issue { useCurrent() }
    await judge()
    return isReached
  }

  func order(_ scenario: CrashSweep.Scenario) {
    switch scenario {
    case .issue: break
    case .rotate: _ = store.order(.rotate, trigger: .requested(by: person, ticket: "C-1"))
    case .leak: _ = store.order(.rotate, trigger: .leak(by: person, ticket: "C-1"))
    case .narrow:
      store.narrow(to: [Self.approved[0]])
      _ = store.order(.rotate, trigger: .narrowing(by: person, ticket: "C-1"))
    case .revoke: _ = store.order(.revoke, trigger: .revocation(by: person, ticket: "C-1"))
    }
  }
}
