import Foundation
import Postgres

/// Takes one due maintenance row; none when another process holds it or it is not due.
struct TakeMaintenance: Statement {
  static let sql = """
    SELECT name
    FROM jobs.maintenance
    WHERE name = $1 AND next_run_at <= now()
    FOR UPDATE SKIP LOCKED
    """

  let duty: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(duty) }

  static func decode(_ row: PostgresRow) throws {}
}

struct AddMaintenance: Statement {
  static let sql = "INSERT INTO jobs.maintenance (name) VALUES ($1) ON CONFLICT (name) DO NOTHING"

  let duty: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(duty) }
}

struct FinishMaintenance: Statement {
  static let sql = """
    UPDATE jobs.maintenance
    SET next_run_at = now() + make_interval(secs => $2), last_run_at = now(), last_result = left($3, 500)
    WHERE name = $1
    """

  let duty: String
  let period: Double
  let result: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(duty)
    parameters.append(period)
    parameters.append(result)
  }
}

struct MakeArchivePartitions: Statement {
  static let sql = "SELECT jobs.make_archive_partitions(7)"

  static func decode(_ row: PostgresRow) throws -> Int32 { try row[0] }
}

struct DropArchivePartitions: Statement {
  static let sql = "SELECT jobs.drop_archive_partitions($1)"

  let keepDays: Int32

  func bind(_ parameters: inout PostgresParameters) { parameters.append(keepDays) }

  static func decode(_ row: PostgresRow) throws -> Int32 { try row[0] }
}

/// Statistics and stopped workers older than the archive.
struct DeleteOldRecords: Statement {
  static let sql = """
    WITH worker AS (
      DELETE FROM jobs.worker AS w
      WHERE w.heartbeat_at < now() - make_interval(days => $1) AND w.reaped_at IS NOT NULL
    )
    DELETE FROM jobs.statistic AS s
    WHERE s.minute < now() - make_interval(days => $1)
    """

  let keepDays: Int32

  func bind(_ parameters: inout PostgresParameters) { parameters.append(keepDays) }
}

/// Work whose deadline is near goes to the hard-expiry lane. Reads the whole line; once a minute.
struct PromoteUrgentJobs: Statement {
  static let sql = """
    WITH urgent AS (
      SELECT j.subject, j.bucket
      FROM jobs.job AS j
      WHERE j.hold IS NULL AND j.lease_owner IS NULL AND j.lane > 1 AND j.deadline_at < now() + make_interval(secs => $1)
      ORDER BY j.subject
      FOR NO KEY UPDATE OF j SKIP LOCKED
    )
    UPDATE jobs.job AS j
    SET lane = 1, position = jobs.next_position()
    FROM urgent AS u
    WHERE j.subject = u.subject AND j.bucket = u.bucket
    """

  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) { parameters.append(seconds) }
}

/// Adds to the minute's row of each kind and bucket.
struct AddStatistics: Statement {
  static let sql = """
    INSERT INTO jobs.statistic AS s (minute, bucket, kind, claimed, done, failed, snoozed, blocked, quarantined, lost, waited,
      waited_most, ran, ran_most)
    SELECT date_trunc('minute', now()), m.bucket, m.kind, m.claimed, m.done, m.failed, m.snoozed, m.blocked,
      m.quarantined, m.lost, m.waited, m.waited_most, m.ran, m.ran_most
    FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
      $8::bigint[], $9::bigint[], $10::float8[], $11::float8[], $12::float8[], $13::float8[])
      AS m (bucket, kind, claimed, done, failed, snoozed, blocked, quarantined, lost, waited, waited_most, ran, ran_most)
    ORDER BY m.kind, m.bucket
    ON CONFLICT (minute, kind, bucket) DO UPDATE SET
      claimed = s.claimed + EXCLUDED.claimed,
      done = s.done + EXCLUDED.done,
      failed = s.failed + EXCLUDED.failed,
      snoozed = s.snoozed + EXCLUDED.snoozed,
      blocked = s.blocked + EXCLUDED.blocked,
      quarantined = s.quarantined + EXCLUDED.quarantined,
      lost = s.lost + EXCLUDED.lost,
      waited = s.waited + EXCLUDED.waited,
      waited_most = GREATEST(s.waited_most, EXCLUDED.waited_most),
      ran = s.ran + EXCLUDED.ran,
      ran_most = GREATEST(s.ran_most, EXCLUDED.ran_most)
    """

  let rows: [(key: WorkerStatistics.Key, counts: WorkerStatistics.Counts)]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.key.bucket.rawValue))
    parameters.append(rows.map(\.key.kind))
    for column in [\WorkerStatistics.Counts.claimed, \.done, \.failed, \.snoozed, \.blocked, \.quarantined, \.lost] {
      parameters.append(rows.map { $0.counts[keyPath: column] })
    }
    for column in [\WorkerStatistics.Counts.waited, \.waitedMost, \.ran, \.ranMost] {
      parameters.append(rows.map { $0.counts[keyPath: column] })
    }
  }
}
