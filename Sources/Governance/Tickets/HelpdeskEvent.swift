package import Foundation
package import Postgres

/// One signed message of a helpdesk: who did what on a ticket, and what the ticket named when they did. Pure.
package struct HelpdeskEvent: Sendable, Equatable {
  package enum Kind: String, Sendable {
    case approved
    case rejected
    /// Anything else: a state, another binding.
    case changed
  }

  package enum State: String, Sendable, CaseIterable {
    case waiting
    case approved
    case rejected
    case resolved
    case closed
    case merged
    case moved
    case deleted
  }

  /// In the order of their arrival; 0 before it is stored.
  package var sequence: Int64
  /// The message's id; taken once.
  package let message: String
  package let ticket: String
  package let kind: Kind
  package let actor: String
  package let isHuman: Bool
  package let state: State
  package let request: String
  package let revision: Int32
  /// Lower-case hexadecimal.
  package let digest: String
  package let at: Date
  /// What the actor wrote; looked at, never stored.
  package let comment: String?

  package init(
    sequence: Int64, message: String, ticket: String, kind: Kind, actor: String, isHuman: Bool, state: State,
    request: String, revision: Int32, digest: String, at: Date, comment: String? = nil
  ) {
    self.sequence = sequence
    self.message = message
    self.ticket = ticket
    self.kind = kind
    self.actor = actor
    self.isHuman = isHuman
    self.state = state
    self.request = request
    self.revision = revision
    self.digest = digest
    self.at = at
    self.comment = comment
  }

  private struct Wire: Decodable {
    struct Binding: Decodable {
      let request: String
      let revision: Int32
      let digest: String
    }

    let type: String
    let ticket: String
    let actor: String
    let human: Bool?
    let decision: String?
    let state: String
    let at: String
    let binding: Binding
    let comment: String?
  }

  /// From the body of a message whose signature was good. Errors name the field.
  /// - Parameter message: the value of `webhook-id`.
  package init(message: String, json: [UInt8]) throws(GovernanceError) {
    let wire: Wire
    do {
      wire = try JSONDecoder().decode(Wire.self, from: Data(json))
    } catch let error as DecodingError {
      throw GovernanceError(
        code: .invalidField,
        message: "\(Self.field(error)) is missing or of another type; see the description of events")
    } catch {
      throw FieldRule.invalid("body", "a JSON object")
    }
    switch (wire.type, wire.decision) {
    case ("ticket.decided", "approved"?): kind = .approved
    case ("ticket.decided", "rejected"?): kind = .rejected
    case ("ticket.decided", _): throw FieldRule.invalid("decision", "approved or rejected")
    case ("ticket.changed", _): kind = .changed
    default: throw FieldRule.invalid("type", "ticket.decided or ticket.changed")
    }
    guard let state = State(rawValue: wire.state) else {
      throw FieldRule.invalid("state", State.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard let at = try? Date(wire.at, strategy: .iso8601) else { throw FieldRule.invalid("at", "RFC 3339 in UTC") }
    guard wire.binding.digest.wholeMatch(of: /[0-9a-f]{64}/) != nil else {
      throw FieldRule.invalid("binding.digest", "64 lower-case hexadecimal digits")
    }
    guard wire.binding.revision > 0 else { throw FieldRule.invalid("binding.revision", "a number from 1") }
    sequence = 0
    self.message = message
    ticket = try FieldRule.text(wire.ticket, field: "ticket", maximum: 200)
    actor = try FieldRule.text(wire.actor, field: "actor", maximum: 200)
    // Who does not say that it was a person, says that it was not.
    isHuman = wire.human ?? false
    self.state = state
    request = try FieldRule.text(wire.binding.request, field: "binding.request", maximum: 100)
    revision = wire.binding.revision
    digest = wire.binding.digest
    self.at = at
    comment = wire.comment
  }

  private static func field(_ error: DecodingError) -> String {
    let (path, key): ([any CodingKey], (any CodingKey)?) =
      switch error {
      case .keyNotFound(let key, let context): (context.codingPath, key)
      case .typeMismatch(_, let context), .valueNotFound(_, let context): (context.codingPath, nil)
      default: ([], nil)
      }
    let names = (path + (key.map { [$0] } ?? [])).map(\.stringValue)
    return names.isEmpty ? "the body" : names.joined(separator: ".")
  }
}

extension GovernanceStore {
  /// What became of a message.
  package enum EventResult: Sendable, Equatable {
    case taken
    /// A message with this id was taken before; nothing was changed.
    case replayed
    /// What the actor wrote holds what looks like a secret: nothing of it was stored, and a leak case is open.
    case leaked
  }

  /// Stores what a helpdesk said of a ticket that Keyturn opened there. `unknownRecord` for any other ticket, `text_too_long`
  /// for a comment that is longer than what is looked at.
  package func take(
    _ event: HelpdeskEvent, from helpdesk: String, in transaction: Transaction
  ) async throws -> EventResult {
    let ticket = try await remoteTicket(helpdesk: helpdesk, remoteID: event.ticket, in: transaction)
    if let comment = event.comment {
      guard comment.unicodeScalars.count <= TicketText.maximum else { throw GovernanceError.refused([.textTooLong]) }
      let place = "message \(event.message)"
      if try await reportLeak(in: comment, at: place, of: ticket, in: transaction) { return .leaked }
    }
    let inserted = try await transaction.execute(
      InsertHelpdeskEvent(id: .ordered(), helpdesk: helpdesk, ticket: ticket.id, event: event))
    return inserted == 1 ? .taken : .replayed
  }

  /// In the order in which they arrived.
  package func helpdeskEvents(of ticket: Ticket, in runner: some StatementRunner) async throws -> [HelpdeskEvent] {
    try await runner.query(FindHelpdeskEvents(ticket: ticket.id, remoteID: ticket.remoteID ?? ""))
  }

  /// Looks at what somebody wrote in a ticket. When it holds a secret, a leak case about the identity of the ticket's request
  /// opens, once per place; the text itself is stored nowhere. Returns whether it does.
  /// - Parameter place: such as "comment 17"; no text of people.
  package func reportLeak(
    in text: String, at place: String, of ticket: Ticket, in transaction: Transaction
  ) async throws -> Bool {
    let findings = SecretScan.find(in: text)
    guard !findings.isEmpty else { return false }
    let words = "\(ReasonCode.secretInTicket.explanation) (\(place))"
    let known = try await notes(of: ticket, in: transaction)
    guard !known.contains(where: { $0.code == ReasonCode.secretInTicket.rawValue && $0.words == words }) else {
      return true
    }
    try await addNote(to: ticket, by: ticket.helpdesk, words: words, code: .secretInTicket, in: transaction)
    guard let id = ticket.request else { return true }
    let identity = try await identity(try await request(id, in: transaction).identity, in: transaction)
    try await reportLeak(of: identity, findings: findings, place: "\(place) of \(ticket.name)", in: transaction)
    return true
  }
}

struct InsertHelpdeskEvent: Statement {
  static let sql = """
    INSERT INTO governance.helpdesk_event
      (id, helpdesk, message_id, ticket_id, kind, actor, is_human, state, request, revision, digest, happened_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (helpdesk, message_id) DO NOTHING
    """

  let id: UUID
  let helpdesk: String
  let ticket: UUID
  let event: HelpdeskEvent

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(helpdesk)
    parameters.append(event.message)
    parameters.append(ticket)
    parameters.append(event.kind.rawValue)
    parameters.append(event.actor)
    parameters.append(event.isHuman)
    parameters.append(event.state.rawValue)
    parameters.append(event.request)
    parameters.append(event.revision)
    parameters.append(event.digest)
    parameters.append(event.at)
  }
}

/// By the index `helpdesk_event_ticket`.
struct FindHelpdeskEvents: Statement {
  static let sql = """
    SELECT sequence, message_id, kind, actor, is_human, state, request, revision, digest, happened_at, $2::text
    FROM governance.helpdesk_event
    WHERE ticket_id = $1
    ORDER BY sequence
    """

  let ticket: UUID
  let remoteID: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ticket)
    parameters.append(remoteID)
  }

  static func decode(_ row: PostgresRow) throws -> HelpdeskEvent {
    let (kind, state): (String, String) = (try row[2], try row[5])
    return HelpdeskEvent(
      sequence: try row[0], message: try row[1], ticket: try row[10],
      kind: HelpdeskEvent.Kind(rawValue: kind) ?? .changed, actor: try row[3], isHuman: try row[4],
      state: HelpdeskEvent.State(rawValue: state) ?? .closed, request: try row[6], revision: try row[7],
      digest: try row[8], at: try row[9])
  }
}
