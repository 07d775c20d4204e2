import Foundation
import Postgres

/// What the lists show, read from the dashboards' views.

struct SumLiveWorkers: Statement {
  static let sql = "SELECT count(*), COALESCE(sum(in_flight), 0)::bigint FROM keyturn.v_worker WHERE alive"
  static func decode(_ row: PostgresRow) throws -> (count: Int64, inFlight: Int64) { (try row[0], try row[1]) }
}

struct ListTargets: Statement {
  static let sql = """
    SELECT name, kind, environment, max_running::text, rate_per_minute::text, rate_burst::text,
      to_char(paused_at, 'YYYY-MM-DD HH24:MI:SS'), paused_reason, breaker, breaker_failures::text,
      CASE WHEN breaker <> 'closed' THEN to_char(breaker_until, 'YYYY-MM-DD HH24:MI:SS') END
    FROM keyturn.v_target
    ORDER BY name
    """

  /// Of `Row.state`.
  static let stateHeadings = [
    "maximum_running", "per_minute", "burst", "paused", "pause_reason", "breaker", "failures", "next_try",
  ]

  struct Row: Sendable {
    let name: String
    let kind: String
    let environment: String
    let state: [String?]
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(name: try row[0], kind: try row[1], environment: try row[2], state: Array(try row.texts(11).dropFirst(3)))
  }
}

struct ListQueueMinutes: Statement {
  static let sql = """
    SELECT to_char(minute, 'YYYY-MM-DD HH24:MI'), kind, claimed::text, done::text, failed::text, snoozed::text,
      blocked::text, quarantined::text, lost::text, round(waited_mean::numeric, 3)::text,
      round(waited_most::numeric, 3)::text, round(ran_mean::numeric, 3)::text, round(ran_most::numeric, 3)::text
    FROM keyturn.v_queue_minute
    WHERE minute > now() - make_interval(mins => $1)
    ORDER BY minute DESC, kind
    """

  let minutes: Int32

  func bind(_ parameters: inout PostgresParameters) { parameters.append(minutes) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(13) }
}

struct ListOperatorActions: Statement {
  static let sql = """
    SELECT to_char(at, 'YYYY-MM-DD HH24:MI:SS'), actor, action, target, identity, jobs::text, detail, reason
    FROM keyturn.v_operator_action
    ORDER BY action_id DESC
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(8) }
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
    SELECT identity, target, kind, state,
      (ARRAY['leak', 'hard-expiry', 'narrowing', 'operator', 'routine'])[lane + 1], attempt::text, failures::text,
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
      COALESCE(open_state_reason, 'voided: ' || void_reason),
      CASE WHEN open_state = 'quarantined'
        THEN (SELECT string_agg(a, ', ') FROM jsonb_array_elements_text(open_quarantine -> 'allowed') AS a) END,
      CASE WHEN open_state = 'quarantined'
        THEN (open_quarantine #>> '{last_proof,kind}') || ' ' || (open_quarantine #>> '{last_proof,result}') END,
      verification || COALESCE(': ' || NULLIF(array_to_string(drifts, ', '), ''), ''),
      'by ' || waived_by || ' at ' || to_char(waived_at, 'YYYY-MM-DD HH24:MI:SS') || ' (' || waiver_ticket || '): '
        || waiver_reason
    FROM keyturn.v_credential
    WHERE $1::text IS NULL OR identity = $1
    ORDER BY target, identity
    LIMIT 10000
    """

  let identity: String?

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(14) }
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

struct ServiceLevelReport: Statement {
  static let headings = [
    "kind", "tickets", "proven", "late", "late_to_prove", "ticket_p50", "ticket_p95", "approved_p50", "approved_p95",
    "contained_p50", "contained_p95", "proven_p50", "proven_p95",
  ]

  static let sql = """
    SELECT kind, tickets::text, proven::text, late::text, late_to_prove::text, round(to_ticket_p50::numeric, 1)::text,
      round(to_ticket_p95::numeric, 1)::text,
      round(to_approved_p50::numeric, 1)::text, round(to_approved_p95::numeric, 1)::text,
      round(to_contained_p50::numeric, 1)::text, round(to_contained_p95::numeric, 1)::text,
      round(to_proven_p50::numeric, 1)::text, round(to_proven_p95::numeric, 1)::text
    FROM keyturn.v_sla
    ORDER BY kind
    """

  static func decode(_ row: PostgresRow) throws -> [String?] {
    try (0..<13).map { try row.decodeIfPresent($0, as: String.self) }
  }
}
