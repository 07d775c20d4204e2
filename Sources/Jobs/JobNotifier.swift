package import Logging
package import Postgres
import Synchronization

/// Tells listening workers that there is work: at once for the first order, and for what comes in the next two milliseconds
/// once at their end.
///
/// Not part of a commit that waits for the disk: a notification at every such commit makes all commits of the database take
/// turns, which capped it at 2,700 inserts/s against 15,152 (measured on PostgreSQL 15.18).
package final class JobNotifier: Sendable {
  private struct State {
    /// Nil: nothing to say.
    var wanted: ClaimHints?
    var isSending = false
    var idle: [CheckedContinuation<Void, Never>] = []
  }

  static let gap = Duration.milliseconds(2)

  private let client: PostgresClient
  private let logger: Logger
  private let state = Mutex(State())

  package init(client: PostgresClient, logger: Logger) {
    self.client = client
    self.logger = logger
  }

  /// Work may have come anywhere. Returns at once.
  package func signal() { signal(.anywhere) }

  func signal(_ hints: ClaimHints) {
    let mustSend = state.withLock { state in
      state.wanted = state.wanted ?? ClaimHints()
      state.wanted!.formUnion(hints)
      defer { state.isSending = true }
      return !state.isSending
    }
    // Owned by the state it empties, as the step writer's.
    if mustSend { Task { await self.send() } }
  }

  /// True: the caller's own transaction, which does not wait for the disk, may carry the notification; then `endTurn`. False:
  /// one has just been sent, `signal` afterwards.
  func takeTurn() -> Bool {
    state.withLock { state in
      guard !state.isSending else { return false }
      state.isSending = true
      return true
    }
  }

  func endTurn() { Task { await self.rest() } }

  /// Returns when what was signalled is sent: before a process ends.
  package func flush() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        if state.isSending { state.idle.append(continuation) }
        return !state.isSending
      }
      if isIdle { continuation.resume() }
    }
  }

  private func send() async {
    while true {
      let (hints, idle) = state.withLock { state -> (ClaimHints?, [CheckedContinuation<Void, Never>]) in
        if let hints = state.wanted {
          state.wanted = nil
          return (hints, [])
        }
        state.isSending = false
        defer { state.idle = [] }
        return (nil, state.idle)
      }
      guard let hints else {
        for continuation in idle { continuation.resume() }
        return
      }
      do {
        _ = try await client.pipeline([AnyStatement(CommitWithoutWaiting()), AnyStatement(NotifyWorkers(hints: hints))])
        try await Task.sleep(for: Self.gap)
      } catch {
        // Polling finds the work.
        logger.debug("workers not notified", metadata: ["error": "\(error)"])
      }
    }
  }

  private func rest() async {
    try? await Task.sleep(for: Self.gap)
    await send()
  }
}
