import Synchronization

/// How long a lease is certainly held, on the monotonic clock of this process. Renewal moves it; it starts *before* the
/// claim was sent and ends a margin early, so it is never longer than what the database believes.
package final class LeaseTerm: Sendable {
  private struct State {
    var deadline: ContinuousClock.Instant
    var isLost = false
  }

  private let state: Mutex<State>

  package init(deadline: ContinuousClock.Instant) {
    state = Mutex(State(deadline: deadline))
  }

  package var deadline: ContinuousClock.Instant { state.withLock { $0.deadline } }

  /// Another worker has the job, or the database said so: write nothing more.
  package var isLost: Bool { state.withLock { $0.isLost } }

  /// False when lost, and when it ran out without being renewed.
  func isHeld(at now: ContinuousClock.Instant) -> Bool { state.withLock { !$0.isLost && $0.deadline > now } }

  func extend(to deadline: ContinuousClock.Instant) {
    state.withLock { $0.deadline = max($0.deadline, deadline) }
  }

  package func lose() { state.withLock { $0.isLost = true } }
}
