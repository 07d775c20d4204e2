import Foundation
import Governance
import Postgres

struct FindIncarnation: Statement {
  static let sql = """
    SELECT i.id, i.mark, i.place, governance.place(),
      EXISTS (SELECT FROM governance.incarnation AS e WHERE e.id = $1 AND e.ended_at IS NOT NULL)
    FROM (SELECT 1) AS one
    LEFT JOIN governance.incarnation AS i ON i.ended_at IS NULL
    """

  /// What the file names.
  let outside: UUID?

  func bind(_ parameters: inout PostgresParameters) { parameters.append(outside) }

  static func decode(_ row: PostgresRow) throws -> IncarnationState {
    let id: UUID? = try row[0]
    let life = try id.map { IncarnationState.Life(id: $0, mark: try row[1], place: try row[2]) }
    return IncarnationState(life: life, place: try row[3], hasEndedOutside: try row[4])
  }
}

/// Guard: there has never been one.
struct BeginFirstIncarnation: Statement {
  static let sql = """
    INSERT INTO governance.incarnation (id, place)
    SELECT $1, governance.place()
    WHERE NOT EXISTS (SELECT FROM governance.incarnation)
    ON CONFLICT DO NOTHING
    """

  let id: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }
}

/// Guard: it lives here, and is not older than known. Returns the new mark.
struct RaiseMark: Statement {
  static let sql = """
    UPDATE governance.incarnation
    SET mark = mark + 1
    WHERE id = $1 AND mark >= $2 AND ended_at IS NULL AND place = governance.place()
    RETURNING mark
    """

  let id: UUID
  let known: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(known)
  }

  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

/// Before an effect that needs no permit. One row where the database is the one that this process knows, and none elsewhere.
struct RequireIncarnation: Statement {
  static let sql = """
    SELECT 1
    FROM governance.live_incarnation AS i
    WHERE i.id = $1 AND i.mark >= $2
    """

  let claim: IncarnationClaim?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(claim?.id)
    parameters.append(claim?.mark)
  }

  static func decode(_ row: PostgresRow) throws {}
}

/// One confirmation at a time.
struct LockIncarnations: Statement {
  static let sql = "SELECT pg_advisory_xact_lock(hashtextextended('keyturn incarnation', 0))"

  static func decode(_ row: PostgresRow) throws {}
}

struct EndIncarnation: Statement {
  static let sql = "UPDATE governance.incarnation SET ended_at = now() WHERE ended_at IS NULL"
}

struct BeginIncarnation: Statement {
  static let sql = """
    INSERT INTO governance.incarnation (id, place, confirmed_by, reason)
    VALUES ($1, governance.place(), $2, $3)
    """

  let id: UUID
  let by: PersonID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(by.rawValue)
    parameters.append(reason)
  }
}

struct RecordAdoption: Statement {
  static let sql = """
    INSERT INTO governance.incarnation_adoption (incarnation_id, host, adopted_by, reason)
    VALUES ($1, $2, $3, $4)
    """

  let incarnation: UUID
  let host: String
  let by: PersonID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(incarnation)
    parameters.append(host)
    parameters.append(by.rawValue)
    parameters.append(reason)
  }
}
