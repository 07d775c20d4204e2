package import Foundation
package import Postgres

/// Emergency access: pre-registered people, two of them, four hours at most, a ticket of its own, a review by somebody else
/// within one business day.
package enum BreakGlass {
  /// The role that registers a person, given before it is needed.
  package static let role = "break_glass"

  /// Seconds.
  package static let longest = 4 * 3600.0

  /// The end of the next business day, Monday to Friday, in UTC. Pure.
  package static func reviewDue(openedAt: Date) -> Date {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(identifier: "UTC")!
    var day = calendar.startOfDay(for: openedAt)
    repeat {
      day = calendar.date(byAdding: .day, value: 1, to: day)!
    } while calendar.isDateInWeekend(day)
    return calendar.date(byAdding: .day, value: 1, to: day)!
  }
}

extension GovernanceStore {
  /// Asks for emergency access. It begins with the confirmation of a second registered person.
  ///
  /// Evidence stays on, and every older approval of the identity is void: what happens now was not approved then.
  package func openBreakGlass(
    for identity: NonHumanIdentity, by person: String, reason: String, in transaction: Transaction
  ) async throws -> Request {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 400)
    try TicketText.check(reason, field: "reason")
    let opener = try await activeOperator(person, reason: reason, in: transaction).person
    try await requireRegistered(opener, in: transaction)
    _ = try await change(
      .breakGlassUsed, of: [identity.id], words: "\(opener.externalID) opened emergency access: \(reason)",
      in: transaction)
    let ticket = UUID()
    let number = try await transaction.queryFirst(
      InsertTicket(
        id: ticket, kind: .breakGlass, identity: identity.id,
        subject: TicketText.clipped("\(identity.name): emergency access", 300), body: reason, dueSeconds: nil))
    var details = RequestDetails()
    details.isBreakGlass = true
    return try await submit(
      [.issue, .rotate], for: identity, requester: person, beneficiary: nil, ticket: "KT-\(number ?? 0)",
      details: details, now: Date(), in: transaction)
  }

  /// The second person. Grants at once, until `duration` seconds from now, at most four hours.
  package func confirmBreakGlass(
    _ id: RequestID, by person: String, sawDigest digest: RequestDigest, duration: Double = BreakGlass.longest,
    in transaction: Transaction
  ) async throws -> Authorization {
    guard (60...BreakGlass.longest).contains(duration) else { throw FieldRule.invalid("duration", "1 min to 4 h") }
    let request = try await request(id, in: transaction)
    guard request.isBreakGlass, let opener = request.requester else {
      throw GovernanceError.unknown("request for emergency access", id.description)
    }
    let second = try await self.person(person, in: transaction)
    guard second.id != opener else { throw GovernanceError.refused([.samePersonTwice]) }
    try await requireRegistered(second, in: transaction)
    let first = try await self.person(opener, in: transaction)
    try await requireRegistered(first, in: transaction)
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    let result = try await decide(
      id, ApprovalInput(verdict: .approve, approver: person, digest: digest),
      validAtMost: now.addingTimeInterval(duration),
      in: transaction)
    guard case .granted(let authorization) = result else { throw GovernanceError.refused([.approvalMissing]) }
    try await transaction.execute(
      InsertBreakGlass(
        request: id, identity: request.identity, opener: opener, second: second.id, ticketName: request.ticket,
        openedAt: now, validUntil: authorization.validUntil, reviewDue: BreakGlass.reviewDue(openedAt: now)))
    return authorization
  }

  /// Somebody who took no part says what they found.
  package func reviewBreakGlass(
    _ id: RequestID, by person: String, verdict: String, in transaction: Transaction
  ) async throws {
    let verdict = try FieldRule.text(verdict, field: "verdict", maximum: 500)
    let reviewer = try await self.person(person, in: transaction)
    guard reviewer.isActive else { throw GovernanceError.refused([.approverInactive]) }
    let request = try await request(id, in: transaction)
    let path = try await facts(of: id, revision: request.revision, moment: .recheck, in: transaction).inputs
    let took = [request.requester?.rawValue] + path.approvals.map(\.approver)
    guard !took.contains(reviewer.id.rawValue) else { throw GovernanceError.refused([.reviewerTookPart]) }
    let reviewed = try await transaction.execute(ReviewBreakGlass(request: id, reviewer: reviewer.id, verdict: verdict))
    guard reviewed == 1 else { throw GovernanceError.unknown("emergency access without a review", id.description) }
  }

  /// Without a review though it was due.
  package func overdueReviews(in runner: some StatementRunner) async throws -> [RequestID] {
    try await runner.query(FindOverdueReviews())
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
