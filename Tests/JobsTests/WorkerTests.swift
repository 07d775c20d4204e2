import Foundation
import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Jobs

@Suite struct WorkerTests {
  private let kind = JobKind(name: "rotate", precedence: 2)

  private func worker(
    _ database: TestDatabase, grace: Double = 5, body: @escaping @Sendable (ClaimedJob, LeaseTerm) async -> JobOutcome
  ) throws -> Worker {
    try TestWorker(database.client, kinds: [kind], grace: grace, body: body).worker
  }

  private func enqueue(_ count: Int, _ database: TestDatabase) async throws {
    let group = LimitGroupID(UUID())
    try await JobQueue().setLimit(group, GroupLimit(maximumRunning: 10), in: database.client)
    try await database.client.withTransaction { transaction in
      for _ in 0..<count {
        try await JobQueue().enqueue(
          .init(kind: kind, subject: SubjectID(UUID()), group: group, lane: .routine, fence: 0), in: transaction)
      }
    }
  }

  @Test func runsEveryJobOnceAndArchivesIt() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(50, database)
    let seen = Mutex<[JobID: Int]>([:])
    let worker = try worker(database) { job, _ in
      seen.withLock { $0[job.id, default: 0] += 1 }
      return .done
    }
    async let running: Void = worker.run()
    try await database.eventually { try await database.count("SELECT count(*) FROM jobs.job_archive") == 50 }
    worker.stop()
    await running
    #expect(seen.withLock { $0.count } == 50)
    #expect(seen.withLock { $0.values.max() } == 1)
    await database.close()
  }

  @Test func aFailedJobIsTriedAgain() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(1, database)
    let worker = try worker(database) { job, _ in job.failures < 2 ? .retry(JobFailure(code: "no")) : .done }
    async let running: Void = worker.run()
    try await database.eventually {
      try await database.count("SELECT count(*) FROM jobs.job_archive WHERE failures = 2 AND attempt = 3") == 1
    }
    worker.stop()
    await running
    await database.close()
  }

  @Test func aJobThatOutlivesItsLeaseIsRenewed() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(1, database)
    let worker = try worker(database) { _, term in
      let first = term.deadline
      while term.deadline == first, !Task.isCancelled { await TestWorker.breathe(milliseconds: 5) }
      return term.isLost ? .abandon : .done
    }
    async let running: Void = worker.run()
    try await database.eventually { try await database.count("SELECT count(*) FROM jobs.job_archive") == 1 }
    worker.stop()
    await running
    await database.close()
  }

  @Test func stoppingGivesBackWhatDoesNotFinishWithoutCountingIt() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(1, database)
    let isStarted = Mutex(false)
    let worker = try worker(database, grace: 0.1) { _, _ in
      isStarted.withLock { $0 = true }
      while !Task.isCancelled { await TestWorker.breathe(milliseconds: 5) }
      return .retry(JobFailure(code: "stopped"))
    }
    async let running: Void = worker.run()
    try await database.eventually { isStarted.withLock { $0 } }
    worker.stop()
    await running
    #expect(
      try await database.count(
        "SELECT count(*) FROM jobs.job WHERE hold IS NULL AND lease_owner IS NULL AND attempt = 0 AND failures = 0 AND abandonments = 0"
      )
        == 1)
    #expect(try await database.count("SELECT count(*) FROM jobs.worker WHERE stopped_at IS NOT NULL") == 1)
    await database.close()
  }

  @Test func losingTheLeaseCancelsTheHandlerAndWritesNothing() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(1, database)
    let isCancelled = Mutex(false)
    let runs = Mutex(0)
    let worker = try worker(database) { job, _ in
      if runs.withLock({ runs in
        runs += 1
        return runs
      }) > 1 {
        return .done
      }
      while !Task.isCancelled { await TestWorker.breathe(milliseconds: 5) }
      isCancelled.withLock { $0 = true }
      return .done
    }
    async let running: Void = worker.run()
    try await database.eventually { runs.withLock { $0 } == 1 }
    _ = try await database.count("WITH x AS (UPDATE jobs.job SET fence = fence + 1 RETURNING 1) SELECT count(*) FROM x")
    try await database.eventually { isCancelled.withLock { $0 } }
    #expect(try await database.count("SELECT count(*) FROM jobs.job_archive") == 0)
    worker.stop()
    await running
    await database.close()
  }

  @Test func anUnknownKindIsQuarantinedNotDropped() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(1, database)
    _ = try await database.count("WITH x AS (UPDATE jobs.job SET kind = 'mystery' RETURNING 1) SELECT count(*) FROM x")
    let worker = try worker(database) { _, _ in .done }
    async let running: Void = worker.run()
    try await database.eventually {
      try await database.count(
        "SELECT count(*) FROM jobs.job WHERE hold = 'quarantined' AND hold_reason = 'unknown kind of job'") == 1
    }
    worker.stop()
    await running
    await database.close()
  }

  @Test func maintenanceRunsInOneProcessAtATime() async throws {
    let database = try await TestDatabase.make()
    let runs = Mutex(0)
    let duty = MaintenanceDuty(name: "count", period: 3600) { _ in
      runs.withLock { $0 += 1 }
      return "counted"
    }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          await Maintenance(client: database.client, duties: [duty], logger: Logger(label: "test")).run()
        }
      }
      do {
        try await database.eventually {
          try await database.count("SELECT count(*) FROM jobs.maintenance WHERE last_result = 'counted'") == 1
        }
      } catch {
        Issue.record(error)
      }
      group.cancelAll()
    }
    #expect(runs.withLock { $0 } == 1)
    await database.close()
  }
}
