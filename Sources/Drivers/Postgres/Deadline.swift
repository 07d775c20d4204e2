/// The deadline came before the effect was complete; the transaction was rolled back, or its end was not seen.
struct DeadlinePassed: Error {}

/// Cancels `body` at `deadline` and throws `DeadlinePassed`. The server's own limits end a statement; this also ends the
/// wait for a connection.
func withDeadline<Result: Sendable>(
  _ deadline: ContinuousClock.Instant, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  _ = try deadline.remaining()
  return try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(until: deadline, clock: .continuous)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let result = first else { throw DeadlinePassed() }
    return result
  }
}

extension ContinuousClock.Instant {
  /// Less a margin for the way back. Throws `DeadlinePassed` when nothing is left.
  func remaining() throws -> Duration {
    let remaining = ContinuousClock.now.duration(to: self) - .milliseconds(100)
    guard remaining > .zero else { throw DeadlinePassed() }
    return remaining
  }
}
