/// A natural person. Rules count persons, not logins.
package struct Person: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case active
    case suspended
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
