package import Foundation
package import Postgres

extension GovernanceStore {
  /// Opens a ticket of the built-in helpdesk. A text with a secret is refused and not stored; the refusal opens a leak case
  /// when it is about an identity: call `reportLeak` in a transaction of its own.
  package func openTicket(
    _ kind: Ticket.Kind, about identity: IdentityID?, subject: String, body: String, dueSeconds: Double? = nil,
    in transaction: Transaction
  ) async throws -> Ticket {
    let subject = try FieldRule.text(subject, field: "subject", maximum: 300)
    let body = try Self.checkedBody(body)
    try TicketText.check(subject, field: "subject")
    guard
      let number = try await transaction.queryFirst(
        InsertTicket(id: UUID(), kind: kind, identity: identity, subject: subject, body: body, dueSeconds: dueSeconds))
    else { throw GovernanceError.unknown("ticket", subject) }
    return try await ticket(number, in: transaction)
  }

  private static func checkedBody(_ body: String) throws(GovernanceError) -> String {
    guard body.utf8.count <= TicketText.maximum * 4, body.unicodeScalars.count <= TicketText.maximum else {
      throw GovernanceError(
        code: .refused, message: "body: \(ReasonCode.textTooLong.explanation) to \(TicketText.maximum) characters",
        reasons: [.textTooLong])
    }
    try TicketText.check(body, field: "body")
    guard !body.unicodeScalars.contains(where: { $0.value == 0 }) else {
      throw FieldRule.invalid("body", "text without control characters")
    }
    return body
  }

  package func ticket(_ number: Int64, in runner: some StatementRunner) async throws -> Ticket {
    guard let ticket = try await runner.queryFirst(FindTicket(number: number)) else {
      throw GovernanceError.unknown("ticket", "KT-\(number)")
    }
    return ticket
  }

  package func tickets(
    of identity: IdentityID? = nil, kind: Ticket.Kind? = nil, onlyOpen: Bool = false, in runner: some StatementRunner
  ) async throws -> [Ticket] {
    try await runner.query(ListTickets(identity: identity, kind: kind?.rawValue, onlyOpen: onlyOpen))
  }

  /// Binds both ways; a later request of another digest for the same ticket is a mismatch until it is bound again.
  package func bind(_ ticket: Ticket, to request: Request, in transaction: Transaction) async throws {
    try await transaction.execute(BindTicket(ticket: ticket.id, request: request))
  }

  package func addNote(
    to ticket: Ticket, by author: String, words: String, code: ReasonCode? = nil, in transaction: Transaction
  ) async throws {
    let words = try Self.checkedBody(words)
    guard !words.isEmpty, words.unicodeScalars.count <= 4000 else { throw GovernanceError.refused([.textTooLong]) }
    try await transaction.execute(
      InsertTicketNote(ticket: ticket.id, code: code?.rawValue, author: author, words: words))
  }

  package func notes(
    of ticket: Ticket, in runner: some StatementRunner
  ) async throws -> [(at: Date, code: String?, author: String, words: String)] {
    try await runner.query(FindTicketNotes(ticket: ticket.id))
  }

  /// Somebody wants it closed. Closed it is only with a proof; before, it stays open and says so, and the attempt is counted.
  /// Returns whether it is closed now.
  package func close(_ number: Int64, by author: String, in transaction: Transaction) async throws -> Bool {
    let ticket = try await ticket(number, in: transaction)
    guard ticket.isOpen else { return true }
    if ticket.provenAt != nil {
      try await transaction.execute(ResolveTicket(ticket: ticket.id, resolution: .proven))
      return true
    }
    try await transaction.execute(CountEarlyClose(ticket: ticket.id))
    try await transaction.execute(
      InsertTicketNote(
        ticket: ticket.id, code: ReasonCode.closedWithoutControl.rawValue, author: author,
        words: ReasonCode.closedWithoutControl.explanation))
    return false
  }

