import Crypto
package import Foundation
import Governance
package import Secrets

package struct ConsumerID: RecordID {
  package let rawValue: UUID
  package init(_ rawValue: UUID) { self.rawValue = rawValue }
}

/// What a consumer shows to read its secret: `ktc_` and 64 characters of base64url, which are its id (16 bytes) and 32
/// random bytes. Kept as SHA-256 only: there is nothing to guess, so a slow hash would only cost time.
package struct ConsumerToken: Sendable {
  package let consumer: ConsumerID
  /// 32 bytes.
  package let hash: [UInt8]

  private static let prefix = "ktc_"
  private static let length = 48

  /// A new one. The text is shown once and wiped with its last reference.
  package static func make(for consumer: ConsumerID) -> (text: SecretBytes, hash: [UInt8]) {
    let random = SecretBytes.random(count: 32)
    var bytes = withUnsafeBytes(of: consumer.rawValue.uuid) { Array($0) }
    random.withBytes { bytes.append(contentsOf: $0) }
    var text = Array((prefix + encode(bytes)).utf8)
    let hash = Array(SHA256.hash(data: bytes))
    bytes.withUnsafeMutableBytes { SecretBytes.wipe($0) }
    return (SecretBytes(moving: &text), hash)
  }

  /// Nil for what cannot be a token.
  package init?(_ text: some StringProtocol) {
    guard text.utf8.count == Self.prefix.utf8.count + Self.length / 3 * 4, text.hasPrefix(Self.prefix),
      let bytes = Self.decode(text.dropFirst(Self.prefix.count)), bytes.count == Self.length
    else { return nil }
    consumer = ConsumerID(bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) })
    hash = Array(SHA256.hash(data: bytes))
  }

  // 48 bytes need no padding.
  private static func encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
  }

  private static func decode(_ text: some StringProtocol) -> [UInt8]? {
    guard !text.contains(where: { $0 == "+" || $0 == "/" || $0 == "=" }) else { return nil }
    let standard = String(text).replacing("-", with: "+").replacing("_", with: "/")
    return Data(base64Encoded: standard).map(Array.init)
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
  /// The identity's approval did not know of this recipient and is void.
  package let needsApproval: Bool
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
