package import Foundation
package import Postgres

/// Broken glass: two people take authority for hours, and a third reviews it within a business day.
package struct Emergency: Sendable {
  package let id: UUID
  package let openedBy: PersonID
  package let second: PersonID
  package let isValid: Bool
  package let isReviewed: Bool

  /// Hours.
  package static let longest = 4.0

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
  /// - Parameter hours: more than 0 and at most 4.
  package func openEmergency(
    by actor: String, second: String, reason: String, hours: Double, in transaction: Transaction
  ) async throws -> (id: UUID, validUntil: Date, reviewDue: Date) {
    let who = try await activeOperator(actor, reason: reason, in: transaction)
    let other = try await person(second, in: transaction)
    guard other.isActive else { throw GovernanceError.refused([.requesterInactive]) }
    guard other.id != who.person.id else {
      throw GovernanceError(
        code: .refused, message: "the second person is the first; two different people break the glass")
    }
    guard hours > 0, hours <= Emergency.longest else {
      throw FieldRule.invalid("hours", "more than 0 and at most \(Int(Emergency.longest))")
    }
    let id = UUID()
    guard let now = try await transaction.queryFirst(ReadNow()) else { throw GovernanceError.unknown("clock", "now") }
    let (until, due) = (now.addingTimeInterval(hours * 3600), Emergency.reviewDue(after: now))
    try await transaction.execute(
      InsertEmergency(
        id: id, by: who.person.id, second: other.id, reason: who.reason, now: now, validUntil: until, reviewDue: due))
    return (id, until, due)
  }

  package func emergency(_ id: UUID, in runner: some StatementRunner) async throws -> Emergency {
    guard let emergency = try await runner.queryFirst(FindEmergency(id: id)) else {
      throw GovernanceError.unknown("emergency", id.uuidString.lowercased())
    }
    return emergency
  }

  /// Ends what is open about it; only by an active person who was not part of it, and once.
  package func reviewEmergency(
    _ id: UUID, by actor: String, finding: String, in transaction: Transaction
  ) async throws {
    let who = try await activeOperator(actor, reason: finding, in: transaction)
    let emergency = try await emergency(id, in: transaction)
    guard who.person.id != emergency.openedBy, who.person.id != emergency.second else {
      throw GovernanceError(
        code: .refused, message: "who broke the glass does not review it; let somebody else do it")
    }
    guard !emergency.isReviewed,
      try await transaction.execute(ReviewEmergency(id: id, by: who.person.id, finding: who.reason)) == 1
    else { throw GovernanceError(code: .refused, message: "it was reviewed already") }
  }
}
