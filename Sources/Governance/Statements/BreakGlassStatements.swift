import Foundation
import Postgres

struct InsertBreakGlass: Statement {
  static let sql = """
    INSERT INTO governance.break_glass (id, request_id, identity_id, opened_by, ticket_id, reason)
    VALUES ($1, $2, $3, $4, $5, $6)
    """

  let id: UUID
  let request: RequestID?
  let identity: IdentityID?
  let opener: PersonID
  let ticket: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(request?.rawValue)
    parameters.append(identity?.rawValue)
    parameters.append(opener.rawValue)
    parameters.append(ticket)
    parameters.append(reason)
  }
}

struct LockBreakGlass: Statement {
  static let sql = """
    SELECT b.id, b.identity_id, b.opened_by, b.second_id, 'KT-' || k.number, COALESCE(b.valid_until > clock_timestamp(), false),
      b.reviewed_at IS NOT NULL, b.opened_at + make_interval(secs => $2) < clock_timestamp()
    FROM governance.break_glass AS b
    JOIN governance.ticket AS k ON k.id = b.ticket_id
    WHERE b.id = $1
    FOR NO KEY UPDATE OF b
    """

  let id: UUID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(BreakGlass.longestWait)
  }

  static func decode(_ row: PostgresRow) throws -> BreakGlass {
    let identity: UUID? = try row[1]
    let second: UUID? = try row[3]
    return BreakGlass(
      id: try row[0], identity: identity.map { IdentityID($0) }, openedBy: PersonID(try row[2]),
      second: second.map { PersonID($0) }, ticket: try row[4], isValid: try row[5], isReviewed: try row[6],
      isStale: try row[7])
  }
}

/// Guard: nobody has confirmed it.
struct ConfirmBreakGlass: Statement {
  static let sql = """
    UPDATE governance.break_glass
    SET second_id = $2, confirmed_at = $3, valid_until = $4, review_due_at = $5
    WHERE id = $1 AND confirmed_at IS NULL
    """

  let id: UUID
  let second: PersonID
  let now: Date
  let validUntil: Date
  let reviewDue: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(second.rawValue)
    parameters.append(now)
    parameters.append(validUntil)
    parameters.append(reviewDue)
  }
}

/// Guard: confirmed, and not reviewed. The ticket ends with it.
struct ReviewBreakGlass: Statement {
  static let sql = """
    WITH reviewed AS (
      UPDATE governance.break_glass
      SET reviewed_at = clock_timestamp(), reviewed_by = $2, verdict = $3
      WHERE id = $1 AND reviewed_at IS NULL AND confirmed_at IS NOT NULL
      RETURNING ticket_id
    )
    UPDATE governance.ticket AS k
    SET state = 'resolved', resolution = 'proven', proven_at = clock_timestamp(), resolved_at = clock_timestamp()
    FROM reviewed AS r
    WHERE k.id = r.ticket_id
    """

  let id: UUID
  let reviewer: PersonID
  let verdict: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(reviewer.rawValue)
    parameters.append(verdict)
  }
}
