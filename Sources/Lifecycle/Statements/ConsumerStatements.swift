import Foundation
import Governance
import Postgres

struct InsertConsumer: Statement {
  static let sql = """
    INSERT INTO lifecycle.consumer
      (id, credential_id, name, token_hash, added_by, expires_at, webhook_url, webhook_envelope, webhook_key_id)
    VALUES ($1, $2, $3, $4, $5, COALESCE($6, 'infinity'::timestamptz), $7, $8, $9)
    ON CONFLICT (credential_id, name) WHERE removed_at IS NULL DO NOTHING
    """

  let id: ConsumerID
  let credential: CredentialID
  let name: String
  let tokenHash: [UInt8]
  let by: PersonID
  let expiresAt: Date?
  let webhookURL: String?
  let envelope: [UInt8]?
  let keyID: String?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(name)
    parameters.append(tokenHash)
    parameters.append(by.rawValue)
    parameters.append(expiresAt)
    parameters.append(webhookURL)
    parameters.append(envelope)
    parameters.append(keyID)
  }
}

struct RemoveConsumer: Statement {
  static let sql = """
    UPDATE lifecycle.consumer
    SET removed_at = now()
    WHERE credential_id = $1 AND name = $2 AND removed_at IS NULL
    RETURNING id
    """

  let credential: CredentialID
  let name: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential.rawValue)
    parameters.append(name)
  }

  static func decode(_ row: PostgresRow) throws -> ConsumerID { ConsumerID(try row[0]) }
}

struct FindConsumer: Statement {
  static let sql = """
    SELECT c.id, c.name, c.credential_id, i.name, t.name, c.token_hash, c.expires_at <= now(), c.removed_at IS NOT NULL
    FROM lifecycle.consumer AS c
    JOIN lifecycle.credential AS k ON k.id = c.credential_id
    JOIN governance.identity AS i ON i.id = k.identity_id
    JOIN governance.target AS t ON t.id = k.target_id
    WHERE c.id = $1
    """

  let id: ConsumerID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id.rawValue) }

  struct Row: Sendable {
    let consumer: AuthenticatedConsumer
    let tokenHash: [UInt8]
    let isExpired: Bool
    let isRemoved: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      consumer: AuthenticatedConsumer(
        id: ConsumerID(try row[0]), name: try row[1], credential: CredentialID(try row[2]), identity: try row[3],
        target: try row[4]),
      tokenHash: try row[5], isExpired: try row[6], isRemoved: try row[7])
  }
}

/// What may be read of these: the current version, and the one before while it still works.
struct FindReadableVersions: Statement {
  static let sql = """
    SELECT v.credential_id, v.number, v.state, v.login, v.envelope, t.settings
    FROM lifecycle.version AS v
    JOIN lifecycle.credential AS c ON c.id = v.credential_id
    JOIN governance.target AS t ON t.id = c.target_id
    WHERE v.credential_id = ANY($1) AND v.state IN ('current', 'retiring') AND v.envelope IS NOT NULL
    ORDER BY v.number DESC
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  struct Row: Sendable {
    let credential: CredentialID
    let version: CredentialVersion
    let settings: JSONText
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let word: String = try row[2]
    guard let state = CredentialVersion.State(rawValue: word) else {
      throw LifecycleError(code: .unreadableRow, message: "a version is in a state this version does not know")
    }
    return Row(
      credential: CredentialID(try row[0]),
      version: CredentialVersion(number: try row[1], state: state, login: try row[3], envelope: try row[4]),
      settings: try row[5])
  }
}

struct FindCurrentNumbers: Statement {
  static let sql = """
    SELECT v.credential_id, v.number
    FROM lifecycle.version AS v
    WHERE v.credential_id = ANY($1) AND v.state = 'current'
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> (credential: CredentialID, number: Int32) {
    (CredentialID(try row[0]), try row[1])
  }
}

/// One row per consumer and version in `rows`. Lock order: by consumer and version.
struct RecordReads: Statement {
  static let sql = """
    INSERT INTO lifecycle.consumer_version AS v (consumer_id, version, reads, first_read_at, last_read_at)
    SELECT w.consumer_id, w.version, w.reads, now(), now()
    FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS w (consumer_id, version, reads)
    ORDER BY w.consumer_id, w.version
    ON CONFLICT (consumer_id, version) DO UPDATE SET
      reads = v.reads + EXCLUDED.reads, first_read_at = COALESCE(v.first_read_at, EXCLUDED.first_read_at),
      last_read_at = EXCLUDED.last_read_at
    """

  struct Reading: Sendable {
    let consumer: ConsumerID
    let version: Int32
    let reads: Int64
  }

  let rows: [Reading]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.consumer.rawValue))
    parameters.append(rows.map(\.version))
    parameters.append(rows.map(\.reads))
  }
}

struct Acknowledge: Statement {
  static let sql = """
    INSERT INTO lifecycle.consumer_version AS v (consumer_id, version, acknowledged_at)
    VALUES ($1, $2, now())
    ON CONFLICT (consumer_id, version) DO UPDATE SET acknowledged_at = COALESCE(v.acknowledged_at, now())
    """

  let consumer: ConsumerID
  let version: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(consumer.rawValue)
    parameters.append(version)
  }
}
