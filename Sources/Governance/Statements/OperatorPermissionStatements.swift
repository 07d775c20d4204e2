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
