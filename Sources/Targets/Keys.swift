package import Secrets

/// A change that concerns one of several secrets of a login, or needs the old one.
package enum KeyChange: Sendable {
  /// Self-change: `login` proves itself with `old` and makes `new` its secret. Refused as `.secretRejected` with the code
  /// `wrong_old` when `old` is not accepted.
  case changeOwn(login: String, old: SecretBytes, new: SecretBytes)
  /// Key pair: `login` accepts the private half of `key` (Ed25519, 32 bytes); with one slot, only that. Makes the identity if
  /// `mayCreate`, and grants the approved rights.
  case addKey(login: String, key: [UInt8], rights: PrivilegeSet, mayCreate: Bool)
  /// Key pair: that key is not accepted any more; "not there" is done.
  case removeKey(login: String, key: [UInt8])
  /// Minted: these are refused from now on; reversible. "Not there" is done.
  case disableKeys([String])
  /// Minted: these are gone; "not there" is done.
  case destroyKeys([String])

  package var verb: TargetVerb {
    switch self {
    case .changeOwn: .changeOwn
    case .addKey: .addKey
    case .removeKey: .removeKey
    case .disableKeys: .disableKeys
    case .destroyKeys: .destroyKeys
    }
  }
}

/// What a target shall mint.
package struct MintOrder: Sendable {
  package let identity: TargetIdentity
  /// Kept with the key by targets that can, so that a key whose answer was lost is known as ours.
  package let marker: String
  package let rights: PrivilegeSet
  /// The identity, when it is not there.
  package let mayCreate: Bool

  package init(identity: TargetIdentity, marker: String, rights: PrivilegeSet, mayCreate: Bool) {
    self.identity = identity
    self.marker = marker
    self.rights = rights
    self.mayCreate = mayCreate
  }
}

package enum MintOutcome: Sendable {
  /// `id` is what one logs in with, beside the secret; 1…63 characters.
  case minted(id: String, secret: SecretBytes)
  case refused(RefusalReason, code: String)
  case unknown(cause: String)
}

/// A key as a target lists it.
package struct TargetKey: Sendable, Equatable {
  /// Minted: what one logs in with. Key pair: the public half in 64 lower-case hexadecimal digits.
  package let id: String
  /// Nil: this kind of target keeps none.
  package let marker: String?

  package init(id: String, marker: String?) {
    self.id = id
    self.marker = marker
  }
}

/// What a target keeps beside an identity.
package struct TargetMark: Sendable, Equatable {
  /// Nil: the mark is not of Keyturn's form; somebody else has written there.
  package let mark: String?
  /// Nil: no change of ours has ended there yet.
  package let fence: Int64?

  package init(mark: String?, fence: Int64?) {
    self.mark = mark
    self.fence = fence
  }
}
