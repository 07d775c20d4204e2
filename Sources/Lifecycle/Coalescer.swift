import Synchronization

/// Answers many callers with one call. A lone caller is served at once; who asks while a call is under way shares the next one.
final class Coalescer<Request: Sendable, Answer: Sendable>: Sendable {
  private typealias Waiting = (
    request: Request, continuation: CheckedContinuation<Result<Answer, any Error>, Never>
  )

  private struct State {
    var waiting: [Waiting] = []
    var isServing = false
  }

  /// Requests per call.
  private static var batch: Int { 1024 }

  private let serve: @Sendable ([Request]) async throws -> [Result<Answer, any Error>]
  private let state = Mutex(State())

  /// - Parameter serve: an answer for each request, in their order; throws when all fail.
  init(_ serve: @escaping @Sendable ([Request]) async throws -> [Result<Answer, any Error>]) { self.serve = serve }

  func answer(_ request: Request) async throws -> Answer {
    let result = await withCheckedContinuation { continuation in
      let mustServe = state.withLock { state -> Bool in
        state.waiting.append((request, continuation))
        defer { state.isServing = true }
        return !state.isServing
      }
      // Owned by the queue it empties: whoever finds nobody serving starts it, and it ends when nothing is left.
      if mustServe { Task { await self.drain() } }
    }
    return try result.get()
  }

  private func drain() async {
    while let waiting = take() {
      do {
        let answers = try await serve(waiting.map(\.request))
        for (one, answer) in zip(waiting, answers) { one.continuation.resume(returning: answer) }
      } catch {
        for one in waiting { one.continuation.resume(returning: .failure(error)) }
      }
    }
  }

  private func take() -> [Waiting]? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isServing = false
        return nil
      }
      defer { state.waiting.removeFirst(min(Self.batch, state.waiting.count)) }
      return Array(state.waiting.prefix(Self.batch))
    }
  }
}
