import Foundation
import Postgres

/// Lock order: the job rows of the subjects, in the order of the arrays, which is by subject. Relies on `job_pkey`.
///
/// A waiting row takes the stronger kind and the stronger lane and the earlier time. A quarantined or blocked one waits for a
/// person unless the order is stronger. A leased row is left alone and followed up. What becomes claimable goes to the end of
/// its line. One row per subject in a batch: the caller merges before.
struct EnqueueJobs: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT *
      FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::uuid[], $5::text[], $6::smallint[], $7::smallint[],
        $8::timestamptz[], $9::float8[], $10::bigint[])
        AS w (id, subject, bucket, limit_group, kind, precedence, lane, deadline_at, delay, fence)
    ), stored AS (
      INSERT INTO jobs.job AS j
        (id, subject, bucket, limit_group, kind, precedence, lane, deadline_at, run_at, hold, fence)
      SELECT w.id, w.subject, w.bucket, w.limit_group, w.kind, w.precedence, w.lane, w.deadline_at,
        now() + make_interval(secs => w.delay), CASE WHEN w.delay > 0 THEN 'waiting' END, w.fence
      FROM wanted AS w
      ON CONFLICT (subject, bucket) DO UPDATE SET
        kind = CASE WHEN j.lease_owner IS NULL AND EXCLUDED.precedence > j.precedence THEN EXCLUDED.kind ELSE j.kind END,
        precedence = CASE WHEN j.lease_owner IS NULL THEN GREATEST(j.precedence, EXCLUDED.precedence) ELSE j.precedence END,
        lane = CASE WHEN j.lease_owner IS NULL THEN LEAST(j.lane, EXCLUDED.lane) ELSE j.lane END,
        deadline_at = LEAST(j.deadline_at, EXCLUDED.deadline_at),
        run_at = CASE WHEN j.lease_owner IS NULL THEN LEAST(j.run_at, EXCLUDED.run_at) ELSE j.run_at END,
        hold = CASE
          WHEN j.lease_owner IS NOT NULL OR j.hold IS NULL THEN NULL
          WHEN j.hold IN ('quarantined', 'blocked') AND EXCLUDED.precedence <= j.precedence THEN j.hold
          WHEN LEAST(j.run_at, EXCLUDED.run_at) > now() THEN 'waiting' END,
        hold_reason = CASE
          WHEN j.hold IN ('quarantined', 'blocked') AND EXCLUDED.precedence <= j.precedence THEN j.hold_reason
          WHEN j.hold = 'waiting' AND LEAST(j.run_at, EXCLUDED.run_at) > now() THEN j.hold_reason END,
        position = CASE
          WHEN j.hold IS NULL AND EXCLUDED.lane >= j.lane THEN j.position
          WHEN j.lease_owner IS NOT NULL THEN j.position
          ELSE EXCLUDED.position END,
        follow_up_kind = CASE
          WHEN j.lease_owner IS NOT NULL AND (EXCLUDED.precedence, -EXCLUDED.lane) >
            (COALESCE(j.follow_up_precedence, j.precedence), -COALESCE(j.follow_up_lane, j.lane)) THEN EXCLUDED.kind
          ELSE j.follow_up_kind END,
        follow_up_precedence = CASE
          WHEN j.lease_owner IS NOT NULL AND (EXCLUDED.precedence, -EXCLUDED.lane) >
            (COALESCE(j.follow_up_precedence, j.precedence), -COALESCE(j.follow_up_lane, j.lane)) THEN EXCLUDED.precedence
          ELSE j.follow_up_precedence END,
        follow_up_lane = CASE
          WHEN j.lease_owner IS NOT NULL AND (EXCLUDED.precedence, -EXCLUDED.lane) >
            (COALESCE(j.follow_up_precedence, j.precedence), -COALESCE(j.follow_up_lane, j.lane)) THEN EXCLUDED.lane
          ELSE j.follow_up_lane END
      RETURNING j.id, j.lease_owner IS NOT NULL AS leased, j.follow_up_kind IS NOT NULL AS followed
    )
    SELECT count(*) FILTER (WHERE s.is_new), count(*) FILTER (WHERE NOT s.is_new AND NOT s.leased),
      count(*) FILTER (WHERE NOT s.is_new AND s.leased AND s.followed),
      count(*) FILTER (WHERE NOT s.is_new AND s.leased AND NOT s.followed),
      (SELECT count(*)
        FROM (SELECT DISTINCT w.bucket, w.limit_group FROM wanted AS w) AS w
        WHERE NOT EXISTS (
          SELECT FROM jobs.limit_group AS g WHERE g.id = w.limit_group AND g.bucket = w.bucket))
    FROM (
      SELECT t.leased, t.followed, w.id IS NOT NULL AS is_new
      FROM stored AS t
      LEFT JOIN wanted AS w ON w.id = t.id
    ) AS s
    """

  /// One per subject, ordered by subject.
  let orders: [JobQueue.Order]

  func bind(_ parameters: inout PostgresParameters) {
    var generator = SystemRandomNumberGenerator()
    parameters.append(orders.map { _ in UUID.version4(using: &generator) })
    parameters.append(orders.map(\.subject.rawValue))
    parameters.append(orders.map { Bucket(of: $0.group).rawValue })
    parameters.append(orders.map(\.group.rawValue))
    parameters.append(orders.map(\.kind.name))
    parameters.append(orders.map(\.kind.precedence))
    parameters.append(orders.map(\.lane.rawValue))
    parameters.append(orders.map { $0.deadline ?? .distantFuture })
    parameters.append(orders.map(\.delay))
    parameters.append(orders.map(\.fence))
  }

  static func decode(_ row: PostgresRow) throws -> JobQueue.EnqueueCounts {
    let unknownGroups: Int = try row[4]
    guard unknownGroups == 0 else {
      throw JobsError(
        code: .invalidJob,
        message:
          "limit group: \(unknownGroups) of the groups have no limits, so nothing of them would ever run; set them first"
      )
    }
    return JobQueue.EnqueueCounts(
      inserted: try row[0], merged: try row[1], followUps: try row[2], unchanged: try row[3])
  }
}

/// Until the end of the transaction, or the next of these.
struct SetPlanCacheMode: Statement {
  static let sql = "SELECT set_config('plan_cache_mode', $1, true)"

  let mode: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(mode) }

  static func decode(_ row: PostgresRow) throws {}
}

/// Tells listeners that there is something to claim, and in which groups. Nothing depends on it: polling is the truth.
struct NotifyWorkers: Statement {
  static let channel = "keyturn_jobs"
  static let sql = "SELECT pg_notify('keyturn_jobs', $1)"

  let hints: ClaimHints

  func bind(_ parameters: inout PostgresParameters) { parameters.append(hints.payload) }

  static func decode(_ row: PostgresRow) throws {}
}

/// For a notification, which need not survive a crash and whose commit holds a lock that every other notifier waits for; for
/// claims; and for orders, which `CommitDurably` follows.
struct CommitWithoutWaiting: Statement {
  static let sql = "SELECT set_config('synchronous_commit', 'off', true)"

  static func decode(_ row: PostgresRow) throws {}
}

/// A transaction that waits for the disk, and so for everything that was committed before it without waiting. The message
/// makes it one that has something to flush; nobody reads it.
struct CommitDurably: Statement {
  static let sql = "SELECT pg_logical_emit_message(true, 'keyturn', '')::text"

  static func decode(_ row: PostgresRow) throws {}
}
