import Foundation
import Postgres

/// Whether `$1` is `$2` or one of their superiors. The union ends a circle that is there already.
struct IsAbove: Statement {
  static let sql = """
    WITH RECURSIVE up AS (
      SELECT p.id, p.manager_id, p.external_id FROM governance.person AS p WHERE p.external_id = $2
      UNION
      SELECT p.id, p.manager_id, p.external_id FROM governance.person AS p JOIN up ON p.id = up.manager_id
    )
    SELECT EXISTS (SELECT FROM up WHERE external_id = $1)
    """

  let person: String
  let of: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(person)
    parameters.append(of)
  }

  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

/// Ids that can look like this one: two of ASCII only look alike when they differ by case.
struct FindLookalikes: Statement {
  static let sql = """
    SELECT external_id
    FROM governance.person
    WHERE external_id <> $1
      AND ($1 ~ '[^\\x01-\\x7f]' OR external_id ~ '[^\\x01-\\x7f]' OR lower(external_id) = lower($1))
    """

  let externalID: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(externalID) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// People of a source who stopped being active within a day and since the last release; and whether a release still holds.
struct CountDeactivated: Statement {
  static let sql = """
    SELECT (SELECT count(*) FROM governance.person AS p
        WHERE p.source = $1 AND p.deactivated_at > GREATEST(clock_timestamp() - interval '24 hours', r.at)
          AND p.state <> 'active'),
      (SELECT count(*) FROM governance.person AS p WHERE p.source = $1 AND p.state = 'active'),
      COALESCE(r.at > clock_timestamp() - interval '4 hours', false)
    FROM (
      SELECT max(f.settled_at) AS at FROM governance.identity_feed AS f WHERE f.source = $1 AND f.state = 'applied'
    ) AS r
    """

  struct Row: Sendable {
    let deactivated: Int64
    let active: Int64
    let isReleased: Bool
  }

  let source: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(source) }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(deactivated: try row[0], active: try row[1], isReleased: try row[2])
  }
}

struct FindQuarantinedFeed: Statement {
  static let sql =
    "SELECT id FROM governance.identity_feed WHERE source = $1 AND state = 'quarantined' ORDER BY id LIMIT 1"
  let source: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(source) }
  static func decode(_ row: PostgresRow) throws -> UUID { try row[0] }
}

/// Changes that may concern thousands, of people, policies, targets and vendors, come one after the other: each of two that
/// record in many cases would wait for what the other holds. Taken before anything is recorded, until the transaction ends.
struct LockMassChange: Statement {
  static let sql = "SELECT pg_advisory_xact_lock(hashtextextended('keyturn mass change', 0))"
  static func decode(_ row: PostgresRow) throws {}
}
