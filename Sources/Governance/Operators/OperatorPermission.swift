package import Foundation
package import Postgres

/// What a person may do besides asking and approving; granted by somebody else, until then, and withdrawn by anybody.
package struct OperatorPermission: Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    /// Cut off many credentials at once, and rotate or revoke them.
    case contain
    /// End a revocation that cannot be proven, with a signature, and answer for what is left.
    case waive
  }

  package let id: UUID
  package let person: String
  package let kind: Kind
  /// Of the targets; nil: all.
  package let environment: String?
  package let grantedBy: String
  package let validUntil: Date

  /// Which of `environments` none of `permissions` covers; sorted. Pure.
  package static func uncovered(_ environments: Set<String>, by permissions: [OperatorPermission]) -> [String] {
    if permissions.contains(where: { $0.environment == nil }) { return [] }
    return environments.subtracting(permissions.compactMap(\.environment)).sorted()
  }
}

extension GovernanceStore {
  /// Refused when the grantor is the person, or not active.
  package func grantPermission(
    _ kind: OperatorPermission.Kind, to person: String, environment: String?, validUntil: Date?, by actor: String,
    reason: String, in runner: some StatementRunner
  ) async throws -> UUID {
    let who = try await activeOperator(actor, reason: reason, in: runner)
    let receiver = try await self.person(person, in: runner)
    guard receiver.isActive else { throw GovernanceError.refused([.requesterInactive]) }
    guard receiver.id != who.person.id else {
      throw GovernanceError(
        code: .refused, message: "nobody grants a permission to themselves; let somebody else do it")
    }
    let environment = try environment.map { text throws(GovernanceError) in
      try FieldRule.text(text, field: "environment", maximum: 40)
    }
    if let validUntil, validUntil <= Date() { throw FieldRule.invalid("until", "a time in the future") }
    let id = UUID()
    try await runner.execute(
      InsertOperatorPermission(
        id: id, person: receiver.id, kind: kind, environment: environment, by: who.person.id, reason: who.reason,
        validUntil: validUntil))
    return id
  }

  /// Takes effect with the next order. Returns how many were withdrawn.
  package func withdrawPermission(
    _ kind: OperatorPermission.Kind, from person: String, by actor: String, reason: String,
    in runner: some StatementRunner
  ) async throws -> Int {
    let who = try await activeOperator(actor, reason: reason, in: runner)
    let holder = try await self.person(person, in: runner)
    return try await runner.execute(
      WithdrawOperatorPermissions(person: holder.id, kind: kind, by: who.person.id))
  }

  /// Those that hold now; of one person, or of all.
  package func permissions(
    _ kind: OperatorPermission.Kind, of person: PersonID?, in runner: some StatementRunner
  ) async throws -> [OperatorPermission] {
    try await runner.query(FindOperatorPermissions(kind: kind, person: person))
  }
}
