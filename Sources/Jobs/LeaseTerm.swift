import Synchronization

/// How long a lease is certainly held, on the monotonic clock of this process. Renewal moves it; it starts *before* the
/// claim was sent and ends a margin early, so it is never longer than what the database believes.
package final class LeaseTerm: Sendable {
  private struct State {
    var deadline: ContinuousClock.Instant
    var isLost = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  package init(deadline: ContinuousClock.Instant) {
    state = Mutex(State(deadline: deadline))
  }

  package var deadline: ContinuousClock.Instant { state.withLock { $0.deadline } }

  package var isLost: Bool { state.withLock { $0.isLost } }

  func extend(to deadline: ContinuousClock.Instant) {
    state.withLock { $0.deadline = max($0.deadline, deadline) }
  }

  func lose() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.isLost = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when the lease was lost or the task is cancelled. One waiter at a time.
  func untilLost() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state -> Bool in
          if state.isLost || Task.isCancelled { return true }
          state.waiter = continuation
          return false
        }
        if resumeNow { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
