package import Foundation
package import Postgres

/// Emergency access: pre-registered people, two of them, four hours at most, a ticket of its own, a review by somebody else
/// within one business day. It is for one identity, through a request that the second person confirms by its digest; or for
/// containing a leak, wherever it is.
package struct BreakGlass: Sendable {
  /// Of the request, where it is for one identity.
  package let id: UUID
  /// Nil: for containing a leak.
  package let identity: IdentityID?
  package let openedBy: PersonID
  /// Nil until confirmed.
  package let second: PersonID?
  /// As people name it.
  package let ticket: String
  /// Confirmed, and not over.
  package let isValid: Bool
  package let isReviewed: Bool
  /// Nobody may confirm it any more.
  package let isStale: Bool

  /// The role that registers a person, given before it is needed.
  package static let role = "break_glass"

  /// Seconds.
  package static let longest = 4 * 3600.0

  /// Seconds from the opening within which the second person confirms.
  package static let longestWait = 3600.0

  /// One business day later, in UTC: on the same time of the next day that is no Saturday or Sunday. Pure.
  package static func reviewDue(after moment: Date) -> Date {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    var due = moment.addingTimeInterval(86_400)
    while calendar.isDateInWeekend(due) { due = due.addingTimeInterval(86_400) }
    return due
  }
}

extension GovernanceStore {
  /// Asks for emergency access to one identity. It begins with the confirmation of a second registered person, within an hour.
  ///
  /// Evidence stays on, and every older approval of the identity is void: what happens now was not approved then.
  package func openBreakGlass(
    for identity: NonHumanIdentity, by person: String, reason: String, in transaction: Transaction
  ) async throws -> Request {
    let (opener, reason) = try await opener(person, reason, in: transaction)
    _ = try await change(
      .breakGlassUsed, of: [identity.id], words: "\(opener.externalID) opened emergency access: \(reason)",
      in: transaction)
    let ticket = try await openTicket(
      .breakGlass, about: identity.id, subject: TicketText.clipped("\(identity.name): emergency access", 300),
      body: reason, in: transaction)
    var details = RequestDetails()
    details.isBreakGlass = true
    let request = try await submit(
      [.issue, .rotate], for: identity, requester: person, beneficiary: nil, ticket: ticket.name, details: details,
      now: Date(), in: transaction)
    try await transaction.execute(
      InsertBreakGlass(
        id: request.id.rawValue, request: request.id, identity: identity.id, opener: opener.id, ticket: ticket.id,
        reason: reason))
    return request
  }

  /// Asks for the authority to contain a leak. Nothing is granted before a second registered person confirms it.
  package func openBreakGlass(
    toContainBy person: String, reason: String, in transaction: Transaction
  ) async throws -> BreakGlass {
    let (opener, reason) = try await opener(person, reason, in: transaction)
    let ticket = try await openTicket(
      .breakGlass, about: nil, subject: "emergency access to contain a leak", body: reason, in: transaction)
    let id = UUID()
    try await transaction.execute(
      InsertBreakGlass(id: id, request: nil, identity: nil, opener: opener.id, ticket: ticket.id, reason: reason))
    return try await breakGlass(id, in: transaction)
  }

