import Foundation
import Postgres

/// Opens every step: exactly one row, or the lease is lost. Holds the row against the reaper until commit.
struct HoldLease: Statement {
  static let sql = """
    SELECT 1
    FROM jobs.job
    WHERE id = $1 AND bucket = $2 AND fence = $3 AND lease_owner = $4
    FOR NO KEY UPDATE
    """

  let lease: Lease

  func bind(_ parameters: inout PostgresParameters) { parameters.append(lease) }

  static func decode(_ row: PostgresRow) throws {}
}

extension PostgresParameters {
  /// The four columns every guard names: $1 id, $2 bucket, $3 fence, $4 lease owner.
  mutating func append(_ lease: Lease) {
    append(lease.job.rawValue)
    append(lease.bucket.rawValue)
    append(lease.fence)
    append(lease.owner)
  }
}

/// The end of a job that nothing follows: one row, or none when the lease is lost or a follow-up waits.
struct ArchiveJob: Statement {
  static let sql = """
    WITH mine AS (
      DELETE FROM jobs.job
      WHERE id = $1 AND bucket = $2 AND fence = $3 AND lease_owner = $4 AND follow_up_kind IS NULL
      RETURNING bucket, id, kind, subject, limit_group, lane, fence, attempt, failures, abandonments, created_at
    )
    INSERT INTO jobs.job_archive
      (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures, abandonments, created_at, finished_by)
    SELECT bucket, id, kind, subject, limit_group, lane, 'done', fence, attempt, failures, abandonments, created_at, $4
    FROM mine
    """

  let lease: Lease

  func bind(_ parameters: inout PostgresParameters) { parameters.append(lease) }
}

/// Gives a lease back: to wait, to be blocked, to be quarantined, or to start over as its follow-up.
///
/// A follow-up is stronger than what ran, so it becomes the job, ready at once.
struct SettleJob: Statement {
  static let sql = """
    UPDATE jobs.job
    SET state = CASE WHEN follow_up_kind IS NULL THEN $5 ELSE 'ready' END,
      state_reason = CASE WHEN follow_up_kind IS NULL THEN left($6, 500) END,
      run_at = CASE WHEN follow_up_kind IS NULL THEN now() + make_interval(secs => $7) ELSE now() END,
      kind = COALESCE(follow_up_kind, kind),
      precedence = COALESCE(follow_up_precedence, precedence),
      lane = LEAST(lane, COALESCE(follow_up_lane, lane)),
      follow_up_kind = NULL,
      follow_up_precedence = NULL,
      follow_up_lane = NULL,
      attempt = CASE WHEN follow_up_kind IS NULL THEN GREATEST(0, attempt - $8) ELSE 0 END,
      failures = CASE WHEN follow_up_kind IS NULL THEN failures + $9 ELSE 0 END,
      abandonments = 0,
      last_error = CASE WHEN $9 > 0 THEN left($6, 500) ELSE last_error END,
      fence = fence + 1,
      lease_owner = NULL,
      lease_expires_at = NULL
    WHERE id = $1 AND bucket = $2 AND fence = $3 AND lease_owner = $4
      AND ($10 OR follow_up_kind IS NOT NULL)
    """

  let lease: Lease
  var state = "ready"
  var reason: String?
  var delay = 0.0
  var attemptsTakenBack: Int32 = 0
  var failures: Int32 = 0
  /// False: only when a follow-up waits.
  var always = true

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(lease)
    parameters.append(state)
    parameters.append(reason)
    parameters.append(delay)
    parameters.append(attemptsTakenBack)
    parameters.append(failures)
    parameters.append(always)
  }
}

struct BlockJobs: Statement {
  static let sql = """
    UPDATE jobs.job
    SET state = 'blocked', state_reason = left($2, 500), fence = fence + 1
    WHERE subject = ANY($1) AND state = 'ready'
    """

  let subjects: [SubjectID]
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(subjects.map(\.rawValue))
    parameters.append(reason)
  }
}

struct RetryJobNow: Statement {
  static let sql = """
    UPDATE jobs.job
    SET state = 'ready', state_reason = NULL, run_at = now(), failures = 0, abandonments = 0, fence = fence + 1,
      lane = LEAST(lane, 3::smallint)
    WHERE subject = $1 AND state IN ('ready', 'blocked', 'quarantined')
    """

  let subject: SubjectID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(subject.rawValue) }
}
