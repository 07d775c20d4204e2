package import Foundation

/// A service account, bot or connection on a target.
package struct NonHumanIdentity: Sendable {
  package let id: IdentityID
  package let target: TargetID
  package let name: String
  package let loginMode: String
  package let owner: Person
  package let backupOwner: Person
  package let purpose: String
  package let environment: String
  package let workload: String
  /// In the target's notation, sorted.
  package let rights: [String]
  package let policy: Policy
  package let expiresAt: Date
}

/// What somebody wants to register. Every field is mandatory; `validated` names the first one that is not right.
package struct IdentityDraft: Sendable {
  package var target: String?
  package var name: String?
  package var loginMode: String
  package var owner: String?
  package var backupOwner: String?
  package var purpose: String?
  package var environment: String?
  package var workload: String?
  package var rights: [String]
  package var policy: String
  package var expiresAt: Date?

  package init(
    target: String?, name: String?, loginMode: String = "alternating", owner: String?, backupOwner: String?,
    purpose: String?, environment: String?, workload: String?, rights: [String] = [], policy: String = "standard",
    expiresAt: Date?
  ) {
    self.target = target
    self.name = name
    self.loginMode = loginMode
    self.owner = owner
    self.backupOwner = backupOwner
    self.purpose = purpose
    self.environment = environment
    self.workload = workload
    self.rights = rights
    self.policy = policy
    self.expiresAt = expiresAt
  }

  /// The same with every field present and of allowed length.
  struct Complete {
    let target, name, owner, backupOwner, purpose, environment, workload: String
    let expiresAt: Date
  }

  func validated(now: Date) throws(GovernanceError) -> Complete {
    let complete = Complete(
      target: try FieldRule.text(target, field: "target", maximum: 100),
      name: try FieldRule.text(name, field: "name", maximum: 59),
      owner: try FieldRule.text(owner, field: "owner", maximum: 200),
      backupOwner: try FieldRule.text(backupOwner, field: "backup", maximum: 200),
      purpose: try FieldRule.text(purpose, field: "purpose", maximum: 500),
      environment: try FieldRule.text(environment, field: "environment", maximum: 40),
      workload: try FieldRule.text(workload, field: "workload", maximum: 200),
      expiresAt: try FieldRule.present(expiresAt, field: "expires"))
    guard complete.name.wholeMatch(of: /[a-z_][a-z0-9_]*/) != nil else {
      throw FieldRule.invalid("name", "lower-case letters, digits and underscores, starting with a letter")
    }
    guard ["alternating", "single"].contains(loginMode) else {
      throw FieldRule.invalid("mode", "alternating or single")
    }
    guard complete.owner != complete.backupOwner else {
      throw FieldRule.invalid("backup", "a person other than the owner")
    }
    guard complete.expiresAt > now else { throw FieldRule.invalid("expires", "a time in the future") }
    guard rights.count <= 200 else { throw FieldRule.invalid("right", "at most 200 entries") }
    for right in rights { _ = try FieldRule.text(right, field: "right", maximum: 300) }
    return complete
  }
}

/// Rules for one field; each message names the field and what would be right, never the value.
enum FieldRule {
  static func present<Value>(_ value: Value?, field: String) throws(GovernanceError) -> Value {
    guard let value else {
      throw GovernanceError(code: .missingField, message: "\(field) is missing; it is mandatory")
    }
    return value
  }

  static func text(_ value: String?, field: String, maximum: Int) throws(GovernanceError) -> String {
    let value = try present(value, field: field)
    // Counted in UTF-8 first, so that a huge text costs nothing; then in code points, as the schema's constraints do.
    guard value.utf8.count <= maximum * 4, value.unicodeScalars.count <= maximum else {
      throw invalid(field, "at most \(maximum) characters")
    }
    let trimmed = value.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !trimmed.isEmpty else {
      throw GovernanceError(code: .missingField, message: "\(field) is empty; it is mandatory")
    }
    guard !trimmed.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw invalid(field, "text without control characters")
    }
    return trimmed
  }

  static func invalid(_ field: String, _ wanted: String) -> GovernanceError {
    GovernanceError(code: .invalidField, message: "\(field) is not valid; it must be \(wanted)")
  }
}
