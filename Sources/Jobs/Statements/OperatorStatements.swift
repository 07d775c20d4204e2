import Foundation
import Postgres

struct SetLimit: Statement {
  static let sql = """
    INSERT INTO jobs.limit_group AS g (bucket, id, max_running, rate_per_minute, rate_burst, tokens)
    VALUES ($1, $2, $3, $4, $5, $5::integer)
    ON CONFLICT (id, bucket) DO UPDATE SET max_running = EXCLUDED.max_running,
      rate_per_minute = EXCLUDED.rate_per_minute, rate_burst = EXCLUDED.rate_burst,
      tokens = LEAST(g.tokens, EXCLUDED.rate_burst)
    """

  let group: LimitGroupID
  let limit: GroupLimit

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(Bucket(of: group).rawValue)
    parameters.append(group.rawValue)
    parameters.append(limit.maximumRunning)
    parameters.append(limit.perMinute)
    parameters.append(limit.burst)
  }
}

struct PauseGroup: Statement {
  static let sql = """
    UPDATE jobs.limit_group
    SET paused_at = now(), paused_reason = left($2, 500)
    WHERE id = $1 AND paused_at IS NULL
    """

  let group: LimitGroupID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(group.rawValue)
    parameters.append(reason)
  }
}

struct ResumeGroup: Statement {
  static let sql = """
    UPDATE jobs.limit_group
    SET paused_at = NULL, paused_reason = NULL, breaker = 'closed', breaker_failures = 0, breaker_until = NULL
    WHERE id = $1 AND (paused_at IS NOT NULL OR breaker <> 'closed')
    """

  let group: LimitGroupID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(group.rawValue) }
}

/// Relies on `job_pkey`. Lock order: by subject.
struct BlockJobs: Statement {
  static let sql = """
    WITH chosen AS (
      SELECT j.subject, j.bucket
      FROM jobs.job AS j
      WHERE j.subject = ANY($1) AND j.lease_owner IS NULL AND j.hold IS DISTINCT FROM 'quarantined'
      ORDER BY j.subject
      FOR NO KEY UPDATE
    )
    UPDATE jobs.job AS j
    SET hold = 'blocked', hold_reason = left($2, 500), fence = j.fence + 1
    FROM chosen AS c
    WHERE j.subject = c.subject AND j.bucket = c.bucket
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
    SET hold = NULL, hold_reason = NULL, run_at = now(), failures = 0, abandonments = 0, fence = fence + 1,
      lane = LEAST(lane, 3::smallint), position = jobs.next_position()
    WHERE subject = $1 AND lease_owner IS NULL
    """

  let subject: SubjectID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(subject.rawValue) }
}

struct CancelJob: Statement {
  static let sql = """
    WITH ended AS (
      DELETE FROM jobs.job
      WHERE subject = $1
      RETURNING bucket, id, kind, subject, limit_group, lane, fence, attempt, failures, abandonments, created_at
    )
    INSERT INTO jobs.job_archive
      (bucket, id, kind, subject, limit_group, lane, outcome, reason, fence, attempt, failures, abandonments, created_at)
    SELECT bucket, id, kind, subject, limit_group, lane, 'cancelled', left($2, 500), fence + 1, attempt, failures,
      abandonments, created_at
    FROM ended
    """

  let subject: SubjectID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(subject.rawValue)
    parameters.append(reason)
  }
}

struct ChangeLane: Statement {
  static let sql = """
    WITH chosen AS (
      SELECT j.subject, j.bucket
      FROM jobs.job AS j
      WHERE j.subject = ANY($1) AND j.lease_owner IS NULL AND j.lane <> $2
      ORDER BY j.subject
      FOR NO KEY UPDATE
    )
    UPDATE jobs.job AS j
    SET lane = $2, position = jobs.next_position()
    FROM chosen AS c
    WHERE j.subject = c.subject AND j.bucket = c.bucket
    """

  let subjects: [SubjectID]
  let lane: Lane

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(subjects.map(\.rawValue))
    parameters.append(lane.rawValue)
  }
}

struct RecordOperatorAction: Statement {
  static let sql = """
    INSERT INTO jobs.operator_action (actor, action, limit_group, subject, jobs, detail, reason)
    VALUES ($1, $2, $3, $4, $5, left($6, 500), $7)
    """

  let action: OperatorAction

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(action.actor)
    parameters.append(action.verb.rawValue)
    parameters.append(action.group?.rawValue)
    parameters.append(action.subject?.rawValue)
    parameters.append(Int32(action.jobs))
    parameters.append(action.detail)
    parameters.append(action.reason)
  }
}
