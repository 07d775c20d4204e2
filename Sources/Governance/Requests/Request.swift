import Crypto
package import Foundation
import MerkleLog

/// What an authorization may allow.
package enum GovernedAction: String, Sendable, CaseIterable, Codable {
  case issue
  case rotate
  case revoke
}

/// The exact change that approvers see, as canonical JSON: keys sorted, no white space, times in UTC to the second.
package struct RequestCore: Sendable, Codable, Equatable {
  package let actions: [GovernedAction]
  package let backupOwner: String
  package let beneficiary: String
  package let delegatedApprover: String?
  package let environment: String
  package let expiresAt: String
  package let identity: String
  package let loginMode: String
  package let owner: String
  package let owningSystem: String?
  package let policy: String
  package let purpose: String
  package let requester: String
  package let revision: Int
  package let rights: [String]
  package let target: String
  package let ticket: String
  package let workload: String

  init(
    identity: NonHumanIdentity, targetName: String, actions: [GovernedAction], requester: String, beneficiary: String,
    ticket: String, revision: Int, rights: [String]? = nil, details: RequestDetails = RequestDetails()
  ) {
    self.actions = actions
    backupOwner = identity.backupOwner.externalID
    self.beneficiary = beneficiary
    delegatedApprover = details.delegatedApprover
    environment = identity.environment
    expiresAt = identity.expiresAt.formatted(.iso8601)
    self.identity = identity.name
    loginMode = identity.loginMode
    owner = identity.owner.externalID
    owningSystem = details.owningSystem
    policy = identity.policy.name
    purpose = identity.purpose
    self.requester = requester
    self.revision = revision
    self.rights = rights ?? identity.rights
    target = targetName
    self.ticket = ticket
    workload = identity.workload
  }

  package init(canonical bytes: [UInt8]) throws {
    self = try JSONDecoder().decode(RequestCore.self, from: Data(bytes))
  }

  /// The bytes that are stored, hashed and shown.
  package func canonicalBytes() throws -> [UInt8] { try SortedJSON.bytes(self) }
}

/// What a ticket may name beyond the change itself; a policy can make each mandatory.
package struct RequestDetails: Sendable, Equatable {
  /// The system whose owner answers for the removal; 1…200 characters.
  package var owningSystem: String?
  /// Who was asked to approve in the owner's place.
  package var delegatedApprover: String?
  /// Emergency access; only `GovernanceStore.openBreakGlass` sets it.
  var isBreakGlass = false

  package init(owningSystem: String? = nil, delegatedApprover: String? = nil) {
    self.owningSystem = owningSystem
    self.delegatedApprover = delegatedApprover
  }
}

/// SHA-256 of the canonical bytes.
package struct RequestDigest: Sendable, Hashable, CustomStringConvertible {
  package let bytes: [UInt8]

  package init(of core: [UInt8]) { bytes = [UInt8](SHA256.hash(data: core)) }
  package init(bytes: [UInt8]) { self.bytes = bytes }

  /// Lower-case hexadecimal.
  package var description: String { Hex.encode(bytes) }

  /// Whether `text` is this digest, or at least its first 12 hexadecimal digits.
  package func matches(_ text: String) -> Bool {
    text.count >= 12 && description.hasPrefix(text.lowercased())
  }
}

/// A submitted request, newest revision.
package struct Request: Sendable {
  package let id: RequestID
  package let revision: Int32
  package let identity: IdentityID
  package let actions: [GovernedAction]
  /// Nil for a request that policy opened.
  package let requester: PersonID?
  package let beneficiary: PersonID?
  package let ticket: String
  package let core: [UInt8]
  package let digest: RequestDigest
  package let submittedAt: Date
  /// `approved`, `denied`, `withdrawn` or `waiting`.
  package let decision: String
  package let isBreakGlass: Bool

  /// What approvers saw as the identity's rights.
  package var rights: [String] {
    get throws { try RequestCore(canonical: core).rights }
  }
}
