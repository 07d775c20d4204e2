package import Secrets

/// Keeps the keys that wrap data keys: a file, a KMS. The keys themselves never leave it.
package protocol KeyProvider: Sendable {
  /// The key that `wrap` uses next; an envelope under another one is due for a rewrap.
  var currentKeyID: String { get }

  /// Wraps under the current key.
  /// - Parameter context: authenticated with the wrap; `unwrap` succeeds only with the same bytes.
  func wrap(_ dataKey: SecretBytes, context: [UInt8]) async throws(VaultError) -> WrappedKey

  /// Throws `.unknownKey` for a key id it does not hold, `.wrongKey` when it holds other material under that id,
  /// `.notAuthentic` when the wrap or the context was changed.
  func unwrap(_ wrapped: WrappedKey, context: [UInt8]) async throws(VaultError) -> SecretBytes
}

/// A wrapped data key, in the provider's own format of 1 to 1024 bytes.
package struct WrappedKey: Sendable, Equatable {
  package let keyID: String
  package let bytes: [UInt8]

  package init(keyID: String, bytes: [UInt8]) {
    self.keyID = keyID
    self.bytes = bytes
  }
}
