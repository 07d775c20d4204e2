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

/// Lock order: credentials by id, before their jobs.
struct FindCredentials: Statement {
  static let sql = """
    SELECT c.id, c.identity_id, c.target_id, c.state, c.authorization_id, c.fence, c.due_anchor,
      NULLIF(c.next_due_at, 'infinity'), c.hard_expires_at
    FROM lifecycle.credential AS c
    WHERE c.identity_id = ANY($1)
    ORDER BY c.id
    FOR NO KEY UPDATE
    """

  let identities: [IdentityID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identities.map(\.rawValue)) }

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

/// Our fence onto the credential, durable before the target sees it, so that a job made later starts above what the target
/// has seen. Not done: somebody newer was here.
struct RaiseCredentialFence: BatchStatement {
  static let sql = """
    WITH raised AS (
      UPDATE lifecycle.credential AS c
      SET fence = m.fence
      FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS m (id, fence, n)
      WHERE c.id = m.id AND c.fence <= m.fence
      RETURNING m.n
    )
    SELECT array_agg(n) FROM raised
    """

  let credential: CredentialID
  let fence: Int64

  static func bind(_ rows: [RaiseCredentialFence], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.fence))
  }
}

/// Counts as done whatever it changes.
struct SetCredentialState: BatchStatement {
  static let sql = """
    WITH changed AS (
      UPDATE lifecycle.credential AS c
      SET state = m.state, next_due_at = CASE WHEN m.state IN ('revoking', 'revoked') THEN 'infinity' ELSE c.next_due_at END
      FROM unnest($1::uuid[], $2::text[]) AS m (id, state)
      WHERE c.id = m.id
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let credential: CredentialID
  let state: CredentialRecord.State

  static func bind(_ rows: [SetCredentialState], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.state.rawValue))
  }
}

struct PublishCredential: BatchStatement {
  static let sql = """
    WITH published AS (
      UPDATE lifecycle.credential AS c
      SET state = 'active', due_anchor = m.anchor, next_due_at = m.next_due, next_verify_at = now() + interval '1 day',
        leaked_at = CASE WHEN NOT m.ends_leak THEN c.leaked_at END
      FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::boolean[]) WITH ORDINALITY
        AS m (id, anchor, next_due, fence, ends_leak, n)
      WHERE c.id = m.id AND c.fence <= m.fence AND c.state IN ('pending', 'active')
      RETURNING m.n
    )
    SELECT array_agg(n) FROM published
    """

  let credential: CredentialID
  let anchor: Date
  /// Nil: never by itself.
  let nextDue: Date?
  let fence: Int64
  /// The version before this one is the one that was reported.
  let endsLeak: Bool

  static func bind(_ rows: [PublishCredential], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.anchor))
    parameters.append(rows.map { $0.nextDue ?? .distantFuture })
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map(\.endsLeak))
  }
}

/// Counts as done whatever it changes.
struct PostponeDue: BatchStatement {
  static let sql = """
    WITH postponed AS (
      UPDATE lifecycle.credential AS c
      SET next_due_at = GREATEST(c.next_due_at, now() + make_interval(secs => m.seconds))
      FROM unnest($1::uuid[], $2::float8[]) AS m (id, seconds)
      WHERE c.id = m.id
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let credential: CredentialID
  let seconds: Double

  static func bind(_ rows: [PostponeDue], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.seconds))
  }
}

/// Every version that matters to the open sagas of these credentials: all that are not over, and the newest ones that are.
/// Relies on `version_pkey`.
struct FindVersions: Statement {
  static let sql = """
    SELECT v.credential_id, v.number, v.state, v.login, v.envelope
    FROM unnest($1::uuid[]) AS m (id)
    JOIN lifecycle.version AS v ON v.credential_id = m.id
    WHERE v.state IN ('candidate', 'current', 'retiring')
      OR v.number > (SELECT max(x.number) - 10 FROM lifecycle.version AS x WHERE x.credential_id = m.id)
    ORDER BY v.credential_id, v.number
    """

  let credentials: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials) }

  static func decode(_ row: PostgresRow) throws -> (credential: UUID, version: CredentialVersion) {
    let word: String = try row[2]
    guard let state = CredentialVersion.State(rawValue: word) else {
      throw LifecycleError(code: .unreadableRow, message: "a version is in a state this version does not know")
    }
    return (
      try row[0], CredentialVersion(number: try row[1], state: state, login: try row[3], envelope: try row[4])
    )
  }
}

struct InsertCandidate: BatchStatement {
  static let sql = """
    WITH wanted AS (
      SELECT *
      FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::bytea[], $5::text[]) WITH ORDINALITY
        AS m (credential_id, number, login, envelope, key_id, n)
    ), stored AS (
      INSERT INTO lifecycle.version (credential_id, number, state, login, envelope, key_id)
      SELECT credential_id, number, 'candidate', login, envelope, key_id
      FROM wanted
    )
    SELECT array_agg(n) FROM wanted
    """

  let credential: CredentialID
  let version: CredentialVersion
  let keyID: String

  static func bind(_ rows: [InsertCandidate], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.version.number))
    parameters.append(rows.map(\.version.login))
    parameters.append(rows.map { $0.version.envelope ?? [] })
    parameters.append(rows.map(\.keyID))
  }
}

/// Guard: the state it was in.
struct SetVersionState: BatchStatement {
  static let sql = """
    WITH changed AS (
      UPDATE lifecycle.version AS v
      SET state = m.state,
        published_at = CASE WHEN m.state = 'current' THEN now() ELSE v.published_at END,
        ended_at = CASE WHEN m.state = 'orphan' THEN now() END,
        envelope = CASE WHEN m.state <> 'orphan' THEN v.envelope END
      FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) WITH ORDINALITY
        AS m (credential_id, number, before, state, n)
      WHERE v.credential_id = m.credential_id AND v.number = m.number AND v.state = m.before
      RETURNING m.n
    )
    SELECT array_agg(n) FROM changed
    """

  let credential: CredentialID
  let number: Int32
  let from: CredentialVersion.State
  let to: CredentialVersion.State

  static func bind(_ rows: [SetVersionState], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.number))
    parameters.append(rows.map(\.from.rawValue))
    parameters.append(rows.map(\.to.rawValue))
  }
}

/// Proven refused: the sealed secret is destroyed with the change of state.
struct EndVersion: BatchStatement {
  static let sql = """
    WITH ended AS (
      UPDATE lifecycle.version AS v
      SET state = 'revoked', envelope = NULL, ended_at = now()
      FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS m (credential_id, number, n)
      WHERE v.credential_id = m.credential_id AND v.number = m.number AND v.state = 'retiring'
      RETURNING m.n
    )
    SELECT array_agg(n) FROM ended
    """

  let credential: CredentialID
  let number: Int32

  static func bind(_ rows: [EndVersion], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.number))
  }
}

/// Counts as done however many there are.
struct EndAllVersions: BatchStatement {
  static let sql = """
    WITH ended AS (
      UPDATE lifecycle.version AS v
      SET state = CASE WHEN v.state = 'candidate' THEN 'orphan' ELSE 'revoked' END, envelope = NULL, ended_at = now()
      FROM unnest($1::uuid[]) AS m (credential_id)
      WHERE v.credential_id = m.credential_id AND v.state IN ('candidate', 'current', 'retiring')
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (credential_id, n)
    """

  let credential: CredentialID

  static func bind(_ rows: [EndAllVersions], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
  }
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
