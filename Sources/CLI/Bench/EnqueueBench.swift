import Foundation
import Jobs
import Postgres

/// Bulk enqueueing through the queue's own statement, merging by subject on; and the plain INSERT of the same rows.
struct EnqueueBench {
  let server: BenchServer
  let jobs: Int
  let connections: Int

  func run() async throws -> Double {
    try await server.reset()
    let groups = try await server.makeGroups(100, maximumRunning: 10)
    let start = ContinuousClock.now
    try await server.enqueue(jobs, over: groups, connections: connections)
    let seconds = (ContinuousClock.now - start).seconds
    let stored = try await server.queueCounts().live
    guard stored == jobs else { throw BenchError(description: "\(stored) of \(jobs) jobs are stored") }
    return Double(jobs) / seconds
  }

  func plain() async throws -> Double {
    try await server.reset()
    let groups = try await server.makeGroups(100, maximumRunning: 10)
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 0..<connections {
        tasks.addTask {
          for first in stride(from: 0, to: jobs / connections, by: JobQueue.batch) {
            let rows = (first..<min(first + JobQueue.batch, jobs / connections)).map {
              groups[$0 % groups.count].rawValue
            }
            try await server.client.execute(PlainInsert(groups: rows))
          }
        }
      }
      try await tasks.waitForAll()
    }
    return Double(jobs) / (ContinuousClock.now - start).seconds
  }
}

private struct PlainInsert: Statement {
  static let sql = """
    INSERT INTO jobs.job (id, subject, bucket, limit_group, kind, precedence, lane, run_at, fence)
    SELECT w.id, w.subject, w.bucket, w.limit_group, 'rotate', 2, 4, now(), 0
    FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::uuid[]) AS w (id, subject, bucket, limit_group)
    """

  let groups: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    var generator = SystemRandomNumberGenerator()
    parameters.append(groups.map { _ in UUID.version4(using: &generator) })
    parameters.append(groups.map { _ in UUID.version4(using: &generator) })
    parameters.append(groups.map { Bucket(of: LimitGroupID($0)).rawValue })
    parameters.append(groups)
  }
}
