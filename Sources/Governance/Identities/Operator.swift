package import Postgres

/// Who changes how the work runs, and why.
package struct Operator: Sendable {
  /// Active when this was made.
  package let person: Person
  /// 1…500 characters, in the operator's words.
  package let reason: String
}

extension GovernanceStore {
  /// Refuses a person who is not active, and a reason that is missing or longer than 500 characters.
  package func activeOperator(
    _ externalID: String, reason: String, in runner: some StatementRunner
  ) async throws -> Operator {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 500)
    let person = try await person(externalID, in: runner)
    guard person.isActive else { throw GovernanceError.refused([.requesterInactive]) }
    return Operator(person: person, reason: reason)
  }

  /// The ticket as it is kept; refuses one that is missing or longer than 200 characters.
  package static func validTicket(_ ticket: String) throws(GovernanceError) -> String {
    try FieldRule.text(ticket, field: "ticket", maximum: 200)
  }
}
