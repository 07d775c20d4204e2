package import Foundation
import Governance
package import Secrets

package struct ConsumerID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

/// What a consumer shows to read its secret: a `BearerToken` with the prefix `ktc_`.
package struct ConsumerToken: Sendable {
  package let consumer: ConsumerID
  /// 32 bytes.
  package let hash: [UInt8]

  private static let prefix = "ktc_"

  /// A new one. The text is shown once and wiped with its last reference.
  package static func make(for consumer: ConsumerID) -> (text: SecretBytes, hash: [UInt8]) {
    BearerToken.make(prefix: prefix, for: consumer.rawValue)
  }

  /// Nil for what cannot be a token.
  package init?(_ text: some StringProtocol) {
    guard let token = BearerToken(text, prefix: Self.prefix) else { return nil }
    consumer = ConsumerID(token.bearer)
    hash = token.hash
  }
}

/// A consumer that showed its token.
package struct AuthenticatedConsumer: Sendable {
  package let id: ConsumerID
  package let name: String
  package let credential: CredentialID
  package let identity: String
  package let target: String
}

/// Why a token lets nobody in.
package enum TokenRefusal: String, Sendable, Error, CaseIterable {
  /// Not of the form of a token.
  case malformed = "malformed_token"
  /// Nobody's, or forged.
  case unknown = "unknown_token"
  case expired = "expired_token"
  /// The consumer was taken off the list.
  case removed = "removed_consumer"
}

/// What registering a consumer makes. Neither can be shown again.
package struct NewConsumer: Sendable {
  package let id: ConsumerID
  package let token: SecretBytes
  /// Nil without a webhook.
  package let webhookSecret: SecretBytes?
}

/// A version as a consumer reads it.
package struct ReadableVersion: Sendable {
  package let number: Int32
  package let state: CredentialVersion.State
  package let login: String
  package let secret: SecretBytes
  /// Where the target is; no secrets.
  package let settings: [String: String]
}

package struct Acknowledgement: Sendable {
  package let version: Int32
  package let current: Int32
  /// Registered readers that have not acknowledged the current version.
  package let waitingFor: Int
}
