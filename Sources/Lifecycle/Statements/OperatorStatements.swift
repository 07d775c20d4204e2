import Foundation
import Governance
import Jobs
import Postgres

struct LockTargetState: Statement {
  static let sql = """
    SELECT max_running, rate_per_minute, rate_burst, paused_at IS NOT NULL, paused_reason, breaker
    FROM jobs.limit_group
    WHERE id = $1
    FOR NO KEY UPDATE
    """

  let group: LimitGroupID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(group.rawValue) }

  static func decode(_ row: PostgresRow) throws -> TargetState {
    TargetState(
      limit: GroupLimit(maximumRunning: try row[0], perMinute: try row[1], burst: try row[2]), isPaused: try row[3],
      pausedReason: try row[4], breaker: try row[5])
  }
}

/// Lock order: after the credential. Relies on `job_pkey`.
struct LockLiveJob: Statement {
  static let sql = """
    SELECT j.kind, j.lane, j.fence, j.lease_owner IS NOT NULL, j.follow_up_kind
    FROM jobs.job AS j
    JOIN lifecycle.credential AS c ON c.id = j.subject AND c.bucket = j.bucket
    WHERE c.id = $1
    FOR NO KEY UPDATE OF j
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  struct Row: Sendable {
    let kind: String
    let lane: Int16
    let fence: Int64
    let isLeased: Bool
    let followUpKind: String?
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(kind: try row[0], lane: try row[1], fence: try row[2], isLeased: try row[3], followUpKind: try row[4])
  }
}
