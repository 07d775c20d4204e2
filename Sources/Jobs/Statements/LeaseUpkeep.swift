import Foundation
import Postgres

/// Extends leases that are still ours; a lease that is not returned is lost.
struct RenewLeases: Statement {
  static let sql = """
    UPDATE jobs.job AS j
    SET lease_expires_at = now() + make_interval(secs => $5)
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS mine (id, bucket, fence)
    WHERE j.id = mine.id AND j.bucket = mine.bucket AND j.fence = mine.fence AND j.lease_owner = $4
    RETURNING j.id
    """

  let leases: [Lease]
  let owner: UUID
  let leaseSeconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(leases.map(\.job.rawValue))
    parameters.append(leases.map(\.bucket.rawValue))
    parameters.append(leases.map(\.fence))
    parameters.append(owner)
    parameters.append(leaseSeconds)
  }

  static func decode(_ row: PostgresRow) throws -> JobID { JobID(try row[0]) }
}

/// Takes leases from workers that died or overslept. Raising the fence comes before anyone can claim again: it is the
/// same statement. A job that killed three workers waits for a person, unless it is relentless.
struct ReapLeases: Statement {
  static let sql = """
    WITH dead AS (
      SELECT j.id, j.bucket
      FROM jobs.job AS j
      LEFT JOIN jobs.worker AS w ON w.id = j.lease_owner
      WHERE j.state = 'leased'
        AND (j.lease_expires_at < now()
          OR w.stopped_at IS NOT NULL
          OR w.heartbeat_at < now() - make_interval(secs => 3 * w.heartbeat_seconds))
      ORDER BY j.id
      LIMIT 1000
      FOR UPDATE OF j SKIP LOCKED
    )
    UPDATE jobs.job AS j
    SET fence = j.fence + 1,
      abandonments = j.abandonments + 1,
      state = CASE WHEN j.abandonments + 1 >= 3 AND j.follow_up_kind IS NULL AND NOT j.kind = ANY($1) THEN 'quarantined' ELSE 'ready' END,
      state_reason = CASE WHEN j.abandonments + 1 >= 3 AND j.follow_up_kind IS NULL AND NOT j.kind = ANY($1)
        THEN 'its worker died three times in a row' END,
      run_at = now(),
      kind = COALESCE(j.follow_up_kind, j.kind),
      precedence = COALESCE(j.follow_up_precedence, j.precedence),
      lane = LEAST(j.lane, COALESCE(j.follow_up_lane, j.lane)),
      follow_up_kind = NULL,
      follow_up_precedence = NULL,
      follow_up_lane = NULL,
      lease_owner = NULL,
      lease_expires_at = NULL
    FROM dead AS d
    WHERE j.id = d.id AND j.bucket = d.bucket
    RETURNING j.id
    """

  let relentlessKinds: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(relentlessKinds) }

  static func decode(_ row: PostgresRow) throws -> JobID { JobID(try row[0]) }
}

struct Heartbeat: Statement {
  static let sql = """
    INSERT INTO jobs.worker AS w (id, name, heartbeat_seconds, in_flight)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), in_flight = EXCLUDED.in_flight
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
}

struct StopWorker: Statement {
  static let sql = "UPDATE jobs.worker SET stopped_at = now(), in_flight = 0 WHERE id = $1"

  let worker: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(worker) }
}

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
