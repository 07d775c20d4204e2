import Foundation
import Postgres

struct SCIMRow: Sendable {
  let id: UUID
  let kind: String
  let version: Int64
  let person: UUID?
  let stored: SCIMValue
  let createdAt: Date
  let modifiedAt: Date

  init(_ row: PostgresRow) throws {
    id = try row[0]
    kind = try row[1]
    version = try row[2]
    person = try row[3]
    let body: JSONText = try row[4]
    stored = try SCIMValue(json: Array(body.text.utf8))
    createdAt = try row[5]
    modifiedAt = try row[6]
  }

  /// - Parameter base: scheme and authority of this server, or empty.
  func resource(base: String) throws -> SCIMDirectory.Resource {
    guard case .object(var object) = stored, let kind = SCIMDirectory.Kind(rawValue: kind) else {
      throw SCIMError(.notFound, "the resource cannot be read")
    }
    let name = id.uuidString.lowercased()
    object["id"] = .string(name)
    object["meta"] = .object([
      "resourceType": .string(kind.rawValue), "version": .string(SCIMTag.text(version)),
      "created": .string(createdAt.formatted(.iso8601)), "lastModified": .string(modifiedAt.formatted(.iso8601)),
      "location": .string("\(base)/scim/v2/\(kind.rawValue)s/\(name)"),
    ])
    return SCIMDirectory.Resource(id: id, kind: kind, version: version, body: .object(object))
  }
}

struct FindSCIMResource: Statement {
  static let sql = """
    SELECT id, kind, version, person_id, body, created_at, modified_at
    FROM governance.scim_resource
    WHERE kind = $1 AND id = $2 AND source = $3
    """

  let kind: String
  let id: UUID
  let source: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind)
    parameters.append(id)
    parameters.append(source)
  }

  static func decode(_ row: PostgresRow) throws -> SCIMRow { try SCIMRow(row) }
}

struct LockSCIMResource: Statement {
  static let sql = """
    SELECT id, kind, version, person_id, body, created_at, modified_at
    FROM governance.scim_resource
    WHERE kind = $1 AND id = $2 AND source = $3
    FOR NO KEY UPDATE
    """

  let kind: String
  let id: UUID
  let source: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind)
    parameters.append(id)
    parameters.append(source)
  }

  static func decode(_ row: PostgresRow) throws -> SCIMRow { try SCIMRow(row) }
}

/// Resources of a kind, in the order of their creation.
struct ListSCIMResources: Statement {
  static let sql = """
    SELECT id, kind, version, person_id, body, created_at, modified_at
    FROM governance.scim_resource
    WHERE kind = $1 AND source = $2
    ORDER BY id
    LIMIT $3
    OFFSET $4
    """

  let kind: String
  let source: String
  /// Nil: all.
  var limit: Int64?
  var offset: Int64 = 0

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind)
    parameters.append(source)
    parameters.append(limit)
    parameters.append(offset)
  }

  static func decode(_ row: PostgresRow) throws -> SCIMRow { try SCIMRow(row) }
}

struct CountSCIMResources: Statement {
  static let sql = "SELECT count(*) FROM governance.scim_resource WHERE kind = $1 AND source = $2"

  let kind: String
  let source: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind)
    parameters.append(source)
  }

  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

/// The one that bears the name, by the index `scim_resource_name_once`: what clients ask before they create one.
struct FindSCIMResourceNamed: Statement {
  static let sql = """
    SELECT id, kind, version, person_id, body, created_at, modified_at
    FROM governance.scim_resource
    WHERE kind = $1 AND source = $2 AND lower(name) = lower($3)
    """

  let kind: String
  let source: String
  let name: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind)
    parameters.append(source)
    parameters.append(name)
  }

  static func decode(_ row: PostgresRow) throws -> SCIMRow { try SCIMRow(row) }
}

struct FindSCIMName: Statement {
  static let sql = "SELECT id FROM governance.scim_resource WHERE kind = $1 AND lower(name) = lower($2)"

  let kind: String
  let name: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind)
    parameters.append(name)
  }

  static func decode(_ row: PostgresRow) throws -> UUID { try row[0] }
}

struct InsertSCIMResource: Statement {
  static let sql = """
    INSERT INTO governance.scim_resource (id, source, kind, name, person_id, body) VALUES ($1, $2, $3, $4, $5, $6)
    """

  let id: UUID
  let source: String
  let kind: String
  let name: String
  let person: PersonID?
  let body: JSONText

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(source)
    parameters.append(kind)
    parameters.append(name)
    parameters.append(person?.rawValue)
    parameters.append(body)
  }
}

struct UpdateSCIMResource: Statement {
  static let sql = """
    UPDATE governance.scim_resource
    SET name = $2, body = $3, version = version + 1, modified_at = clock_timestamp()
    WHERE id = $1
    """

  let id: UUID
  let name: String
  let body: JSONText

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(name)
    parameters.append(body)
  }
}

struct DeleteSCIMResource: Statement {
  static let sql = "DELETE FROM governance.scim_resource WHERE id = $1"
  let id: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }
}

/// Groups that the user is a member of; locks them, in the order of their ids.
struct FindSCIMGroupsOf: Statement {
  static let sql = """
    SELECT id, kind, version, person_id, body, created_at, modified_at
    FROM governance.scim_resource
    WHERE kind = 'Group' AND source = $2
      AND body -> 'members' @> jsonb_build_array(jsonb_build_object('value', $1::text))
    ORDER BY id
    FOR NO KEY UPDATE
    """

  let user: UUID
  let source: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(user.uuidString.lowercased())
    parameters.append(source)
  }

  static func decode(_ row: PostgresRow) throws -> SCIMRow { try SCIMRow(row) }
}
