import Foundation
import Postgres

struct InsertSCIMClient: Statement {
  static let sql = """
    INSERT INTO governance.scim_client (id, source, name, token_hash, added_by, reason, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (source, name) WHERE removed_at IS NULL DO NOTHING
    """

  let id: UUID
  let source: String
  let name: String
  let hash: [UInt8]
  let by: PersonID
  let reason: String
  let expiresAt: Date?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(source)
    parameters.append(name)
    parameters.append(hash)
    parameters.append(by.rawValue)
    parameters.append(reason)
    parameters.append(expiresAt)
  }
}

struct RemoveSCIMClient: Statement {
  static let sql = """
    UPDATE governance.scim_client
    SET removed_at = clock_timestamp(), removed_by = $3
    WHERE source = $1 AND name = $2 AND removed_at IS NULL
    """

  let source: String
  let name: String
  let by: PersonID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(source)
    parameters.append(name)
    parameters.append(by.rawValue)
  }
}

struct ListSCIMClients: Statement {
  static let sql = """
    SELECT source, name, created_at, expires_at
    FROM governance.scim_client
    WHERE removed_at IS NULL
    ORDER BY source, name
    """

  static func decode(_ row: PostgresRow) throws -> SCIMClient {
    SCIMClient(source: try row[0], name: try row[1], createdAt: try row[2], expiresAt: try row[3])
  }
}

struct FindSCIMClient: Statement {
  static let sql = """
    SELECT source, token_hash, removed_at IS NOT NULL, COALESCE(expires_at <= clock_timestamp(), false)
    FROM governance.scim_client
    WHERE id = $1
    """

  struct Row: Sendable {
    let source: String
    let hash: [UInt8]
    let isRemoved: Bool
    let isExpired: Bool
  }

  let id: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(source: try row[0], hash: try row[1], isRemoved: try row[2], isExpired: try row[3])
  }
}
