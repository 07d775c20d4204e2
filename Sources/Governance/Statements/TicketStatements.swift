import Foundation
import Postgres

/// Returns its number.
struct InsertTicket: Statement {
  static let sql = """
    INSERT INTO governance.ticket (id, kind, identity_id, subject, body, due_at)
    VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6))
    RETURNING number
    """

  let id: UUID
  let kind: Ticket.Kind
  let identity: IdentityID?
  let subject: String
  let body: String
  let dueSeconds: Double?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(kind.rawValue)
    parameters.append(identity?.rawValue)
    parameters.append(subject)
    parameters.append(body)
    parameters.append(dueSeconds)
  }

  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

extension Ticket {
  fileprivate static let selection = """
    SELECT k.id, k.number, k.helpdesk, k.remote_id, k.kind, k.state = 'open', k.resolution, k.identity_id, k.request_id,
      k.subject, k.body, k.cause_at, k.opened_at, k.due_at, k.proven_at, k.closed_without_control
    FROM governance.ticket AS k
    """

  fileprivate init(_ row: PostgresRow) throws {
    let kind: String = try row[4]
    let resolution: String? = try row[6]
    let identity: UUID? = try row[7]
    let request: UUID? = try row[8]
    self.init(
      id: try row[0], number: try row[1], helpdesk: try row[2], remoteID: try row[3],
      kind: Kind(rawValue: kind) ?? .review, isOpen: try row[5],
      resolution: resolution.flatMap(Resolution.init(rawValue:)),
      identity: identity.map { IdentityID($0) }, request: request.map { RequestID($0) }, subject: try row[9],
      body: try row[10], causeAt: try row[11], openedAt: try row[12], dueAt: try row[13], provenAt: try row[14],
      closedWithoutControl: try row[15])
  }
}

struct FindTicket: Statement {
  static let sql = Ticket.selection + "\nWHERE k.number = $1\nFOR NO KEY UPDATE"
  let number: Int64
  func bind(_ parameters: inout PostgresParameters) { parameters.append(number) }
  static func decode(_ row: PostgresRow) throws -> Ticket { try Ticket(row) }
}

struct FindRemoteTicket: Statement {
  static let sql = Ticket.selection + "\nWHERE k.helpdesk = $1 AND k.remote_id = $2\nFOR NO KEY UPDATE"

  let helpdesk: String
  let remoteID: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(helpdesk)
    parameters.append(remoteID)
  }

  static func decode(_ row: PostgresRow) throws -> Ticket { try Ticket(row) }
}

/// Newest first, at most 1,000.
struct ListTickets: Statement {
  static let sql =
    Ticket.selection + """

      WHERE ($1::uuid IS NULL OR k.identity_id = $1) AND ($2::text IS NULL OR k.kind = $2) AND (NOT $3 OR k.state = 'open')
      ORDER BY k.number DESC
      LIMIT 1000
      """

  let identity: IdentityID?
  let kind: String?
  let onlyOpen: Bool

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity?.rawValue)
    parameters.append(kind)
    parameters.append(onlyOpen)
  }

  static func decode(_ row: PostgresRow) throws -> Ticket { try Ticket(row) }
}

/// Both ways: the ticket names the request, its revision and its digest.
struct BindTicket: Statement {
  static let sql = """
    UPDATE governance.ticket
    SET request_id = $2, request_revision = $3, request_digest = $4, identity_id = $5
    WHERE id = $1
    """

  let ticket: UUID
  let request: Request

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ticket)
    parameters.append(request.id.rawValue)
    parameters.append(request.revision)
    parameters.append(request.digest.bytes)
    parameters.append(request.identity.rawValue)
  }
}

struct InsertTicketNote: Statement {
  static let sql = "INSERT INTO governance.ticket_note (ticket_id, code, author, words) VALUES ($1, $2, $3, $4)"

  let ticket: UUID
  let code: String?
  let author: String
  let words: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ticket)
    parameters.append(code)
    parameters.append(author)
    parameters.append(words)
  }
}

