import Foundation
import Postgres

struct InsertPerson: Statement {
  static let sql = """
    INSERT INTO governance.person (id, external_id) VALUES ($1, $2) ON CONFLICT (external_id) DO NOTHING
    """

  let id: PersonID
  let externalID: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(externalID)
  }
}

struct FindPerson: Statement {
  static let sql = "SELECT id, external_id, state FROM governance.person WHERE external_id = $1"

  let externalID: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(externalID) }

  static func decode(_ row: PostgresRow) throws -> Person { try Person(row, from: 0) }
}

struct ListPeople: Statement {
  static let sql = "SELECT id, external_id, state FROM governance.person ORDER BY external_id LIMIT 1000"

  static func decode(_ row: PostgresRow) throws -> Person { try Person(row, from: 0) }
}

struct UpdatePersonState: Statement {
  static let sql = """
    UPDATE governance.person
    SET state = $2, as_of = now(), version = version + 1
    WHERE external_id = $1
    """

  let externalID: String
  let state: Person.State

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(externalID)
    parameters.append(state.rawValue)
  }
}

extension Person {
  init(_ row: PostgresRow, from column: Int) throws {
    let state: String = try row[column + 2]
    self.init(
      id: PersonID(try row[column]), externalID: try row[column + 1], state: State(rawValue: state) ?? .terminated)
  }
}
