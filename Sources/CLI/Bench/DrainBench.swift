import Foundation
import Jobs
import Postgres

/// How fast, and what it took: microseconds of processor time per job, of the server with all its backends, and of who
/// asked it.
struct Throughput {
  let jobsPerSecond: Double
  let server: Double
  let clients: Double

  init(jobs: Int, seconds: Double, server: Double, clients: Double) {
    let share = 1_000_000 / Double(jobs)
    jobsPerSecond = Double(jobs) / seconds
    self.server = server * share
    self.clients = clients * share
  }
}

/// Jobs that do nothing, from a full queue to an empty one.
struct DrainBench {
  let server: BenchServer
  let jobs: Int
  let workers: Int
  let groups: Int
  let concurrency: Int

  func run(_ label: String) async throws -> Throughput {
    try await server.reset()
    let groups = try await server.makeGroups(groups, maximumRunning: 10_000)
    try await server.run("UPDATE jobs.limit_group SET paused_at = now()")
    try await server.enqueue(jobs, over: groups)
    try await server.settle()
    let processes = try BenchWorkers(workers, server: server, run: label, concurrency: concurrency, poll: 0.1)
    try await server.waitForWorkers(workers)
    try await server.clearProfile()
    let (database, busy) = (ProcessorTime.seconds(ofServer: server.running), processes.processorSeconds)
    let start = ContinuousClock.now
    try await server.run("UPDATE jobs.limit_group SET paused_at = NULL", "NOTIFY keyturn_jobs")
    try await processes.waitUntil { $0.begun >= jobs && $0.held == 0 }
    let throughput = Throughput(
      jobs: jobs, seconds: (ContinuousClock.now - start).seconds,
      server: ProcessorTime.seconds(ofServer: server.running) - database,
      clients: processes.processorSeconds - busy)
    await processes.stop()
    let figures = try await server.queueCounts()
    guard figures == (live: 0, archived: jobs) else {
      throw BenchError(description: "\(figures.live) jobs are left and \(figures.archived) archived, of \(jobs)")
    }
    return throughput
  }
}

/// The same rows moved by plain array SQL in a loop: no groups, no caps, no guards, no handlers. What this machine can do.
struct LimitBench {
  let server: BenchServer
  let jobs: Int
  let connections: Int
  /// Rows per statement.
  let batch: Int
  var finish = Finish.archive

  /// How a row ends.
  enum Finish {
    case delete
    case deleteIfFenced
    case archive
    case archiveIfFenced
  }

  func run() async throws -> Throughput {
    try await server.reset()
    let groups = try await server.makeGroups(100, maximumRunning: 10_000)
    try await server.enqueue(jobs, over: groups)
    try await server.settle()
    try await server.clearProfile()
    let own = ProcessInfo.processInfo.processIdentifier
    let (database, busy) = (ProcessorTime.seconds(ofServer: server.running), ProcessorTime.seconds(of: own))
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Int.self) { tasks in
      for _ in 0..<connections { tasks.addTask { try await loop() } }
      var moved = 0
      for try await count in tasks { moved += count }
      guard moved == jobs else { throw BenchError(description: "moved \(moved) of \(jobs)") }
    }
    return Throughput(
      jobs: jobs, seconds: (ContinuousClock.now - start).seconds,
      server: ProcessorTime.seconds(ofServer: server.running) - database,
      clients: ProcessorTime.seconds(of: own) - busy)
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
        moved += try await end(rows, on: connection)
      }
      try await connection.executeScript("RESET enable_seqscan; RESET jit")
      return moved
    }
  }

  private func end(_ rows: [PlainClaim.Row], on connection: PostgresConnection) async throws -> Int {
    switch finish {
    case .delete: try await connection.execute(PlainDelete(locations: rows.map(\.location)))
    case .deleteIfFenced: try await connection.execute(FencedDelete(rows: rows))
    case .archive: try await connection.execute(PlainFinish(locations: rows.map(\.location)))
    case .archiveIfFenced: try await connection.execute(FencedFinish(rows: rows))
    }
  }
}

struct PlainClaim: Statement {
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
    RETURNING j.ctid, j.position, j.subject, j.fence
    """

  let after: Int64
  let limit: Int64

  struct Row {
    let location: TupleID
    let position: Int64
    let subject: UUID
    let fence: Int64
  }

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(after)
    parameters.append(limit)
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(location: try row[0], position: try row[1], subject: try row[2], fence: try row[3])
  }
}

private struct PlainDelete: Statement {
  static let sql = "DELETE FROM jobs.job WHERE ctid = ANY($1)"

  let locations: [TupleID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(locations) }
}

extension PostgresParameters {
  fileprivate mutating func append(guarded rows: [PlainClaim.Row]) {
    append(rows.map(\.location))
    append(rows.map(\.subject))
    append(rows.map(\.fence))
  }
}

/// As `PlainDelete`, guarded as the queue's own ends are. A plain claim's owner is the subject.
private struct FencedDelete: Statement {
  static let sql = """
    DELETE FROM jobs.job AS j
    USING unnest($1::tid[], $2::uuid[], $3::bigint[]) AS m (location, subject, fence)
    WHERE j.ctid = m.location AND j.subject = m.subject AND j.fence = m.fence AND j.lease_owner = m.subject
      AND j.follow_up_kind IS NULL
    """

  let rows: [PlainClaim.Row]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(guarded: rows) }
}

/// As `PlainFinish`, guarded.
private struct FencedFinish: Statement {
  static let sql = """
    WITH mine AS (
      DELETE FROM jobs.job AS j
      USING unnest($1::tid[], $2::uuid[], $3::bigint[]) AS m (location, subject, fence)
      WHERE j.ctid = m.location AND j.subject = m.subject AND j.fence = m.fence AND j.lease_owner = m.subject
        AND j.follow_up_kind IS NULL
      RETURNING j.bucket, j.id, j.kind, j.subject, j.limit_group, j.lane, j.fence, j.attempt, j.failures, j.abandonments,
        j.created_at, j.lease_owner
    )
    INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures,
      abandonments, created_at, finished_by)
    SELECT bucket, id, kind, subject, limit_group, lane, 'done', fence, attempt, failures, abandonments, created_at,
      lease_owner
    FROM mine
    """

  let rows: [PlainClaim.Row]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(guarded: rows) }
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
