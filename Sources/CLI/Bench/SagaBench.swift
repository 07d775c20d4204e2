import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres

/// Whole rotations on simulated targets: every gate, every durable step, only the target's own time is what is asked for.
struct SagaBench {
  let server: BenchServer
  let world: SagaWorld
  let accounts: [SagaWorld.Account]
  let workers: Int
  let concurrency: Int
  /// Permits are written and nothing is asked: what the gates cost is the difference.
  var isUngated = false

  struct Figures {
    let seconds: Double
    let rowWrites: Int
    let transactions: Int
    /// Seconds of processor time.
    let database: Double
    let workers: Double
  }

  /// From all rotations waiting to all done. Throws when a single one is not exactly as it must be.
  func run() async throws -> Figures {
    try await server.run("UPDATE jobs.limit_group SET paused_at = now()")
    try await world.requestRotations(of: accounts)
    try await server.run("VACUUM (ANALYZE)", "CHECKPOINT")
    let processes = try BenchWorkers(workers, server: server, run: "saga") { number in
      [
        "bench-saga-worker", "--database-url", server.url, "--data-dir", server.folder, "--name", "saga-\(number)",
        "--concurrency", "\(concurrency)",
      ] + (isUngated ? ["--ungated"] : [])
    }
    try await server.waitForWorkers(workers)
    try await server.clearProfile()
    let before = try await server.written()
    let database = ProcessorTime.seconds(ofServer: server.running)
    let busy = processes.processorSeconds
    let start = ContinuousClock.now
    try await server.run("UPDATE jobs.limit_group SET paused_at = NULL", "NOTIFY keyturn_jobs")
    try await processes.waitUntil { $0.begun >= accounts.count && $0.held == 0 }
    let seconds = (ContinuousClock.now - start).seconds
    let used = (
      database: ProcessorTime.seconds(ofServer: server.running) - database, workers: processes.processorSeconds - busy
    )
    await processes.stop()
    let after = try await server.written()
    try await verify()
    return Figures(
      seconds: seconds, rowWrites: after.rows - before.rows, transactions: after.transactions - before.transactions,
      database: used.database, workers: used.workers)
  }

  private func verify() async throws {
    let found = try await server.owner.query(FindFlaws(credentials: accounts.map(\.credential.rawValue)))
    guard found.isEmpty else {
      throw BenchError(description: found.map { "\($0.count) \($0.flaw)" }.joined(separator: "; "))
    }
  }
}

extension BenchServer {
  /// Row versions written and transactions committed since the server began. Waits until sessions that are idle have
  /// reported theirs, which they do after ten seconds.
  func written() async throws -> (rows: Int, transactions: Int) {
    try await Task.sleep(for: .milliseconds(10_500))
    return try await owner.queryFirst(CountWrites()) ?? (0, 0)
  }
}

private struct CountWrites: Statement {
  static let sql = """
    SELECT (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
        WHERE schemaname IN ('jobs', 'governance', 'lifecycle'))::bigint,
      (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())
    """

  static func decode(_ row: PostgresRow) throws -> (rows: Int, transactions: Int) { (try row[0], try row[1]) }
}

/// What is not as a finished rotation leaves it, and how often; no rows when all is well.
private struct FindFlaws: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT r.id, c.id AS credential_id, r.state, r.new_version, r.old_version
      FROM unnest($1::uuid[]) AS m (id)
      JOIN lifecycle.credential AS c ON c.id = m.id
      LEFT JOIN lifecycle.rotation AS r ON r.credential_id = c.id
    ), flaw AS (
      SELECT 'sagas are not done' AS flaw, count(*) FILTER (WHERE w.state IS DISTINCT FROM 'done') AS count FROM wanted AS w
      UNION ALL
      SELECT 'credentials have not exactly version 2 as current and version 1 destroyed', count(*)
      FROM wanted AS w
      WHERE (SELECT array_agg(v.number || v.state || (v.envelope IS NOT NULL) ORDER BY v.number)
        FROM lifecycle.version AS v WHERE v.credential_id = w.credential_id)
        IS DISTINCT FROM ARRAY['1revokedfalse', '2currenttrue']
      UNION ALL
      SELECT 'sagas have other effects than the four, all applied, each with a permit of its own', count(*)
      FROM wanted AS w
      WHERE (SELECT array_agg(e.verb ORDER BY e.intended_at)
        FROM lifecycle.effect AS e JOIN governance.permit AS p ON p.id = e.permit_id AND p.subject = w.credential_id
        WHERE e.rotation_id = w.id AND e.state = 'applied' AND e.settled_at >= e.intended_at)
        IS DISTINCT FROM ARRAY['set_secret', 'block_logins', 'end_sessions', 'drop']
      UNION ALL
      SELECT 'effects or permits are too many', abs(count(*) - 4 * (SELECT count(*) FROM wanted))
      FROM governance.permit AS p JOIN wanted AS w ON w.credential_id = p.subject
      UNION ALL
      SELECT 'sagas have incomplete proofs', count(*)
      FROM wanted AS w
      WHERE (SELECT array_agg(p.kind || ' ' || p.result ORDER BY p.kind) FROM lifecycle.proof AS p WHERE p.rotation_id = w.id)
        IS DISTINCT FROM ARRAY['identity passed', 'login passed', 'negative_control passed', 'old_refused passed',
          'residue passed', 'rights passed', 'sessions_ended passed']
      UNION ALL
      SELECT 'sagas have other steps than they must', count(*)
      FROM wanted AS w
      WHERE (SELECT array_agg(s.to_state ORDER BY s.sequence) FROM lifecycle.rotation_step AS s WHERE s.rotation_id = w.id)
        IS DISTINCT FROM ARRAY['claimed', 'prepared', 'applying', 'applied', 'verified', 'rights_equal', 'published',
          'overlap', 'retiring', 'sessions_ended', 'old_refused', 'done']
      UNION ALL
      SELECT 'jobs are still live', count(*) FROM wanted AS w JOIN jobs.job AS j ON j.subject = w.credential_id
    )
    SELECT flaw, count FROM flaw WHERE count > 0
    """

  let credentials: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials) }

  static func decode(_ row: PostgresRow) throws -> (flaw: String, count: Int) { (try row[0], try row[1]) }
}
