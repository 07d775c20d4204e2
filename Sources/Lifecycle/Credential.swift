package import Foundation
package import Governance
package import Jobs

/// One secret-bearing login of an identity.
package struct CredentialID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }

  /// A credential is what its jobs are about.
  package var subject: SubjectID { SubjectID(rawValue) }
}

package struct RotationID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

extension TargetID {
  /// A target is what limits how much runs at once.
  package var limitGroup: LimitGroupID { LimitGroupID(rawValue) }
}

/// One value of a credential, without the secret.
///
///     candidate ─► current ─► retiring ─► revoked
///         └─► orphan (never published; removed from the target)
package struct CredentialVersion: Sendable, Equatable {
  package enum State: String, Sendable {
    case candidate
    case current
    case retiring
    case revoked
    case orphan
  }

  package let number: Int32
  package let state: State
  package let login: String
  /// Nil once the sealed secret was destroyed.
  package let envelope: [UInt8]?

  package init(number: Int32, state: State, login: String, envelope: [UInt8]?) {
    self.number = number
    self.state = state
    self.login = login
    self.envelope = envelope
  }
}

/// A credential as operators see it.
package struct CredentialRecord: Sendable {
  package enum State: String, Sendable {
    case pending
    case active
    case revoking
    case revoked
    /// Its revocation was ended by a person's signed word: what is left on the target is not known. A new one may prove it.
    case waived
  }

  package let id: CredentialID
  package let identity: IdentityID
  package let target: TargetID
  package let state: State
  package let authorization: AuthorizationID
  package let fence: Int64
  package let dueAnchor: Date?
  package let nextDueAt: Date?
  package let hardExpiresAt: Date
}
