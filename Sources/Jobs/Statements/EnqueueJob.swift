import Foundation
import Postgres

/// Lock order: the one job row of the subject. Relies on `job_subject_unique`.
///
/// A waiting row takes the stronger kind and the stronger lane and the earlier time. A quarantined one waits for a person
/// unless the order is stronger. A leased row is left alone and followed up.
struct EnqueueJob: Statement {
  static let sql = """
    INSERT INTO jobs.job AS j
      (bucket, id, kind, precedence, subject, limit_group, lane, state, deadline_at, run_at, fence)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'ready', COALESCE($8, 'infinity'::timestamptz),
      now() + make_interval(secs => $9), $10)
    ON CONFLICT (subject, bucket) DO UPDATE SET
      kind = CASE WHEN j.state <> 'leased' AND EXCLUDED.precedence > j.precedence THEN EXCLUDED.kind ELSE j.kind END,
      precedence = CASE WHEN j.state <> 'leased' THEN GREATEST(j.precedence, EXCLUDED.precedence) ELSE j.precedence END,
      lane = CASE WHEN j.state <> 'leased' THEN LEAST(j.lane, EXCLUDED.lane) ELSE j.lane END,
      deadline_at = LEAST(j.deadline_at, EXCLUDED.deadline_at),
      run_at = CASE WHEN j.state <> 'leased' THEN LEAST(j.run_at, EXCLUDED.run_at) ELSE j.run_at END,
      state = CASE
        WHEN j.state IN ('quarantined', 'blocked') AND EXCLUDED.precedence > j.precedence THEN 'ready'
        ELSE j.state END,
      state_reason = CASE
        WHEN j.state IN ('quarantined', 'blocked') AND EXCLUDED.precedence > j.precedence THEN NULL
        ELSE j.state_reason END,
      follow_up_kind = CASE
        WHEN j.state = 'leased' AND (EXCLUDED.precedence, -EXCLUDED.lane) >
          (COALESCE(j.follow_up_precedence, j.precedence), -COALESCE(j.follow_up_lane, j.lane)) THEN EXCLUDED.kind
        ELSE j.follow_up_kind END,
      follow_up_precedence = CASE
        WHEN j.state = 'leased' AND (EXCLUDED.precedence, -EXCLUDED.lane) >
          (COALESCE(j.follow_up_precedence, j.precedence), -COALESCE(j.follow_up_lane, j.lane)) THEN EXCLUDED.precedence
        ELSE j.follow_up_precedence END,
      follow_up_lane = CASE
        WHEN j.state = 'leased' AND (EXCLUDED.precedence, -EXCLUDED.lane) >
          (COALESCE(j.follow_up_precedence, j.precedence), -COALESCE(j.follow_up_lane, j.lane)) THEN EXCLUDED.lane
        ELSE j.follow_up_lane END
    RETURNING CASE
      WHEN j.id = $2 THEN 'inserted'
      WHEN j.state <> 'leased' THEN 'merged'
      WHEN j.follow_up_kind IS NOT NULL THEN 'follow_up'
      ELSE 'unchanged' END
    """

  let order: JobQueue.Order
  let id: UUID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(Bucket(of: order.group).rawValue)
    parameters.append(id)
    parameters.append(order.kind.name)
    parameters.append(order.kind.precedence)
    parameters.append(order.subject.rawValue)
    parameters.append(order.group.rawValue)
    parameters.append(order.lane.rawValue)
    parameters.append(order.deadline)
    parameters.append(order.delay)
    parameters.append(order.fence)
  }

  static func decode(_ row: PostgresRow) throws -> JobQueue.Enqueued {
    let word: String = try row[0]
    return JobQueue.Enqueued(rawValue: word) ?? .unchanged
  }
}

struct SetLimit: Statement {
  static let sql = """
    INSERT INTO jobs.limit_group AS g (bucket, id, max_running)
    VALUES ($1, $2, $3)
    ON CONFLICT (id, bucket) DO UPDATE SET max_running = EXCLUDED.max_running
    """

  let group: LimitGroupID
  let maximumRunning: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(Bucket(of: group).rawValue)
    parameters.append(group.rawValue)
    parameters.append(maximumRunning)
  }
}
