package import Foundation

/// Typed ids, so that a person is never passed for a target.
package protocol RecordID: Hashable, Sendable, CustomStringConvertible {
  var rawValue: UUID { get }
  init(_ rawValue: UUID)
}

extension RecordID {
  package var description: String { rawValue.uuidString.lowercased() }
  package static func make() -> Self { Self(UUID()) }
}

package struct PersonID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct TargetID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct IdentityID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct PolicyID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct RequestID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
package struct AuthorizationID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}
