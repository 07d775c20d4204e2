import DequeModule
import Foundation
package import Logging
package import Postgres
import Synchronization

/// What one job wants to make durable, all or nothing. The lease is checked in the same transaction.
package struct Step: Sendable {
  package enum Expectation: Sendable, Equatable {
    case anyRows
    case exactly(Int)
  }

  enum Entry: Sendable {
    case single(AnyStatement, Expectation)
    /// Shares its execution with the same statement of other jobs; must change its row.
    case batch(any BatchStatement)
  }

  package let lease: Lease
  private(set) var entries: [Entry] = []

  package init(_ lease: Lease) { self.lease = lease }

  package var isEmpty: Bool { entries.isEmpty }

  package mutating func add<S: Statement>(_ statement: S, expecting expectation: Expectation = .exactly(1)) {
    entries.append(.single(AnyStatement(statement), expectation))
  }

  package mutating func add(batched statement: some BatchStatement) {
    entries.append(.batch(statement))
  }

  /// Before all others, so that all steps of a commit share its execution, however many entries each has.
  package mutating func addFirst(batched statement: some BatchStatement) {
    entries.insert(.batch(statement), at: 0)
  }
}

/// Commits the steps of all running jobs together, and what becomes of jobs that ended.
///
/// A lone step is committed at once; what arrives while a commit is under way shares the next one. A step that fails
/// fails alone: the rest of the batch is tried again without it. A job's end that meets a database that is away or full is
/// tried again as long as the lease is held.
package final class StepWriter: Sendable {
  struct PendingStep: Sendable {
    let step: Step
    let continuation: CheckedContinuation<Result<Void, JobsError>, Never>
  }

  struct PendingSettlement: Sendable {
    let settlement: Settlement
    let term: LeaseTerm
    /// The row is not where it was: find it by its key.
    var isMoved = false
    /// True: written. False: the lease was lost, nothing was written.
    let done: @Sendable (Bool) -> Void
  }

  private struct State {
    var steps: Deque<PendingStep> = []
    var settlements: Deque<PendingSettlement> = []
    var isWriting = false
  }

  private let client: PostgresClient
  private let maximumBatch: Int
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter maximumBatch: steps, and ends of jobs, per commit; 1…4096.
  package init(client: PostgresClient, maximumBatch: Int = 1024, logger: Logger) {
    self.client = client
    self.maximumBatch = maximumBatch
    self.logger = logger
  }

  /// Returns when the step is durable. Not cancellable: a caller that is cancelled still learns what became of it.
  package func commit(_ step: Step) async throws(JobsError) {
    let result = await withCheckedContinuation { continuation in
      add { $0.steps.append(PendingStep(step: step, continuation: continuation)) }
    }
    try result.get()
  }

  /// Returns at once; `done` is called when it is known what became of it.
  func settle(_ settlement: Settlement, term: LeaseTerm, done: @escaping @Sendable (Bool) -> Void) {
    add { $0.settlements.append(PendingSettlement(settlement: settlement, term: term, done: done)) }
  }

  private func add(_ change: (inout State) -> Void) {
    let mustWrite = state.withLock { state -> Bool in
      change(&state)
      defer { state.isWriting = true }
      return !state.isWriting
    }
    // Owned by the queue it empties: whoever finds nobody writing starts it, and it ends when nothing is left.
    if mustWrite { Task { await self.drain() } }
  }

  private func drain() async {
    var pause = Duration.milliseconds(20)
    while let batch = takeBatch() {
      var batch = batch
      let isAvailable = await write(&batch)
      guard !isAvailable else {
        pause = .milliseconds(20)
        continue
      }
      // Only ends of jobs are left; what cannot be written now waits, but no longer than its lease.
      putBack(batch.settlements)
      do { try await Task.sleep(for: pause) } catch { continue }
      pause = min(pause * 2, .seconds(1))
    }
  }

  private func takeBatch() -> WriteBatch? {
    state.withLock { state in
      guard !state.steps.isEmpty || !state.settlements.isEmpty else {
        state.isWriting = false
        return nil
      }
      return WriteBatch(
        steps: state.steps.takeFirst(maximumBatch), settlements: state.settlements.takeFirst(maximumBatch))
    }
  }

  private func putBack(_ settlements: [PendingSettlement]) {
    let now = ContinuousClock.now
    let (held, lost) = (settlements.filter { $0.term.isHeld(at: now) }, settlements.filter { !$0.term.isHeld(at: now) })
    state.withLock { $0.settlements.prepend(contentsOf: held) }
    for settlement in lost { settlement.done(false) }
  }

  /// Writes all it can. False when the database cannot take it now; then `batch` holds the ends of jobs that are left.
  private func write(_ batch: inout WriteBatch) async -> Bool {
    while !batch.isEmpty {
      do {
        let answers = try await send(batch)
        for pending in batch.steps { pending.continuation.resume(returning: .success(())) }
        conclude(batch.settlements, answers)
        batch = WriteBatch()
        return true
      } catch let failures as StepsFailed {
        for (index, error) in failures.errors { batch.steps[index].continuation.resume(returning: .failure(error)) }
        batch.steps = batch.steps.indices.filter { failures.errors[$0] == nil }.map { batch.steps[$0] }
      } catch {
        let failure = WriteFailure(error)
        guard failure.concernsOneStep else {
          logger.warning("steps not committed", metadata: ["error.code": "\(failure.error.code)", "error": "\(error)"])
          for pending in batch.steps { pending.continuation.resume(returning: .failure(failure.error)) }
          batch.steps = []
          return false
        }
        return await writeHalves(of: &batch, failure)
      }
    }
    return true
  }

  /// Some row is bad and the database does not say whose: halve until it stands alone.
  private func writeHalves(of batch: inout WriteBatch, _ failure: WriteFailure) async -> Bool {
    guard batch.count > 1 else {
      for pending in batch.steps { pending.continuation.resume(returning: .failure(failure.error)) }
      for pending in batch.settlements {
        logger.error("a job's end was refused", metadata: ["error": "\(failure.error)"])
        pending.done(false)
      }
      batch = WriteBatch()
      return true
    }
    var (first, second) = batch.halves
    let isFirstWritten = await write(&first)
    let isSecondWritten = await write(&second)
    batch = WriteBatch(settlements: first.settlements + second.settlements)
    return isFirstWritten && isSecondWritten
  }

  private func send(_ batch: WriteBatch) async throws -> WriteAnswers {
    let plan = WritePlan(batch)
    // Without steps no guard can make it all undone, so the round trip is the transaction.
    guard !batch.steps.isEmpty else { return try plan.answers(try await client.pipeline(plan.statements)) }
    return try await client.withTransaction { try plan.answers(try await $0.pipeline(plan.statements)) }
  }

  private func conclude(_ settlements: [PendingSettlement], _ answers: WriteAnswers) {
    var moved: [PendingSettlement] = []
    for (index, var pending) in settlements.enumerated() {
      if answers.written[index] {
        pending.done(true)
      } else if pending.isMoved {
        pending.done(false)
      } else if case .archive = pending.settlement.kind {
        pending.isMoved = true
        moved.append(pending)
      } else {
        pending.done(false)
      }
    }
    if !moved.isEmpty { add { $0.settlements.prepend(contentsOf: moved) } }
  }
}

extension Deque {
  fileprivate mutating func takeFirst(_ count: Int) -> [Element] {
    let taken = Array(prefix(count))
    removeFirst(taken.count)
    return taken
  }
}

/// Sorts an error into "one of them is bad" and "nothing can be written now".
private struct WriteFailure {
  let error: JobsError
  let concernsOneStep: Bool

  init(_ error: any Error) {
    if let error = error as? PostgresError, let state = error.sqlState, error.code == .server, !state.isPassing {
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
