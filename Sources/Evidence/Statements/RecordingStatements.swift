import Foundation
import MerkleLog
import Postgres

struct RecordEvent: Statement {
  static let sql = """
    SELECT evidence.record($1, $2, evidence.actor_of($3), $4, $5, $6, $7, $8)
    """

  let caseID: UUID
  let type: EventType
  let actor: UUID?
  let detail: CanonicalJSON
  let subject: CanonicalJSON
  let hidden: [EvidenceLog.Hidden]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(caseID)
    parameters.append(type.rawValue)
    parameters.append(actor)
    parameters.append(detail.text)
    parameters.append(subject.text)
    parameters.append(hidden.map(\.field))
    parameters.append(hidden.map(\.value))
    parameters.append(hidden.map(\.person))
  }

  static func decode(_ row: PostgresRow) throws -> Int32 { try row[0] }
}

struct PlaceHold: Statement {
  static let sql = "SELECT evidence.place_hold($1, $2, $3, $4)"

  let caseID: UUID?
  let person: UUID?
  let actor: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(caseID)
    parameters.append(person)
    parameters.append(actor)
    parameters.append(reason)
  }

  static func decode(_ row: PostgresRow) throws -> UUID? { try row[0] }
}

struct LiftHold: Statement {
  static let sql = "SELECT evidence.lift_hold($1, $2, $3, $4)"

  let caseID: UUID?
  let person: UUID?
  let actor: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(caseID)
    parameters.append(person)
    parameters.append(actor)
    parameters.append(reason)
  }

  static func decode(_ row: PostgresRow) throws -> UUID? { try row[0] }
}

struct ErasePerson: Statement {
  static let sql = "SELECT erased, held FROM evidence.erase($1, $2, $3)"

  let person: UUID
  let actor: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(person)
    parameters.append(actor)
    parameters.append(reason)
  }

  static func decode(_ row: PostgresRow) throws -> (erased: Int, held: Int) { (try row[0], try row[1]) }
}

struct PruneTiles: Statement {
  static let sql = "SELECT evidence.prune($1)"

  let most: Int32

  func bind(_ parameters: inout PostgresParameters) { parameters.append(most) }

  static func decode(_ row: PostgresRow) throws -> [Int64] { try row[0] }
}
