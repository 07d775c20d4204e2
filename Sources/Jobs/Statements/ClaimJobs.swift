import Foundation
import Postgres

/// As `PreferKeys`, for a look at the line: no plan that sorts. An emptied line has no rows by the statistics, so that every
/// plan seems free; one that reads the whole of `job_line` and sorts was taken at times, and read every dead entry that a
/// held snapshot kept (400 ms a look with two million of them, against 3).
struct PreferOrder: Statement {
  static let sql = """
    SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
      set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)
    """

  static func decode(_ row: PostgresRow) throws {}
}

/// What has arrived after a position, by group, with what `ClaimFrontier` needs to move its horizon. Relies on `job_arrival`.
///
/// The next transaction's number is `age` of number 3 (the first there is) counted from there: a snapshot's upper end will
/// not do, because it is one above the last that *ended*, and later ones may be in progress.
struct FindArrivals: Statement {
  static let sql = """
    SELECT pg_snapshot_xmin(s.snapshot)::text::bigint, pg_snapshot_xmax(s.snapshot)::text::bigint,
      (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM jobs.job_position),
      COALESCE(a.buckets, '{}'), COALESCE(a.groups, '{}'), COALESCE(a.leaks, '{}'), age('3'::xid)
    FROM (SELECT pg_current_snapshot() AS snapshot) AS s
    CROSS JOIN (
      SELECT array_agg(g.bucket) AS buckets, array_agg(g.limit_group) AS groups, array_agg(g.leak) AS leaks
      FROM (
        SELECT j.bucket, j.limit_group, bool_or(j.lane = 0) AS leak
        FROM (
          -- In this order, so that the planner cannot prefer to read the whole of job_line for the grouping.
          SELECT n.bucket, n.limit_group, n.lane
          FROM jobs.job AS n
          WHERE n.hold IS NULL AND n.lease_owner IS NULL AND n.position + 0 > $1
          ORDER BY n.position + 0
          OFFSET 0
        ) AS j
        GROUP BY j.bucket, j.limit_group
      ) AS g
    ) AS a
    """

  let after: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(after) }

  static func decode(_ row: PostgresRow) throws -> ClaimFrontier.Arrivals {
    let buckets: [Int16] = try row[3]
    let ids: [UUID] = try row[4]
    let leaks: [Bool] = try row[5]
    let age: Int32 = try row[6]
    return ClaimFrontier.Arrivals(
      oldest: try row[0], next: ClaimFrontier.next(snapshotEnd: try row[1], age: age), lastPosition: try row[2],
      groups: buckets.indices.map { (ClaimFrontier.Key(bucket: buckets[$0], id: ids[$0]), leaks[$0]) })
  }
}

/// First statement of a claim: locks the candidates that are open. SKIP LOCKED lets other claimers pass on to other groups.
///
/// Lock order: limit_group, then job. It must be a statement of its own: counting in the same statement would count on a
/// snapshot taken before the lock.
struct LockGroups: Statement {
  static let sql = """
    SELECT g.id
    FROM unnest($1::smallint[], $2::uuid[]) AS w (bucket, id)
    JOIN jobs.limit_group AS g ON g.id = w.id AND g.bucket = w.bucket
    WHERE g.paused_at IS NULL AND (g.breaker = 'closed' OR g.breaker_until <= now())
    FOR NO KEY UPDATE OF g SKIP LOCKED
    """

  let groups: [ClaimFrontier.Candidate]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(groups.map(\.key.bucket))
    parameters.append(groups.map(\.key.id))
  }

  static func decode(_ row: PostgresRow) throws {}
}

