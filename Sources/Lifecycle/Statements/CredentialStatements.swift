import Foundation
import Governance
import Jobs
import Postgres

struct InsertCredential: Statement {
  static let sql = """
    INSERT INTO lifecycle.credential
      (id, identity_id, target_id, bucket, state, authorization_id, hard_expires_at)
    SELECT $1, i.id, i.target_id, i.bucket, 'pending', $3, i.expires_at
    FROM governance.identity AS i
    WHERE i.id = $2
    ON CONFLICT (identity_id) DO NOTHING
    """

  let id: CredentialID
  let identity: IdentityID
  let authorization: AuthorizationID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(identity.rawValue)
    parameters.append(authorization.rawValue)
  }
}

/// Lock order: the credential before its job.
struct FindCredential: Statement {
  static let sql = """
    SELECT id, identity_id, target_id, state, authorization_id, fence, due_anchor,
      NULLIF(next_due_at, 'infinity'), hard_expires_at
    FROM lifecycle.credential
    WHERE identity_id = $1
    FOR NO KEY UPDATE
    """

  let identity: IdentityID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity.rawValue) }

  static func decode(_ row: PostgresRow) throws -> CredentialRecord { try CredentialRecord(row) }
}

extension CredentialRecord {
  init(_ row: PostgresRow) throws {
    let state: String = try row[3]
    guard let state = State(rawValue: state) else {
      throw LifecycleError(code: .unreadableRow, message: "a credential is in a state this version does not know")
    }
    self.init(
      id: CredentialID(try row[0]), identity: IdentityID(try row[1]), target: TargetID(try row[2]), state: state,
      authorization: AuthorizationID(try row[4]), fence: try row[5], dueAnchor: try row[6], nextDueAt: try row[7],
      hardExpiresAt: try row[8])
  }
}

/// Our fence onto the credential, so that a job made later starts above it. Zero rows: somebody newer was here.
struct RaiseCredentialFence: Statement {
  static let sql = "UPDATE lifecycle.credential SET fence = $2 WHERE id = $1 AND fence <= $2"

  let credential: CredentialID
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(fence)
  }
}

struct SetCredentialState: Statement {
  static let sql = """
    UPDATE lifecycle.credential
    SET state = $2, next_due_at = CASE WHEN $2 IN ('revoking', 'revoked') THEN 'infinity' ELSE next_due_at END
    WHERE id = $1
    """

  let credential: CredentialID
  let state: CredentialRecord.State

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(state.rawValue)
  }
}

struct PublishCredential: Statement {
  static let sql = """
    UPDATE lifecycle.credential
    SET state = 'active', due_anchor = $2, next_due_at = COALESCE($3, 'infinity'::timestamptz)
    WHERE id = $1 AND fence <= $4 AND state IN ('pending', 'active')
    """

  let credential: CredentialID
  let anchor: Date
  let nextDue: Date?
  let fence: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(anchor)
    parameters.append(nextDue)
    parameters.append(fence)
  }
}

struct PostponeDue: Statement {
  static let sql = """
    UPDATE lifecycle.credential
    SET next_due_at = GREATEST(next_due_at, now() + make_interval(secs => $2))
    WHERE id = $1
    """

  let credential: CredentialID
  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(seconds)
  }
}

/// Every version that matters to an open saga: all that are not over, and the newest ones that are.
struct FindVersions: Statement {
  static let sql = """
    SELECT number, state, login, envelope
    FROM lifecycle.version
    WHERE credential_id = $1
      AND (state IN ('candidate', 'current', 'retiring')
        OR number > (SELECT max(m.number) - 10 FROM lifecycle.version AS m WHERE m.credential_id = $1))
    ORDER BY number
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  static func decode(_ row: PostgresRow) throws -> CredentialVersion {
    let word: String = try row[1]
    guard let state = CredentialVersion.State(rawValue: word) else {
      throw LifecycleError(code: .unreadableRow, message: "a version is in a state this version does not know")
    }
    return CredentialVersion(number: try row[0], state: state, login: try row[2], envelope: try row[3])
  }
}

struct InsertCandidate: Statement {
  static let sql = """
    INSERT INTO lifecycle.version (credential_id, number, state, login, envelope, key_id)
    VALUES ($1, $2, 'candidate', $3, $4, $5)
    """

  let credential: CredentialID
  let version: CredentialVersion
  let keyID: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(version.number)
    parameters.append(version.login)
    parameters.append(version.envelope)
    parameters.append(keyID)
  }
}

struct SetVersionState: Statement {
  static let sql = """
    UPDATE lifecycle.version
    SET state = $4,
      published_at = CASE WHEN $4 = 'current' THEN now() ELSE published_at END,
      ended_at = CASE WHEN $4 = 'orphan' THEN now() END,
      envelope = CASE WHEN $4 <> 'orphan' THEN envelope END
    WHERE credential_id = $1 AND number = $2 AND state = $3
    """

  let credential: CredentialID
  let number: Int32
  let from: CredentialVersion.State
  let to: CredentialVersion.State

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(number)
    parameters.append(from.rawValue)
    parameters.append(to.rawValue)
  }
}

/// Proven refused: the sealed secret is destroyed with the change of state.
struct EndVersion: Statement {
  static let sql = """
    UPDATE lifecycle.version
    SET state = 'revoked', envelope = NULL, ended_at = now()
    WHERE credential_id = $1 AND number = $2 AND state = 'retiring'
    """

  let credential: CredentialID
  let number: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(number)
  }
}

struct EndAllVersions: Statement {
  static let sql = """
    UPDATE lifecycle.version
    SET state = CASE WHEN state = 'candidate' THEN 'orphan' ELSE 'revoked' END, envelope = NULL, ended_at = now()
    WHERE credential_id = $1 AND state IN ('candidate', 'current', 'retiring')
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }
}

struct FindCurrentVersion: Statement {
  static let sql = """
    SELECT v.number, v.state, v.login, v.envelope, c.id, t.settings
    FROM lifecycle.credential AS c
    JOIN lifecycle.version AS v ON v.credential_id = c.id AND v.state = 'current'
    JOIN governance.target AS t ON t.id = c.target_id
    WHERE c.identity_id = $1
    """

  let identity: IdentityID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity.rawValue) }

  struct Row: Sendable {
    let version: CredentialVersion
    let credential: CredentialID
    let settings: JSONText
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      version: CredentialVersion(number: try row[0], state: .current, login: try row[2], envelope: try row[3]),
      credential: CredentialID(try row[4]), settings: try row[5])
  }
}