/// Zero rows: it was said since the ticket was bound last.
struct NoteTicketOnce: Statement {
  static let sql = """
    INSERT INTO governance.ticket_note (ticket_id, code, author, words)
    SELECT $1, $2, $3, $4
    WHERE NOT EXISTS (
      SELECT
      FROM governance.ticket AS k
      JOIN governance.ticket_note AS n ON n.ticket_id = k.id
      WHERE k.id = $1 AND k.request_digest IS NULL AND n.code = $2)
    """

  let ticket: UUID
  let code: String
  let author: String
  let words: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ticket)
    parameters.append(code)
    parameters.append(author)
    parameters.append(words)
  }
}

struct FindTicketNotes: Statement {
  static let sql = "SELECT at, code, author, words FROM governance.ticket_note WHERE ticket_id = $1 ORDER BY id"
  let ticket: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(ticket) }

  static func decode(_ row: PostgresRow) throws -> (at: Date, code: String?, author: String, words: String) {
    (try row[0], try row[1], try row[2], try row[3])
  }
}

/// Resolves it when it may be: a proof stands in the row already, an exception is dated and owned.
struct ResolveTicket: Statement {
  static let sql = """
    UPDATE governance.ticket
    SET state = 'resolved', resolution = $2, resolved_at = clock_timestamp(), excused_until = $3, excused_by = $4
    WHERE id = $1 AND state = 'open' AND ($2 <> 'proven' OR proven_at IS NOT NULL)
    """

  let ticket: UUID
  let resolution: Ticket.Resolution
  var excusedUntil: Date?
  var excusedBy: PersonID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ticket)
    parameters.append(resolution.rawValue)
    parameters.append(excusedUntil)
    parameters.append(excusedBy?.rawValue)
  }
}

struct ResolveTicketsOfRequest: Statement {
  static let sql = """
    UPDATE governance.ticket
    SET state = 'resolved', resolution = $2, resolved_at = clock_timestamp()
    WHERE request_id = $1 AND kind = 'request' AND state = 'open'
    """

  let request: RequestID
  let resolution: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(request.rawValue)
    parameters.append(resolution)
  }
}

struct CountEarlyClose: Statement {
  static let sql = """
    UPDATE governance.ticket SET closed_without_control = closed_without_control + 1 WHERE id = $1 AND proven_at IS NULL
    """

  let ticket: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(ticket) }
}

struct ImportTicket: Statement {
  static let sql = """
    INSERT INTO governance.ticket (id, kind, helpdesk, remote_id, subject) VALUES ($1, 'request', $2, $3, $4)
    ON CONFLICT (helpdesk, remote_id) WHERE remote_id IS NOT NULL DO NOTHING
    """

  let id: UUID
  let helpdesk: String
  let remoteID: String
  let subject: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(helpdesk)
    parameters.append(remoteID)
    parameters.append(subject)
  }
}

/// From now on it names nothing, which is a mismatch for every request that it was bound to.
struct UnbindTicket: Statement {
  static let sql = "UPDATE governance.ticket SET request_digest = NULL WHERE id = $1"
  let ticket: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(ticket) }
}

struct MarkEndedRemotely: Statement {
  static let sql =
    "UPDATE governance.ticket SET ended_remotely_at = clock_timestamp() WHERE id = $1 AND ended_remotely_at IS NULL"
  let ticket: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(ticket) }
}

/// Bound tickets of a helpdesk that are open there or here, oldest first.
struct ListBoundTickets: Statement {
  static let sql = """
    SELECT remote_id
    FROM governance.ticket
    WHERE helpdesk = $1 AND remote_id IS NOT NULL AND request_id IS NOT NULL
      AND (state = 'open' OR resolution = 'proven' AND ended_remotely_at IS NULL)
    ORDER BY number
    LIMIT 10000
    """
  let helpdesk: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(helpdesk) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
