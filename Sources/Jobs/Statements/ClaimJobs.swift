import Foundation
import Postgres

/// First half of a claim: locks the groups that have due work and are open.
///
/// Lock order: limit_group, then job. SKIP LOCKED lets other claimers pass on to other groups. It must be a statement of
/// its own: counting in the same statement would count on a snapshot taken before the lock. Relies on `job_ready`.
struct LockReadyGroups: Statement {
  static let sql = """
    SELECT g.id
    FROM jobs.limit_group AS g
    WHERE g.paused_at IS NULL
      AND (g.breaker <> 'open' OR g.breaker_until <= now())
      AND EXISTS (
        SELECT FROM jobs.job AS j
        WHERE j.bucket = g.bucket AND j.limit_group = g.id AND j.state = 'ready' AND j.run_at <= now())
    ORDER BY g.last_claimed_at
    LIMIT $1
    FOR NO KEY UPDATE OF g SKIP LOCKED
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> UUID { try row[0] }
}

/// Second half: takes at most the room each locked group has left, by lane and time to the deadline.
///
/// Runs in the transaction that holds the groups' locks, so the cap is exact. Round robin over groups: the first job of
/// each group before the second of any. Guard of later writes: the fence it returns.
struct ClaimJobs: Statement {
  static let sql = """
    WITH held AS (
      UPDATE jobs.limit_group AS g
      SET last_claimed_at = clock_timestamp()
      WHERE g.id = ANY($1)
      RETURNING g.id, g.bucket,
        GREATEST(0, g.max_running - (
          SELECT count(*) FROM jobs.job AS l
          WHERE l.bucket = g.bucket AND l.limit_group = g.id AND l.state = 'leased')) AS room
    ), picked AS (
      SELECT p.id, p.bucket, row_number() OVER (PARTITION BY h.id ORDER BY p.lane, p.deadline_at, p.run_at, p.id) AS turn, p.lane
      FROM held AS h
      CROSS JOIN LATERAL (
        SELECT j.id, j.bucket, j.lane, j.deadline_at, j.run_at
        FROM jobs.job AS j
        WHERE j.bucket = h.bucket AND j.limit_group = h.id AND j.state = 'ready' AND j.run_at <= now()
        ORDER BY j.lane, j.deadline_at, j.run_at, j.id
        LIMIT h.room
        FOR UPDATE OF j SKIP LOCKED
      ) AS p
    ), chosen AS (
      SELECT id, bucket FROM picked ORDER BY lane, turn LIMIT $2
    )
    UPDATE jobs.job AS j
    SET state = 'leased', state_reason = NULL, fence = j.fence + 1, attempt = j.attempt + 1, lease_owner = $3,
      lease_expires_at = now() + make_interval(secs => $4)
    FROM chosen AS c
    WHERE j.id = c.id AND j.bucket = c.bucket
    RETURNING j.id, j.bucket, j.kind, j.subject, j.limit_group, j.lane, j.attempt, j.failures, j.abandonments, j.fence
    """

  let groups: [UUID]
  let limit: Int64
  let owner: UUID
  let leaseSeconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(groups)
    parameters.append(limit)
    parameters.append(owner)
    parameters.append(leaseSeconds)
  }

  struct Row: Sendable {
    let id: UUID
    let bucket: Int16
    let kind: String
    let subject: UUID
    let group: UUID
    let lane: Int16
    let attempt: Int32
    let failures: Int32
    let abandonments: Int32
    let fence: Int64

    func job(owner: UUID) -> ClaimedJob {
      let lease = Lease(job: JobID(id), bucket: Bucket(rawValue: bucket), fence: fence, owner: owner)
      return ClaimedJob(
        id: lease.job, kind: kind, subject: SubjectID(subject), group: LimitGroupID(group), lane: lane,
        attempt: attempt, failures: failures, abandonments: abandonments, lease: lease)
    }
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      id: try row[0], bucket: try row[1], kind: try row[2], subject: try row[3], group: try row[4], lane: try row[5],
      attempt: try row[6], failures: try row[7], abandonments: try row[8], fence: try row[9])
  }
}
