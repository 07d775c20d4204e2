import Foundation
import Governance
import Jobs
import Postgres

/// Credentials whose time has come and that no saga is working on. Relies on `credential_due`,
/// `credential_expiry` and `credential_leaked`.
struct FindDueCredentials: Statement {
  static let sql = """
    SELECT c.id, c.identity_id, c.target_id, c.state, c.authorization_id, c.fence, c.due_anchor,
      NULLIF(c.next_due_at, 'infinity'), c.hard_expires_at, now(),
      p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length, c.leaked_at IS NOT NULL
    FROM lifecycle.credential AS c
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    WHERE c.state = 'active'
      AND (c.next_due_at <= now() OR c.hard_expires_at <= now() OR c.leaked_at IS NOT NULL)
      AND NOT EXISTS (
        SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.finished_at IS NULL
          AND (r.action = 'revoke' OR c.hard_expires_at > now()))
    ORDER BY c.hard_expires_at, c.next_due_at
    LIMIT $1
    FOR NO KEY UPDATE OF c SKIP LOCKED
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  struct Row: Sendable {
    let credential: CredentialRecord
    let now: Date
    let policy: Policy
    let isLeaked: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      credential: try CredentialRecord(row), now: try row[9], policy: try Policy(row, from: 10), isLeaked: try row[19])
  }
}

/// Open sagas that no job stands for: the queue was emptied, or a crash came between saga and job. The same for blocked
/// jobs whose authorization holds again is a person's `retry`; a quarantined saga has a job again when a person decides.
struct FindStalledSagas: Statement {
  static let sql = """
    SELECT r.credential_id, c.target_id, r.action, c.fence, c.hard_expires_at
    FROM lifecycle.rotation AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    WHERE r.finished_at IS NULL AND r.state <> 'quarantined'
      AND NOT EXISTS (SELECT FROM jobs.job AS j WHERE j.subject = c.id AND j.bucket = c.bucket)
    ORDER BY r.created_at
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  struct Row: Sendable {
    let credential: UUID
    let target: UUID
    let action: String
    let fence: Int64
    let hardExpiresAt: Date
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(credential: try row[0], target: try row[1], action: try row[2], fence: try row[3], hardExpiresAt: try row[4])
  }
}

/// As above, of containments that are not over. Relies on `containment_target_open`.
struct FindStalledContainments: Statement {
  static let sql = """
    SELECT t.id, t.target_id
    FROM lifecycle.containment_target AS t
    WHERE t.ended_at IS NULL
      AND NOT EXISTS (SELECT FROM jobs.job AS j WHERE j.subject = t.id AND j.bucket = t.bucket)
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> (entry: UUID, target: TargetID) {
    (try row[0], TargetID(try row[1]))
  }
}

/// Live credentials to be looked at again that nothing else is done to. Relies on `credential_verify`.
struct FindVerifiable: Statement {
  static let sql = """
    SELECT c.id, c.identity_id, c.target_id, c.state, c.authorization_id, c.fence, c.due_anchor,
      NULLIF(c.next_due_at, 'infinity'), c.hard_expires_at
    FROM lifecycle.credential AS c
    WHERE c.state = 'active' AND c.next_verify_at <= now()
      AND NOT EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL)
      AND NOT EXISTS (SELECT FROM jobs.job AS j WHERE j.subject = c.id AND j.bucket = c.bucket)
    ORDER BY c.next_verify_at
    LIMIT $1
    FOR NO KEY UPDATE OF c SKIP LOCKED
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> CredentialRecord { try CredentialRecord(row) }
}

/// The credential and what is open for it go on under a new authorization.
struct AdoptAuthorization: Statement {
  static let sql = """
    WITH saga AS (
      UPDATE lifecycle.rotation
      SET authorization_id = $2
      WHERE credential_id = $1 AND finished_at IS NULL AND action <> 'revoke'
    )
    UPDATE lifecycle.credential
    SET authorization_id = $2
    WHERE id = $1
    """

  let credential: CredentialID
  let authorization: AuthorizationID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(authorization.rawValue)
  }
}
