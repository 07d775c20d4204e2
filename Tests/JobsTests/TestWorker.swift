import Foundation
import Logging
import Postgres
import Synchronization
import TestSupport

@testable import Jobs

/// A worker that runs what the test gives it.
struct TestWorker: Sendable {
  struct Handler: JobHandler {
    let body: @Sendable (ClaimedJob, LeaseTerm) async -> JobOutcome
    func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome { await body(job, term) }
  }

  let worker: Worker
  let maintenance: Maintenance

  init(
    _ client: PostgresClient, kinds: [JobKind] = [QueueFixture.weak, QueueFixture.middle, QueueFixture.strong],
    name: String = "test", concurrency: Int = 64, lease: Double = 3, grace: Double = 5, listens: Bool = true,
    poll: Double = 0.02, logger: Logger = TestDatabase.logger,
    body: @escaping @Sendable (ClaimedJob, LeaseTerm) async -> JobOutcome
  ) throws {
    var configuration = WorkerConfiguration(
      name: name, maximumInFlight: concurrency, lease: lease, leaseMargin: 0.5, heartbeat: 0.2, poll: poll,
      shutdownGrace: grace, retry: RetryPolicy(base: 0.01, cap: 0.05))
    configuration.listens = listens
    worker = try Worker(
      client: client, configuration: configuration, handlers: kinds.map { ($0, Handler(body: body)) },
      writer: StepWriter(client: client, logger: logger), logger: logger)
    maintenance = Maintenance(client: client, duties: worker.duties, logger: logger)
  }

  /// Works until `until` returns, then stops in good order.
  func run(until condition: @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await maintenance.run() }
      group.addTask { await worker.run() }
      do {
        try await condition()
      } catch {
        worker.stop()
        group.cancelAll()
        throw error
      }
      worker.stop()
      worker.stop()
      while worker.inFlight > 0 { await Task.yield() }
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  static func breathe(milliseconds: Int) async {
    // Cancelled: the caller's loop sees it.
    _ = try? await Task.sleep(for: .milliseconds(milliseconds))
  }
}

/// A value that several tasks of a test change.
final class Shared<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }

  func withLock<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    try value.withLock { value in try body(&value) }
  }
}
