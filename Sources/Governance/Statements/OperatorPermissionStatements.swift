import Foundation
import Postgres

struct InsertOperatorPermission: Statement {
  static let sql = """
    INSERT INTO governance.operator_permission
      (id, person_id, permission, environment, granted_by, reason, valid_until)
    VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, 'infinity'::timestamptz))
    """

  let id: UUID
  let person: PersonID
  let kind: OperatorPermission.Kind
  let environment: String?
  let by: PersonID
  let reason: String
  let validUntil: Date?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(person.rawValue)
    parameters.append(kind.rawValue)
    parameters.append(environment)
    parameters.append(by.rawValue)
    parameters.append(reason)
    parameters.append(validUntil)
  }
}

struct WithdrawOperatorPermissions: Statement {
  static let sql = """
    UPDATE governance.operator_permission
    SET withdrawn_at = now(), withdrawn_by = $3
    WHERE person_id = $1 AND permission = $2 AND withdrawn_at IS NULL
    """

  let person: PersonID
  let kind: OperatorPermission.Kind
  let by: PersonID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(person.rawValue)
    parameters.append(kind.rawValue)
    parameters.append(by.rawValue)
  }
}

/// Those that hold now. The person who granted it may have left; that is what withdrawing is for.
struct FindOperatorPermissions: Statement {
  static let sql = """
    SELECT o.id, p.external_id, o.permission, o.environment, g.external_id, o.valid_until
    FROM governance.operator_permission AS o
    JOIN governance.person AS p ON p.id = o.person_id
    JOIN governance.person AS g ON g.id = o.granted_by
    WHERE o.permission = $1 AND ($2::uuid IS NULL OR o.person_id = $2) AND o.withdrawn_at IS NULL
      AND o.valid_until > now() AND p.state = 'active'
    ORDER BY p.external_id, o.environment NULLS FIRST, o.granted_at
    """

  let kind: OperatorPermission.Kind
  let person: PersonID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kind.rawValue)
    parameters.append(person?.rawValue)
  }

  static func decode(_ row: PostgresRow) throws -> OperatorPermission {
    let word: String = try row[2]
    guard let kind = OperatorPermission.Kind(rawValue: word) else {
      throw GovernanceError.unknown("permission", word)
    }
    return OperatorPermission(
      id: try row[0], person: try row[1], kind: kind, environment: try row[3], grantedBy: try row[4],
      validUntil: try row[5])
  }
}

struct ReadNow: Statement {
  static let sql = "SELECT now()"
  static func decode(_ row: PostgresRow) throws -> Date { try row[0] }
}

struct InsertEmergency: Statement {
  static let sql = """
    INSERT INTO governance.emergency (id, opened_by, second_id, reason, opened_at, valid_until, review_due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """

  let id: UUID
  let by: PersonID
  let second: PersonID
  let reason: String
  let now: Date
  let validUntil: Date
  let reviewDue: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(by.rawValue)
    parameters.append(second.rawValue)
    parameters.append(reason)
    parameters.append(now)
    parameters.append(validUntil)
    parameters.append(reviewDue)
  }
}

struct FindEmergency: Statement {
  static let sql = """
    SELECT id, opened_by, second_id, valid_until > now(), reviewed_at IS NOT NULL
    FROM governance.emergency
    WHERE id = $1
    FOR NO KEY UPDATE
    """

  let id: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }

  static func decode(_ row: PostgresRow) throws -> Emergency {
    Emergency(
      id: try row[0], openedBy: PersonID(try row[1]), second: PersonID(try row[2]), isValid: try row[3],
      isReviewed: try row[4])
  }
}

struct ReviewEmergency: Statement {
  static let sql = """
    UPDATE governance.emergency
    SET reviewed_at = now(), reviewed_by = $2, finding = $3
    WHERE id = $1 AND reviewed_at IS NULL
    """

  let id: UUID
  let by: PersonID
  let finding: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(by.rawValue)
    parameters.append(finding)
  }
}
