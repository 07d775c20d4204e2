import Foundation
import Postgres

/// What the lists show, read from the dashboards' views.

struct CountLiveWorkers: Statement {
  static let sql = "SELECT count(*) FROM keyturn.v_worker WHERE alive"
  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

struct ListTargets: Statement {
  static let sql = "SELECT name, kind, environment, max_running, paused_at FROM keyturn.v_target ORDER BY name"

  struct Row: Sendable {
    let name: String
    let kind: String
    let environment: String
    let maximumRunning: Int32?
    let pausedAt: Date?
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      name: try row[0], kind: try row[1], environment: try row[2], maximumRunning: try row[3], pausedAt: try row[4])
  }
}

struct ListPolicies: Statement {
  static let sql = """
    SELECT name, rotation_period::text, rotation_jitter::text, overlap::text, on_expiry
    FROM governance.policy
    ORDER BY name
    """

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(5) }
}

struct ListIdentities: Statement {
  static let sql = """
    SELECT i.name, t.name, o.external_id, b.external_id, i.purpose, to_char(i.expires_at, 'YYYY-MM-DD HH24:MI')
    FROM governance.identity AS i
    JOIN governance.target AS t ON t.id = i.target_id
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.person AS b ON b.id = i.backup_owner_id
    ORDER BY t.name, i.name
    LIMIT 10000
    """

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(6) }
}

struct ListJobs: Statement {
  static let sql = """
    SELECT identity, target, kind, state, lane::text, attempt::text, failures::text,
      to_char(run_at, 'YYYY-MM-DD HH24:MI:SS'), worker, COALESCE(state_reason, last_error)
    FROM keyturn.v_job
    ORDER BY state = 'leased' DESC, lane, deadline_at, run_at
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(10) }
}

struct ListCredentials: Statement {
  static let sql = """
    SELECT identity, target, state, current_version::text, current_login,
      CASE WHEN isfinite(next_due_at) THEN to_char(next_due_at, 'YYYY-MM-DD HH24:MI:SS') END,
      to_char(hard_expires_at, 'YYYY-MM-DD HH24:MI:SS'), open_action, open_state,
      COALESCE(open_state_reason, 'voided: ' || void_reason)
    FROM keyturn.v_credential
    WHERE $1::text IS NULL OR identity = $1
    ORDER BY target, identity
    LIMIT 10000
    """

  let identity: String?

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(10) }
}

struct ListHistory: Statement {
  static let sql = """
    SELECT action, trigger, state, effects::text, proofs_passed::text, ticket,
      to_char(created_at, 'YYYY-MM-DD HH24:MI:SS'), to_char(finished_at, 'YYYY-MM-DD HH24:MI:SS')
    FROM keyturn.v_rotation
    WHERE identity = $1
    ORDER BY created_at
    LIMIT 1000
    """

  let identity: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(8) }
}

extension PostgresRow {
  /// The first `count` columns, all of type text.
  func texts(_ count: Int) throws -> [String?] {
    try (0..<count).map { column in
      let text: String? = try self[column]
      return text
    }
  }
}
