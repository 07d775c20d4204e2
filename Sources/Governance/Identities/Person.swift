/// A natural person. Rules count persons, not logins.
package struct Person: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable, Codable {
    case active
    /// Away: what rests on them pauses.
    case suspended
    /// Left: what rests on them is void.
    case terminated
  }

  package let id: PersonID
  /// The key in the authoritative directory; 1…200 characters.
  package let externalID: String
  package let state: State

  package init(id: PersonID, externalID: String, state: State) {
    self.id = id
    self.externalID = externalID
    self.state = state
  }

  package var isActive: Bool { state == .active }
}

/// What a source says of one person.
package struct PersonAttributes: Sendable, Equatable, Codable {
  /// The key in the source; stays when the name changes.
  package var externalID: String
  package var displayName: String?
  package var email: String?
  package var state: Person.State
  /// External id.
  package var manager: String?
  package var department: String?
  package var jobTitle: String?

  package init(
    externalID: String, displayName: String? = nil, email: String? = nil, state: Person.State = .active,
    manager: String? = nil, department: String? = nil, jobTitle: String? = nil
  ) {
    self.externalID = externalID
    self.displayName = displayName
    self.email = email
    self.state = state
    self.manager = manager
    self.department = department
    self.jobTitle = jobTitle
  }

  /// Each field of its length; messages name the field, not the value.
  package func validated() throws(GovernanceError) -> PersonAttributes {
    var result = self
    result.externalID = try FieldRule.text(externalID, field: "person", maximum: 200)
    result.displayName = try Self.optional(displayName, "display_name", 200)
    result.department = try Self.optional(department, "department", 200)
    result.jobTitle = try Self.optional(jobTitle, "job_title", 200)
    result.manager = try Self.optional(manager, "manager", 200)
    result.email = try Self.optional(email, "email", 254)
    if let email = result.email {
      let parts = email.split(separator: "@", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, !email.contains(" ") else {
        throw FieldRule.invalid("email", "an address such as alice@example.org")
      }
    }
    guard result.manager != result.externalID else {
      throw GovernanceError(
        code: .refused, message: "manager: nobody is their own manager", reasons: [.feedCyclicManagers])
    }
    return result
  }

  private static func optional(_ text: String?, _ field: String, _ maximum: Int) throws(GovernanceError) -> String? {
    guard let text, !text.allSatisfy(\.isWhitespace) else { return nil }
    return try FieldRule.text(text, field: field, maximum: maximum)
  }
}

/// A person as kept, with what the source said last.
package struct PersonRecord: Sendable, Equatable {
  package let id: PersonID
  package let attributes: PersonAttributes
  package let source: String
  package let version: Int64
  /// The source no longer knows them.
  package let isRemoved: Bool
}

/// What happened to one person, in words for tickets.
struct PersonChange: Sendable {
  let id: PersonID
  let externalID: String
  /// What it means for what rests on the person; nil: nothing.
  let trigger: ReapprovalTrigger?
  /// Such as "left" or "changed department".
  let what: String

  /// What a later state means against an earlier one. Pure.
  init(id: PersonID, from old: PersonAttributes, to new: PersonAttributes) {
    self.id = id
    externalID = new.externalID
    if old.state != .terminated && new.state == .terminated {
      trigger = .personLeft
      what = "left"
      return
    }
    let changed = [
      old.department != new.department ? "department" : nil, old.jobTitle != new.jobTitle ? "job title" : nil,
      old.manager != new.manager ? "manager" : nil,
    ].compactMap { $0 }
    trigger = changed.isEmpty ? nil : .personChangedRole
    what = changed.isEmpty ? "" : "changed " + changed.joined(separator: ", ")
  }
}
