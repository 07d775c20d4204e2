import Foundation
import Postgres

/// At most `OwedTickets.batch` orders.
struct InsertOwedTickets: Statement {
  static let sql = """
    INSERT INTO governance.owed_tickets (cause_at, identities, kinds, subjects, bodies, due_seconds, proof_seconds)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """

  let orders: [OpenTickets.Order]
  let cause: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(cause)
    parameters.append(orders.map(\.identity.rawValue))
    parameters.append(orders.map(\.kind.rawValue))
    parameters.append(orders.map(\.subject))
    parameters.append(orders.map(\.body))
    parameters.append(orders.map(\.dueSeconds))
    parameters.append(orders.map(\.proofSeconds))
  }
}

/// The oldest that nobody else is opening.
struct TakeOwedTickets: Statement {
  static let sql = """
    DELETE FROM governance.owed_tickets
    WHERE id = (SELECT o.id FROM governance.owed_tickets AS o ORDER BY o.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING cause_at, identities, kinds, subjects, bodies, due_seconds, proof_seconds
    """

  struct Row: Sendable {
    let cause: Date
    let orders: [OpenTickets.Order]
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let identities: [UUID] = try row[1]
    let kinds: [String] = try row[2]
    let subjects: [String] = try row[3]
    let bodies: [String] = try row[4]
    let seconds: [Double] = try row[5]
    let proofSeconds: [Double?] = try row[6]
    return Row(
      cause: try row[0],
      orders: identities.indices.map { place in
        OpenTickets.Order(
          identity: IdentityID(identities[place]), kind: Ticket.Kind(rawValue: kinds[place]) ?? .review,
          subject: subjects[place], body: bodies[place], dueSeconds: seconds[place],
          proofSeconds: proofSeconds[place])
      })
  }
}
