package import Foundation
import Governance

package struct ContainmentID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

/// What comes after the cut.
package enum ContainmentFollowUp: String, Sendable, CaseIterable {
  /// A new secret, under the standing authorization; where that does not hold, the logins stay blocked.
  case rotate
  case revoke
}

/// On whose word.
package enum ContainmentAuthority: Sendable {
  /// The operator's recorded permission for every environment concerned.
  case permission
  /// Emergency access, by this operator and a second person.
  case breakGlass(UUID)
}

/// What a containment would cut off. Every matching credential counts in exactly one of `containing` and `over`. Pure.
package struct ContainmentPreview: Sendable {
  package struct Place: Sendable {
    package let target: String
    package let environment: String
    package var containing = 0
    package var over = 0
    /// Names of registered readers that will stop until they read a new version.
    package var consumers: [String] = []
    /// Nothing begins there until it is resumed.
    package let isPaused: Bool
  }

  package private(set) var containing = 0
  /// Revoked already: nothing is left to cut off.
  package private(set) var over = 0
  package private(set) var underWay = 0
  package private(set) var consumers = 0
  /// By name.
  package private(set) var places: [Place] = []
  package let digest: SelectionDigest

  /// - Parameter selected: ordered by id.
  init(_ selected: [SelectedContainment]) {
    digest = SelectionDigest(of: selected.map(\.id))
    var found: [String: Place] = [:]
    for credential in selected {
      var place =
        found[credential.target]
        ?? Place(target: credential.target, environment: credential.environment, isPaused: credential.isPaused)
      if credential.state == .revoked {
        over += 1
        place.over += 1
      } else {
        containing += 1
        place.containing += 1
        if credential.isUnderWay { underWay += 1 }
        consumers += credential.consumers.count
        place.consumers += credential.consumers
      }
      found[credential.target] = place
    }
    places = found.values.sorted { $0.target < $1.target }
    for index in places.indices { places[index].consumers.sort() }
  }

  package var environments: Set<String> { Set(places.filter { $0.containing > 0 }.map(\.environment)) }
}

/// A credential that a selector matches.
struct SelectedContainment: Sendable {
  let id: CredentialID
  let target: String
  let environment: String
  let state: CredentialRecord.State
  let isUnderWay: Bool
  let isPaused: Bool
  let consumers: [String]
}

/// How far a containment is. Times in seconds from its order, by the database's clock.
package struct ContainmentStatus: Sendable {
  package struct Place: Sendable {
    package let target: String
    package let credentials: Int
    package let contained: Int
    package let refused: Int
    package let remaining: Int
    package let followUpsOpen: Int
    package let followUpsDone: Int
    package let notAllowed: Int
    /// When its last one was cut off; nil: not all are.
    package let secondsToContain: Double?
    /// Why nothing happens there, if so.
    package let problem: String?
  }

  package let id: ContainmentID
  package let selector: String
  package let followUp: ContainmentFollowUp
  package let requestedBy: String
  package let requestedAt: Date
  package let now: Date
  package let places: [Place]

  package var credentials: Int { places.reduce(0) { $0 + $1.credentials } }
  package var contained: Int { places.reduce(0) { $0 + $1.contained } }
  package var refused: Int { places.reduce(0) { $0 + $1.refused } }
  package var remaining: Int { places.reduce(0) { $0 + $1.remaining } }
  package var followUpsOpen: Int { places.reduce(0) { $0 + $1.followUpsOpen } }
  package var followUpsDone: Int { places.reduce(0) { $0 + $1.followUpsDone } }
  package var notAllowed: Int { places.reduce(0) { $0 + $1.notAllowed } }

  /// Nil while one is not cut off.
  package var secondsToContain: Double? {
    remaining == 0 ? places.compactMap(\.secondsToContain).max() ?? 0 : nil
  }

  package var isOver: Bool { remaining == 0 && followUpsOpen == 0 }
}
