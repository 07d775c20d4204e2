import Foundation
import Jobs
import Postgres

/// A steady flow of jobs while another session holds an old snapshot, as a dump or a forgotten dashboard does: no dead row
/// can be removed. What a cycle costs the server, minute by minute.
struct PinnedBench {
  let server: BenchServer
  let rate: Int
  /// Seconds; the first window is without the pin.
  let window: Double
  let windows: Int

  struct Window {
    /// The server's milliseconds per thousand jobs, in the queue's own statements.
    let serverTime: Double
    let claim: Sample
    let look: Sample
    let deadRows: Int
  }

  func run(_ show: (Int, Window) -> Void) async throws -> (free: Window, pinned: [Window]) {
    try await server.reset()
    try await server.clearProfile()
    let groups = try await server.makeGroups(100, maximumRunning: 100)
    let processes = try BenchWorkers(2, server: server, run: "pinned", concurrency: 500, trace: true)
    try await server.waitForWorkers(2)
    let pin = try await PostgresConnection.connect(server.owner.configuration, logger: server.logger)
    let result = try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await produce(groups) }
      var reader = TraceReader(processes)
      // The first seconds fill caches.
      try await Task.sleep(for: .seconds(5))
      _ = reader.next()
      let free = try await measure(&reader)
      show(0, free)
      try await pin.executeScript("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM keyturn.v_job")
      var pinned: [Window] = []
      for number in 1...windows {
        pinned.append(try await measure(&reader))
        show(number, pinned.last!)
      }
      tasks.cancelAll()
      return (free, pinned)
    }
    await pin.close()
    await processes.stop()
    return result
  }

  private func produce(_ groups: [LimitGroupID]) async throws {
    let queue = JobQueue(notifier: JobNotifier(client: server.client, logger: server.logger))
    var due = ContinuousClock.now
    var index = 0
    let batch = max(1, rate / 100)
    while !Task.isCancelled {
      due += .seconds(Double(batch) / Double(rate))
      do { try await Task.sleep(until: due) } catch { return }
      let orders = (0..<batch).map { offset in
        JobQueue.Order(
          kind: BenchServer.kind, subject: SubjectID(UUID()), group: groups[(index + offset) % groups.count],
          lane: .routine, fence: 0)
      }
      index += batch
      try await server.client.withTransaction { try await queue.enqueue(orders, in: $0) }
    }
  }

  private func measure(_ reader: inout TraceReader) async throws -> Window {
    let before = try await server.owner.queryFirst(QueueTime())
    try await Task.sleep(for: .seconds(window))
    let after = try await server.owner.queryFirst(QueueTime())
    let reading = reader.next()
    guard let before, let after else { throw BenchError(description: "the server's statistics cannot be read") }
    let jobs = max(1, after.archived - before.archived)
    return Window(
      serverTime: (after.milliseconds - before.milliseconds) / Double(jobs) * 1000, claim: reading.claims,
      look: reading.looks, deadRows: after.dead)
  }
}

/// What traced workers tell from one call to the next.
private struct TraceReader {
  private let processes: BenchWorkers
  private var offsets: [String: Int] = [:]

  init(_ processes: BenchWorkers) { self.processes = processes }

  mutating func next() -> BenchTrace.Reading {
    var text = ""
    for (path, output) in processes.tracedByPath {
      let start = offsets[path] ?? 0
      text += String(decoding: output.utf8.dropFirst(start), as: UTF8.self)
      offsets[path] = output.utf8.count
    }
    return BenchTrace.Reading(text)
  }
}

/// Statements of the queue's claims, looks and settlements; enqueueing is the producer's.
private struct QueueTime: Statement {
  static let sql = """
    SELECT COALESCE(sum(total_exec_time), 0)::float8,
      COALESCE(sum(rows) FILTER (WHERE query LIKE '%WITH mine AS%DELETE FROM jobs.job%'), 0)::bigint,
      (SELECT COALESCE(sum(s.done), 0)::bigint FROM jobs.statistic AS s),
      (SELECT n_dead_tup::bigint FROM pg_stat_user_tables WHERE schemaname = 'jobs' AND relname = 'job')
    FROM pg_stat_statements
    WHERE query LIKE '%WITH held AS MATERIALIZED%' OR query LIKE '%WITH mine AS%DELETE FROM jobs.job%'
      OR query LIKE '%pg_snapshot_xmin%' OR query LIKE '%FROM unnest($1::smallint[], $2::uuid[]) AS w%'
      OR query LIKE '%WITH due AS%'
    """

  static func decode(_ row: PostgresRow) throws -> (milliseconds: Double, archived: Int, dead: Int) {
    (try row[0], try row[2], try row[3])
  }
}
