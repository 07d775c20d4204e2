import Foundation
import Jobs
import Postgres

/// What a claim costs when the rest of the system is full.
struct GrowthBench {
  let server: BenchServer
  let seconds: Double

  /// Milliseconds of the claims that brought jobs, at 100 jobs/s over 50 targets.
  func claims(_ label: String, besides saturated: Int = 0) async throws -> Sample {
    try await server.run("TRUNCATE jobs.job, jobs.limit_group, jobs.worker, jobs.statistic")
    let groups = try await server.makeGroups(50, maximumRunning: 10)
    let queue = JobQueue(notifier: JobNotifier(client: server.client, logger: server.logger))
    if saturated > 0 {
      let full = try await server.makeGroups(1, maximumRunning: 4)
      try await server.enqueue(saturated, over: full)
      // Its four slots are taken by jobs that nobody ends.
      try await server.run(
        """
        WITH taken AS (
          UPDATE jobs.job SET lease_owner = subject, lease_expires_at = 'infinity', fence = fence + 1
          WHERE subject IN (SELECT subject FROM jobs.job ORDER BY position LIMIT 4)
          RETURNING limit_group, position)
        UPDATE jobs.limit_group AS g SET claim_to = t.last
        FROM (SELECT limit_group, max(position) AS last FROM taken GROUP BY limit_group) AS t
        WHERE g.id = t.limit_group
        """)
    }
    try await server.settle()
    let processes = try BenchWorkers(1, server: server, run: label, concurrency: 100, trace: true)
    try await server.waitForWorkers(1)
    let count = Int(seconds * 100)
    var due = ContinuousClock.now
    for index in 0..<count {
      due += .milliseconds(10)
      try await Task.sleep(until: due)
      try await server.client.withTransaction { transaction in
        try await queue.enqueue(
          JobQueue.Order(
            kind: BenchServer.kind, subject: SubjectID(UUID()), group: groups[index % groups.count], lane: .routine,
            fence: 0), in: transaction)
      }
    }
    try await Task.sleep(for: .seconds(1))
    let reading = BenchTrace.Reading(processes.traced)
    await processes.stop()
    guard reading.starts.count == count else {
      throw BenchError(description: "\(reading.starts.count) of \(count) jobs began")
    }
    return reading.claims
  }

  /// Finished jobs, of many subjects, in today's partition.
  func fillArchive(_ count: Int) async throws {
    for start in stride(from: 0, to: count, by: 1_000_000) {
      try await server.owner.execute(FillArchive(count: Int64(min(1_000_000, count - start))))
    }
    try await server.run("VACUUM (ANALYZE) jobs.job_archive", "CHECKPOINT")
  }

  /// Credentials that are due in a month. Their identities are of no matter to a claim, so the references are not checked.
  func fillCredentials(_ count: Int) async throws {
    try await server.owner.withConnection { connection in
      try await connection.execute("SET session_replication_role = replica")
      try await connection.execute(FillCredentials(count: Int64(count)))
      try await connection.execute("RESET session_replication_role")
    }
    try await server.run("VACUUM (ANALYZE) lifecycle.credential", "CHECKPOINT")
  }
}

private struct FillArchive: Statement {
  static let sql = """
    INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures,
      abandonments, created_at)
    SELECT n % 64, gen_random_uuid(), 'rotate', gen_random_uuid(), gen_random_uuid(), 4, 'done', 1, 1, 0, 0, now()
    FROM generate_series(1, $1) AS n
    """

  let count: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(count) }
}

private struct FillCredentials: Statement {
  static let sql = """
    INSERT INTO lifecycle.credential
      (id, identity_id, target_id, bucket, state, authorization_id, next_due_at, hard_expires_at)
    SELECT gen_random_uuid(), gen_random_uuid(), t.id, jobs.bucket_of(t.id), 'active', gen_random_uuid(),
      now() + interval '30 days', now() + interval '300 days'
    FROM generate_series(1, $1) AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n > 0 THEN gen_random_uuid() END AS id) AS t
    """

  let count: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(count) }
}