  private func opener(
    _ person: String, _ reason: String, in transaction: Transaction
  ) async throws -> (person: Person, reason: String) {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 400)
    try TicketText.check(reason, field: "reason")
    let opener = try await activeOperator(person, reason: reason, in: transaction).person
    try await requireRegistered(opener, in: transaction)
    return (opener, reason)
  }

  package func breakGlass(_ id: UUID, in runner: some StatementRunner) async throws -> BreakGlass {
    guard let found = try await runner.queryFirst(LockBreakGlass(id: id)) else {
      throw GovernanceError.unknown("emergency access", id.uuidString.lowercased())
    }
    return found
  }

  /// The second person confirms access to one identity. Grants at once, until `duration` seconds from now, at most four hours.
  package func confirmBreakGlass(
    _ id: RequestID, by person: String, sawDigest digest: RequestDigest, duration: Double = BreakGlass.longest,
    in transaction: Transaction
  ) async throws -> Authorization {
    let (second, now) = try await second(id.rawValue, person, duration, in: transaction)
    let request = try await request(id, in: transaction)
    guard request.isBreakGlass else {
      throw GovernanceError.unknown("request for emergency access", id.description)
    }
    let result = try await decide(
      id, ApprovalInput(verdict: .approve, approver: person, digest: digest),
      validAtMost: now.addingTimeInterval(duration),
      in: transaction)
    guard case .granted(let authorization) = result else { throw GovernanceError.refused([.approvalMissing]) }
    try await confirm(id.rawValue, second, now, until: authorization.validUntil, in: transaction)
    return authorization
  }

  /// The second person confirms the authority to contain a leak; either of the two may use it until `duration` seconds from now.
  /// Returns when it ends.
  package func confirmContainment(
    _ id: UUID, by person: String, duration: Double = BreakGlass.longest, in transaction: Transaction
  ) async throws -> Date {
    let (second, now) = try await second(id, person, duration, in: transaction)
    guard try await breakGlass(id, in: transaction).identity == nil else {
      throw GovernanceError(
        code: .invalidField, message: "digest is missing; emergency access to an identity is confirmed by its digest")
    }
    let until = now.addingTimeInterval(duration)
    try await confirm(id, second, now, until: until, in: transaction)
    return until
  }

  /// Refuses who opened it, who is not registered, and what was opened too long ago or confirmed already.
  private func second(
    _ id: UUID, _ person: String, _ duration: Double, in transaction: Transaction
  ) async throws -> (person: Person, now: Date) {
    guard (60...BreakGlass.longest).contains(duration) else { throw FieldRule.invalid("duration", "1 min to 4 h") }
    let open = try await breakGlass(id, in: transaction)
    let second = try await self.person(person, in: transaction)
    guard second.id != open.openedBy else { throw GovernanceError.refused([.samePersonTwice]) }
    try await requireRegistered(second, in: transaction)
    try await requireRegistered(try await self.person(open.openedBy, in: transaction), in: transaction)
    guard open.second == nil else { throw GovernanceError.refused([.alreadyDecided]) }
    guard !open.isStale else { throw GovernanceError.refused([.breakGlassLapsed]) }
    return (second, try await transaction.queryFirst(ReadClock()) ?? Date())
  }

  private func confirm(
    _ id: UUID, _ second: Person, _ now: Date, until: Date, in transaction: Transaction
  ) async throws {
    let confirmed = try await transaction.execute(
      ConfirmBreakGlass(
        id: id, second: second.id, now: now, validUntil: until, reviewDue: BreakGlass.reviewDue(after: now)))
    guard confirmed == 1 else { throw GovernanceError.refused([.alreadyDecided]) }
  }

  /// Somebody who took no part says what they found, once; its ticket ends with that.
  package func reviewBreakGlass(
    _ id: UUID, by person: String, verdict: String, in transaction: Transaction
  ) async throws {
    let who = try await activeOperator(person, reason: verdict, in: transaction)
    let open = try await breakGlass(id, in: transaction)
    guard ![open.openedBy, open.second].contains(who.person.id) else {
      throw GovernanceError.refused([.reviewerTookPart])
    }
    let reviewed = try await transaction.execute(
      ReviewBreakGlass(id: id, reviewer: who.person.id, verdict: who.reason))
    guard reviewed == 1 else {
      throw GovernanceError(code: .refused, message: "it was reviewed already, or was never confirmed")
    }
  }

  private func requireRegistered(_ person: Person, in transaction: Transaction) async throws {
    let roles = try await transaction.query(FindRoleFacts(people: [person.id.rawValue]))
    let now = FactTime(try await transaction.queryFirst(ReadClock()) ?? Date())
    let isRegistered = roles.contains {
      $0.role.name == BreakGlass.role && $0.role.until == nil && $0.role.from <= now
    }
    guard person.isActive, isRegistered else { throw GovernanceError.refused([.notRegisteredForBreakGlass]) }
  }
}