  /// A dated exception that a person owns, for what cannot be proven.
  package func excuse(
    _ number: Int64, by person: String, until: Date, reason: String, in transaction: Transaction
  ) async throws {
    let who = try await activeOperator(person, reason: reason, in: transaction)
    let ticket = try await ticket(number, in: transaction)
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    guard until > now, until < now.addingTimeInterval(366 * 86_400) else {
      throw FieldRule.invalid("until", "a time within the next year")
    }
    let resolved = try await transaction.execute(
      ResolveTicket(ticket: ticket.id, resolution: .unverifiable, excusedUntil: until, excusedBy: who.person.id))
    guard resolved == 1 else { throw GovernanceError.unknown("open ticket", ticket.name) }
    try await transaction.execute(
      InsertTicketNote(ticket: ticket.id, code: "unverifiable", author: who.person.externalID, words: who.reason))
  }

  /// Our record of a ticket in another helpdesk; the same id twice is one record.
  package func importTicket(
    helpdesk: String, remoteID: String, subject: String, in transaction: Transaction
  ) async throws -> Ticket {
    let subject = TicketText.clipped(try FieldRule.text(subject, field: "subject", maximum: 1000), 300)
    try TicketText.check(subject, field: "subject")
    try await transaction.execute(
      ImportTicket(id: UUID(), helpdesk: helpdesk, remoteID: remoteID, subject: subject))
    return try await remoteTicket(helpdesk: helpdesk, remoteID: remoteID, in: transaction)
  }

  package func remoteTicket(
    helpdesk: String, remoteID: String, in runner: some StatementRunner
  ) async throws -> Ticket {
    guard let ticket = try await runner.queryFirst(FindRemoteTicket(helpdesk: helpdesk, remoteID: remoteID)) else {
      throw GovernanceError.unknown("ticket", "\(helpdesk):\(remoteID)")
    }
    return ticket
  }

  /// The helpdesk's ticket was ended after its result was proven; it is not looked at again.
  package func markEndedRemotely(_ ticket: Ticket, in runner: some StatementRunner) async throws {
    try await runner.execute(MarkEndedRemotely(ticket: ticket.id))
  }

  /// Ids of tickets of a helpdesk that a request is bound to: those that are open, and those that are proven and not ended there.
  package func boundTickets(helpdesk: String, in runner: some StatementRunner) async throws -> [String] {
    try await runner.query(ListBoundTickets(helpdesk: helpdesk))
  }

  /// The helpdesk's ticket names something else than we bound it to, or is gone: it allows nothing until it is bound again, and
  /// what its request granted is void. Removals stay granted. Noted once for each reason.
  package func distrust(
    _ ticket: Ticket, because reason: ReasonCode, by author: String, in transaction: Transaction
  ) async throws {
    let noted = try await transaction.execute(
      NoteTicketOnce(ticket: ticket.id, code: reason.rawValue, author: author, words: reason.explanation))
    guard noted == 1 else { return }
    try await transaction.execute(UnbindTicket(ticket: ticket.id))
    guard let id = ticket.request else { return }
    let identity = try await request(id, in: transaction).identity
    _ = try await void(
      [Voiding(identity: identity, code: reason.rawValue, words: "\(ticket.name): \(reason.explanation)")],
      onlyOf: id, in: transaction)
  }

  func settleTicket(of request: RequestID, as resolution: String, in transaction: Transaction) async throws {
    try await transaction.execute(ResolveTicketsOfRequest(request: request, resolution: resolution))
  }

  /// A secret stood in a text about this identity: a leak case, with its clock, and everything authorized is void.
  package func reportLeak(
    of identity: NonHumanIdentity, findings: [SecretScan.Finding], place: String, in transaction: Transaction
  ) async throws {
    let kinds = Set(findings.map(\.kind.rawValue)).sorted().joined(separator: ", ")
    let words = "a secret (\(kinds)) was written into \(place); the text was not stored"
    let voided = try await change(.leakSignal, of: [identity.id], words: words, in: transaction)
    // Nothing was authorized, and still it leaked.
    if voided.isEmpty {
      try await open(
        [TicketText.order(.leakSignal, identity: identity.id, name: identity.name, words: words, levels: nil)],
        cause: nil, in: transaction)
    }
  }
}
