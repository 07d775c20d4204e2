import Foundation
import Postgres

/// Permits with the inputs of the decision that they rest on, in the order of their ids. Those of a database that was older
/// when it granted them have none.
struct FindPermitDecisions: Statement {
  static let sql = """
    SELECT p.id, p.granted_at, d.id, d.inputs
    FROM governance.permit AS p
    JOIN governance.authorization AS a ON a.id = p.authorization_id
    JOIN governance.decision AS d ON d.id = a.decision_id
    WHERE p.id > $1 AND p.action <> 'revoke'
    ORDER BY p.id
    LIMIT 500
    """

  let after: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(after) }

  struct Row: Sendable {
    let id: UUID
    let grantedAt: Date
    let decision: UUID
    let inputs: [UInt8]
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(id: try row[0], grantedAt: try row[1], decision: try row[2], inputs: try row[3])
  }
}