/// Second statement: takes at most the room each locked group has left. Returns at least one row per locked group.
///
/// A group is ours when its row's `xmax` (locked) or `xmin` (changed a statement ago) is this transaction. So both
/// statements go in one round trip, and a group that became free in between is left alone: its count would be stale.
///
/// Leases are counted between the cursor and `claim_to`, and what is taken beyond raises `claim_to` first: exact whatever is
/// inserted late or given back, and short however long the line is. Relies on `job_line`, once per lane (OFFSET 0 keeps the
/// planner from reading all lanes once and filtering). Rows are found again by ctid, which costs a third of a look-up by
/// key. Guard of later writes: the fence it returns.
///
/// A worker does not wait until its claim is on disk. Should the server crash before, the claim is gone, and so is every
/// commit after it: the log is one sequence, so the first step that this lease commits, and no effect comes before one,
/// puts the claim on disk with it.
struct ClaimJobs: Statement {
  static let sql = """
    WITH held AS MATERIALIZED (
      SELECT g.bucket, g.id, w.cursor, g.claim_to, live.first, g.breaker <> 'closed' OR g.breaker_failures > 0 AS ailing,
        g.rate_per_minute IS NOT NULL OR g.breaker <> 'closed' AS changes,
        LEAST(g.rate_burst, g.tokens + extract(epoch FROM now() - g.tokens_at) * g.rate_per_minute / 60) AS tokens,
        GREATEST(0, LEAST(
          CASE WHEN $5 THEN g.max_running + 1 - live.ordinary - live.leaks
            ELSE LEAST(g.max_running - live.ordinary, g.max_running + 1 - live.ordinary - live.leaks) END,
          CASE WHEN g.rate_per_minute IS NULL OR $5 THEN 10000
            ELSE floor(LEAST(g.rate_burst, g.tokens + extract(epoch FROM now() - g.tokens_at) * g.rate_per_minute / 60)) END,
          CASE WHEN g.breaker = 'closed' THEN 10000 ELSE 1 END,
          $6))::integer AS room
      FROM unnest($1::smallint[], $2::uuid[], $3::bigint[]) AS w (bucket, id, cursor)
      JOIN jobs.limit_group AS g ON g.id = w.id AND g.bucket = w.bucket
      CROSS JOIN LATERAL (
        SELECT min(l.position) AS first, count(*) FILTER (WHERE l.leased AND NOT l.leak) AS ordinary,
          count(*) FILTER (WHERE l.leased AND l.leak) AS leaks
        FROM unnest('{0,1,2,3,4}'::smallint[]) AS lane (number)
        CROSS JOIN LATERAL (
          SELECT j.position, j.lease_owner IS NOT NULL AS leased, j.lane = 0 AS leak
          FROM jobs.job AS j
          WHERE j.bucket = g.bucket AND j.limit_group = g.id AND j.lane = lane.number AND j.hold IS NULL
            AND j.position BETWEEN w.cursor AND g.claim_to
          OFFSET 0
        ) AS l
      ) AS live
      WHERE g.xmax = pg_current_xact_id_if_assigned()::xid OR g.xmin = pg_current_xact_id_if_assigned()::xid
    ), picked AS MATERIALIZED (
      SELECT h.bucket, h.id, p.tid, p.position
      FROM held AS h
      CROSS JOIN LATERAL (
        SELECT c.tid, c.position
        FROM unnest($4::smallint[]) AS lane (number)
        CROSS JOIN LATERAL (
          SELECT j.ctid AS tid, j.position
          FROM jobs.job AS j
          WHERE j.bucket = h.bucket AND j.limit_group = h.id AND j.lane = lane.number AND j.hold IS NULL
            AND j.lease_owner IS NULL AND j.position >= h.cursor
          ORDER BY j.position
          LIMIT h.room
          FOR NO KEY UPDATE OF j SKIP LOCKED
        ) AS c
        LIMIT h.room
      ) AS p
      LIMIT $7
    ), raised AS (
      UPDATE jobs.limit_group AS g
      SET claim_to = CASE WHEN t.last <= g.claim_to THEN g.claim_to
          WHEN t.taken < h.room THEN t.last + 10000 ELSE t.last + 256 END,
        tokens = CASE WHEN g.rate_per_minute IS NULL THEN g.tokens ELSE h.tokens - t.taken END,
        tokens_at = now(),
        breaker = CASE WHEN g.breaker = 'open' THEN 'half_open' ELSE g.breaker END,
        breaker_until = CASE WHEN g.breaker = 'closed' THEN g.breaker_until ELSE now() + make_interval(secs => $9) END
      FROM (SELECT p.bucket, p.id, max(p.position) AS last, count(*) AS taken FROM picked AS p GROUP BY p.bucket, p.id) AS t
      JOIN held AS h ON h.id = t.id AND h.bucket = t.bucket
      WHERE g.id = t.id AND g.bucket = t.bucket AND (h.changes OR t.last > g.claim_to)
    ), claimed AS (
      UPDATE jobs.job AS j
      SET fence = j.fence + 1, attempt = j.attempt + 1, lease_owner = $8,
        lease_expires_at = now() + make_interval(secs => $9)
      WHERE j.ctid = ANY(ARRAY(SELECT p.tid FROM picked AS p))
      RETURNING j.ctid AS tid, j.limit_group, j.subject, j.id, j.kind, j.lane, j.attempt, j.failures, j.abandonments,
        j.fence, extract(epoch FROM now() - j.run_at)::float8 AS waited
    )
    SELECT h.bucket, h.id, h.first, h.claim_to, h.room, h.ailing, c.tid, c.subject, c.id, c.kind, c.lane, c.attempt,
      c.failures, c.abandonments, c.fence, c.waited
    FROM held AS h
    LEFT JOIN claimed AS c ON c.limit_group = h.id
    """

  let groups: [ClaimFrontier.Candidate]
  let lanes: ClaimLanes
  /// At most this many of each group, and of all.
  let share: Int32
  let limit: Int64
  let owner: UUID
  let leaseSeconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(groups.map(\.key.bucket))
    parameters.append(groups.map(\.key.id))
    parameters.append(groups.map(\.cursor))
    parameters.append(lanes == .leak ? [Int16(0)] : [1, 2, 3, 4])
    parameters.append(lanes == .leak)
    parameters.append(share)
    parameters.append(limit)
    parameters.append(owner)
    parameters.append(leaseSeconds)
  }

  /// `lease_owner` is not read back: it is whoever claimed.
  static func decode(_ row: PostgresRow) throws -> (ClaimFrontier.Report, Claim?) {
    let key = ClaimFrontier.Key(bucket: try row[0], id: try row[1])
    let report = ClaimFrontier.Report(key: key, first: try row[2], claimTo: try row[3], room: try row[4], taken: 0)
    guard let location: TupleID = try row[6] else { return (report, nil) }
    return (
      report,
      Claim(
        location: location, subject: SubjectID(try row[7]), id: JobID(try row[8]), kind: try row[9],
        lane: try row[10], attempt: try row[11], failures: try row[12], abandonments: try row[13], fence: try row[14],
        waited: try row[15], groupIsAiling: try row[5])
    )
  }

  struct Claim: Sendable {
    let location: TupleID
    let subject: SubjectID
    let id: JobID
    let kind: String
    let lane: Int16
    let attempt: Int32
    let failures: Int32
    let abandonments: Int32
    let fence: Int64
    let waited: Double
    let groupIsAiling: Bool

    func job(of key: ClaimFrontier.Key, owner: UUID) -> ClaimedJob {
      ClaimedJob(
        id: id, kind: kind, group: LimitGroupID(key.id), lane: lane, attempt: attempt, failures: failures,
        abandonments: abandonments, waited: waited, groupIsAiling: groupIsAiling,
        lease: Lease(subject: subject, bucket: Bucket(rawValue: key.bucket), fence: fence, owner: owner))
    }
  }
}
