import DequeModule
package import Logging
package import Postgres
import Synchronization

/// What one job wants to make durable, all or nothing. The lease is checked in the same transaction.
package struct Step: Sendable {
  package enum Expectation: Sendable, Equatable {
    case anyRows
    case exactly(Int)
  }

  struct Entry: Sendable {
    let statement: AnyStatement
    let expectation: Expectation
  }

  package let lease: Lease
  private(set) var entries: [Entry] = []

  package init(_ lease: Lease) { self.lease = lease }

  package var isEmpty: Bool { entries.isEmpty }

  package mutating func add<S: Statement>(_ statement: S, expecting expectation: Expectation = .exactly(1)) {
    entries.append(Entry(statement: AnyStatement(statement), expectation: expectation))
  }
}

/// Commits the steps of all running jobs together.
///
/// A lone step is committed at once; steps that arrive while a commit is under way share the next one. A step that fails
/// fails alone: the batch is rolled back, halved and tried again until the bad one stands by itself.
package final class StepWriter: Sendable {
  private struct Pending: Sendable {
    let step: Step
    let continuation: CheckedContinuation<Result<Void, JobsError>, Never>
  }

  private struct State {
    var queue: Deque<Pending> = []
    var isWriting = false
  }

  private let client: PostgresClient
  private let maximumBatch: Int
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter maximumBatch: steps per commit, 1…4096.
  package init(client: PostgresClient, maximumBatch: Int = 256, logger: Logger) {
    self.client = client
    self.maximumBatch = maximumBatch
    self.logger = logger
  }

  /// Returns when the step is durable. Not cancellable: a caller that is cancelled still learns what became of it.
  ///
  /// The caller that finds no commit under way writes for everyone until the queue is empty, so no task of its own is
  /// needed and shutdown has nothing to wait for but the callers.
  package func commit(_ step: Step) async throws(JobsError) {
    let result = await withCheckedContinuation { continuation in
      let mustWrite = state.withLock { state -> Bool in
        state.queue.append(Pending(step: step, continuation: continuation))
        if state.isWriting { return false }
        state.isWriting = true
        return true
      }
      // The drain outlives this caller's step when others joined; it is owned by the queue it empties.
      if mustWrite { Task { await self.drain() } }
    }
    try result.get()
  }

  private func drain() async {
    while true {
      let batch = state.withLock { state -> [Pending] in
        if state.queue.isEmpty {
          state.isWriting = false
          return []
        }
        let count = min(maximumBatch, state.queue.count)
        let batch = Array(state.queue.prefix(count))
        state.queue.removeFirst(count)
        return batch
      }
      if batch.isEmpty { return }
      // One lock order for everybody: jobs by id.
      let ordered = batch.sorted { $0.step.lease.job.rawValue.uuidString < $1.step.lease.job.rawValue.uuidString }
      await write(ordered[...])
    }
  }

  private func write(_ batch: ArraySlice<Pending>) async {
    do {
      try await commitTogether(batch)
      for pending in batch { pending.continuation.resume(returning: .success(())) }
    } catch {
      let failure = StepFailure(error)
      guard batch.count > 1, failure.concernsOneStep else {
        if batch.count > 1 { logger.warning("steps not committed", metadata: ["error.code": "\(failure.error.code)"]) }
        for pending in batch { pending.continuation.resume(returning: .failure(failure.error)) }
        return
      }
      let middle = batch.startIndex + batch.count / 2
      await write(batch[..<middle])
      await write(batch[middle...])
    }
  }

  private func commitTogether(_ batch: ArraySlice<Pending>) async throws {
    try await client.withTransaction { transaction in
      var statements: [AnyStatement] = []
      for pending in batch {
        statements.append(AnyStatement(HoldLease(lease: pending.step.lease)))
        statements += pending.step.entries.map(\.statement)
      }
      let results = try await transaction.pipeline(statements)
      var index = 0
      for pending in batch {
        guard results[index].affectedRows == 1 else {
          throw JobsError(code: .leaseLost, message: "the job's lease is no longer held by this worker")
        }
        index += 1
        for entry in pending.step.entries {
          if case .exactly(let wanted) = entry.expectation, results[index].affectedRows != wanted {
            throw JobsError(
              code: .guardFailed, message: "changed \(results[index].affectedRows) rows instead of \(wanted)",
              statement: entry.statement.name)
          }
          index += 1
        }
      }
    }
  }
}

/// Sorts an error into "this step is bad" and "nothing can be written now".
private struct StepFailure {
  let error: JobsError
  let concernsOneStep: Bool

  init(_ error: any Error) {
    if let error = error as? JobsError {
      self.error = error
      concernsOneStep = true
    } else if let error = error as? PostgresError, error.sqlState != nil, error.code == .server {
      self.error = JobsError(
        code: .rejected, message: "the database refused the step", statement: error.statement, cause: error)
      concernsOneStep = true
    } else {
      self.error = JobsError(
        code: .unavailable, message: "the step may not have been written", cause: error as? PostgresError)
      concernsOneStep = false
    }
  }
}
