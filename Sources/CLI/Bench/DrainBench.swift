import Foundation
import Jobs
import Postgres

/// Jobs that do nothing, from a full queue to an empty one.
struct DrainBench {
  let server: BenchServer
  let jobs: Int
  let workers: Int
  let groups: Int
  let concurrency: Int

  /// Jobs per second.
  func run(_ label: String) async throws -> Double {
    try await server.reset()
    let groups = try await server.makeGroups(groups, maximumRunning: 10_000)
    try await server.run("UPDATE jobs.limit_group SET paused_at = now()")
    try await server.enqueue(jobs, over: groups)
    try await server.settle()
    let processes = try BenchWorkers(workers, server: server, run: label, concurrency: concurrency, poll: 0.1)
    try await server.waitForWorkers(workers)
    try await server.clearProfile()
    let start = ContinuousClock.now
    try await server.run("UPDATE jobs.limit_group SET paused_at = NULL", "NOTIFY keyturn_jobs")
    try await processes.waitUntil { $0.begun >= jobs && $0.held == 0 }
    let seconds = (ContinuousClock.now - start).seconds
    await processes.stop()
    let figures = try await server.queueCounts()
    guard figures == (live: 0, archived: jobs) else {
      throw BenchError(description: "\(figures.live) jobs are left and \(figures.archived) archived, of \(jobs)")
    }
    return Double(jobs) / seconds
  }
}

/// The same rows moved by plain array SQL in a loop: no groups, no caps, no guards, no handlers. What this machine can do.
struct LimitBench {
  let server: BenchServer
  let jobs: Int
  let connections: Int
  /// Rows per statement.
  let batch: Int

  func run() async throws -> Double {
    try await server.reset()
    let groups = try await server.makeGroups(100, maximumRunning: 10_000)
    try await server.enqueue(jobs, over: groups)
    try await server.settle()
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Int.self) { tasks in
      for _ in 0..<connections { tasks.addTask { try await loop() } }
      var moved = 0
      for try await count in tasks { moved += count }
      guard moved == jobs else { throw BenchError(description: "moved \(moved) of \(jobs)") }
    }
    return Double(jobs) / (ContinuousClock.now - start).seconds
  }

  private func loop() async throws -> Int {
    try await server.client.withConnection { connection in
      try await connection.executeScript("SET enable_seqscan = off; SET jit = off")
      var moved = 0
      var after: Int64 = 0
      while true {
        let rows = try await connection.query(PlainClaim(after: after, limit: Int64(batch)))
        guard let first = rows.map(\.position).min() else { break }
        after = first
        moved += try await connection.execute(PlainFinish(locations: rows.map(\.location)))
      }
      try await connection.executeScript("RESET enable_seqscan; RESET jit")
      return moved
    }
  }
}

private struct PlainClaim: Statement {
  static let sql = """
    UPDATE jobs.job AS j
    SET fence = j.fence + 1, attempt = j.attempt + 1, lease_owner = j.subject, lease_expires_at = now()
    WHERE j.ctid = ANY(ARRAY(
      SELECT c.ctid
      FROM jobs.job AS c
      WHERE c.hold IS NULL AND c.lease_owner IS NULL AND c.position + 0 >= $1
      ORDER BY c.position + 0
      LIMIT $2
      FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING j.ctid, j.position
    """

  let after: Int64
  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(after)
    parameters.append(limit)
  }

  static func decode(_ row: PostgresRow) throws -> (location: TupleID, position: Int64) { (try row[0], try row[1]) }
}

private struct PlainFinish: Statement {
  static let sql = """
    WITH mine AS (
      DELETE FROM jobs.job
      WHERE ctid = ANY($1)
      RETURNING bucket, id, kind, subject, limit_group, lane, fence, attempt, failures, abandonments, created_at, lease_owner
    )
    INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures,
      abandonments, created_at, finished_by)
    SELECT bucket, id, kind, subject, limit_group, lane, 'done', fence, attempt, failures, abandonments, created_at,
      lease_owner
    FROM mine
    """

  let locations: [TupleID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(locations) }
}

extension BenchServer {
  func waitForWorkers(_ count: Int) async throws {
    while try await owner.queryFirst(CountHeartbeats()) != count { try await Task.sleep(for: .milliseconds(20)) }
    // A worker that has said hello has looked at the queue once by now.
    try await Task.sleep(for: .milliseconds(500))
  }

  func queueCounts() async throws -> (live: Int, archived: Int) {
    try await owner.queryFirst(CountJobs()) ?? (0, 0)
  }
}

private struct CountHeartbeats: Statement {
  static let sql = "SELECT count(*) FROM jobs.worker WHERE stopped_at IS NULL"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

private struct CountJobs: Statement {
  static let sql = "SELECT (SELECT count(*) FROM jobs.job), (SELECT count(*) FROM jobs.job_archive)"
  static func decode(_ row: PostgresRow) throws -> (live: Int, archived: Int) { (try row[0], try row[1]) }
}
