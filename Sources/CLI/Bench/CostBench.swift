import Jobs
import Postgres

/// What each of the queue's guarantees costs: the same jobs moved by plain SQL with one guarantee more at a time, and then
/// by workers. In microseconds of the server per job, so that what the clients do does not hide it.
struct CostBench {
  let server: BenchServer
  let jobs: Int

  struct Cost {
    /// Microseconds per job, of claiming and of ending.
    let claim: Double
    let end: Double
    let jobsPerSecond: Double
  }

  struct Result {
    let plain: Cost
    let fenced: Cost
    let archived: Cost
    let workers: Cost
  }

  func run(_ label: String) async throws -> Result {
    Result(
      plain: try await plain(.delete), fenced: try await plain(.deleteIfFenced),
      archived: try await plain(.archiveIfFenced), workers: try await workers(label))
  }

  private func plain(_ finish: LimitBench.Finish) async throws -> Cost {
    let limit = LimitBench(server: server, jobs: jobs, connections: 2, batch: 500, finish: finish)
    return try await cost(try await limit.run())
  }

  private func workers(_ label: String) async throws -> Cost {
    let drain = DrainBench(server: server, jobs: jobs, workers: 2, groups: 100, concurrency: 2000)
    return try await cost(try await drain.run(label))
  }

  private func cost(_ jobsPerSecond: Double) async throws -> Cost {
    guard let time = try await server.owner.queryFirst(ServerTimes()) else {
      throw BenchError(description: "the server's statistics cannot be read")
    }
    let share = 1000 / Double(jobs)
    return Cost(claim: time.claim * share, end: time.end * share, jobsPerSecond: jobsPerSecond)
  }
}

/// Milliseconds since the profile was cleared. A claim is two statements, or one of plain SQL; an end deletes from the line.
private struct ServerTimes: Statement {
  static let sql = """
    SELECT
      COALESCE(sum(total_exec_time) FILTER (WHERE query LIKE '%SET fence = j.fence + 1%'
        OR query LIKE '%FOR NO KEY UPDATE OF g SKIP LOCKED%'), 0)::float8,
      COALESCE(sum(total_exec_time) FILTER (WHERE query LIKE '%DELETE FROM jobs.job%'), 0)::float8
    FROM pg_stat_statements
    """

  static func decode(_ row: PostgresRow) throws -> (claim: Double, end: Double) { (try row[0], try row[1]) }
}
