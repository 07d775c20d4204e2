import Foundation
import Postgres

/// Extends leases that are still ours; a lease that is not returned is lost. Writes no index.
struct RenewLeases: Statement {
  static let sql = """
    UPDATE jobs.job AS j
    SET lease_expires_at = now() + make_interval(secs => $5)
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::uuid[]) AS m (subject, bucket, fence, owner)
    WHERE j.subject = m.subject AND j.bucket = m.bucket AND j.fence = m.fence AND j.lease_owner = m.owner
    RETURNING j.subject, j.ctid
    """

  let leases: [Lease]
  let leaseSeconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(leases: leases)
    parameters.append(leaseSeconds)
  }

  static func decode(_ row: PostgresRow) throws -> (subject: SubjectID, location: TupleID) {
    (SubjectID(try row[0]), try row[1])
  }
}

/// Takes leases from workers that died or overslept. Raising the fence comes before anyone can claim again: it is the
/// same statement. A job that killed three workers waits for a person, unless it is relentless.
///
/// Looks at leased rows only, by `job_arrival`, from `$2` on; a dead worker is one that stopped, or is three heartbeats
/// late.
struct ReapLeases: Statement {
  static let sql = """
    WITH dead AS (
      SELECT j.subject, j.bucket
      FROM jobs.job AS j
      LEFT JOIN jobs.worker AS w ON w.id = j.lease_owner
      WHERE j.hold IS NULL AND j.position + 0 >= $2 AND j.lease_owner IS NOT NULL
        AND (j.lease_expires_at < now()
          OR w.stopped_at IS NOT NULL
          OR w.heartbeat_at < now() - make_interval(secs => 3 * w.heartbeat_seconds))
      ORDER BY j.subject
      LIMIT 10000
      FOR UPDATE OF j SKIP LOCKED
    )
    UPDATE jobs.job AS j
    SET fence = j.fence + 1,
      abandonments = j.abandonments + 1,
      hold = CASE WHEN j.abandonments + 1 >= 3 AND j.follow_up_kind IS NULL AND NOT j.kind = ANY($1) THEN 'quarantined' END,
      hold_reason = CASE WHEN j.abandonments + 1 >= 3 AND j.follow_up_kind IS NULL AND NOT j.kind = ANY($1)
        THEN 'its worker died three times in a row' END,
      run_at = now(),
      position = jobs.next_position(),
      kind = COALESCE(j.follow_up_kind, j.kind),
      precedence = COALESCE(j.follow_up_precedence, j.precedence),
      lane = LEAST(j.lane, COALESCE(j.follow_up_lane, j.lane)),
      follow_up_kind = NULL,
      follow_up_precedence = NULL,
      follow_up_lane = NULL,
      lease_owner = NULL,
      lease_expires_at = NULL
    FROM dead AS d
    WHERE j.subject = d.subject AND j.bucket = d.bucket
    RETURNING j.subject
    """

  let relentlessKinds: [String]
  var after: Int64 = 0

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(relentlessKinds)
    parameters.append(after)
  }

  static func decode(_ row: PostgresRow) throws -> SubjectID { SubjectID(try row[0]) }
}

/// Workers that died since the last look, marked as seen to: a row each. A heartbeat clears the mark.
struct MarkDeadWorkers: Statement {
  static let sql = """
    UPDATE jobs.worker
    SET reaped_at = now()
    WHERE reaped_at IS NULL
      AND (stopped_at IS NOT NULL OR heartbeat_at < now() - make_interval(secs => 3 * heartbeat_seconds))
    """
}

/// The name is for people and may be shared; the number says how many others that live have it.
struct Heartbeat: Statement {
  static let sql = """
    WITH mine AS (
      INSERT INTO jobs.worker AS w (id, name, heartbeat_seconds, in_flight)
      VALUES ($1, $2, $3, $4)
      ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), in_flight = EXCLUDED.in_flight, reaped_at = NULL
    )
    SELECT count(*)
    FROM jobs.worker AS o
    WHERE o.name = $2 AND o.id <> $1 AND o.stopped_at IS NULL
      AND o.heartbeat_at > now() - make_interval(secs => 3 * o.heartbeat_seconds)
    """

  let worker: UUID
  let name: String
  let seconds: Double
  let inFlight: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(worker)
    parameters.append(name)
    parameters.append(seconds)
    parameters.append(inFlight)
  }

  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

struct StopWorker: Statement {
  static let sql = "UPDATE jobs.worker SET stopped_at = now(), in_flight = 0 WHERE id = $1"

  let worker: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(worker) }
}

/// Puts due jobs into the line, at its end. Relies on `job_waiting`; returns how many, and from when on to look next time:
/// a minute before now, so that what commits late is still seen.
struct WakeJobs: Statement {
  static let sql = """
    WITH due AS (
      SELECT j.subject, j.bucket
      FROM jobs.job AS j
      WHERE j.hold = 'waiting' AND j.run_at <= now() AND j.run_at > $1
      ORDER BY j.run_at
      LIMIT 1000
      FOR NO KEY UPDATE OF j SKIP LOCKED
    ), woken AS (
      UPDATE jobs.job AS j
      SET hold = NULL, hold_reason = NULL, position = jobs.next_position()
      FROM due AS d
      WHERE j.subject = d.subject AND j.bucket = d.bucket
      RETURNING 1
    )
    SELECT count(*), now() - interval '60 s' FROM woken
    """

  let after: Date

  func bind(_ parameters: inout PostgresParameters) { parameters.append(after) }

  static func decode(_ row: PostgresRow) throws -> (count: Int, next: Date) { (try row[0], try row[1]) }
}
