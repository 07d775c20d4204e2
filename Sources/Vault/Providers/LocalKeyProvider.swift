import Crypto
package import Secrets

/// Keys in a file of mode 0600; see `KeyFile` for its format. The last key is the current one, earlier ones open what
/// they sealed.
package struct LocalKeyProvider: KeyProvider {
  package let path: String
  private let keys: [LocalKey]

  /// Throws `.keyFileMissing`, `.keyFilePermissions`, `.keyFileInvalid` or `.keyFileUnusable`.
  package static func load(path: String) throws(VaultError) -> LocalKeyProvider {
    LocalKeyProvider(path: path, keys: try KeyFile(path: path).load())
  }

  /// Makes the file with one new key; it is on disk when this returns. Throws `.keyFileExists` rather than overwrite.
  package static func create(path: String) throws(VaultError) -> LocalKeyProvider {
    LocalKeyProvider(path: path, keys: try KeyFile(path: path).create())
  }

  /// Appends a new key to the file as the current one and returns a provider with it; it is on disk when this returns.
  /// Every daemon must load the file before one of them seals under the new key.
  package static func addKey(path: String) throws(VaultError) -> LocalKeyProvider {
    LocalKeyProvider(path: path, keys: try KeyFile(path: path).addKey())
  }

  /// `addKey(path:)` on the file this was loaded from, with whatever was added to it since.
  package func addingKey() throws(VaultError) -> LocalKeyProvider {
    try Self.addKey(path: path)
  }

  /// Oldest first.
  package var keyIDs: [String] { keys.map(\.id) }

  package var currentKeyID: String { current.id }

  package func wrap(_ dataKey: SecretBytes, context: [UInt8]) -> WrappedKey {
    let key = current
    let box = SealedBox(sealing: dataKey, key: key.material, additionalData: Self.additionalData(key.id, context))
    return WrappedKey(keyID: key.id, bytes: key.checkValue + box.nonce + box.ciphertext + box.tag)
  }

  package func unwrap(_ wrapped: WrappedKey, context: [UInt8]) throws(VaultError) -> SecretBytes {
    guard let key = keys.last(where: { $0.id == wrapped.keyID }) else { throw unknownKey(wrapped.keyID) }
    let bytes = wrapped.bytes
    guard bytes.count == LocalKey.checkLength + SealedBox.overhead + 32 else { throw .notAuthentic(keyID: key.id) }
    // Tells a wrong key from a changed envelope, which have different remedies; GCM alone fails the same for both.
    guard ConstantTime.areEqual(Array(bytes.prefix(LocalKey.checkLength)), key.checkValue) else {
      throw wrongKey(key.id)
    }
    let sealed = bytes.dropFirst(LocalKey.checkLength)
    let box = SealedBox(
      nonce: Array(sealed.prefix(12)), ciphertext: Array(sealed.dropFirst(12).dropLast(16)),
      tag: Array(sealed.suffix(16)))
    guard let dataKey = box.open(key: key.material, additionalData: Self.additionalData(key.id, context)) else {
      throw .notAuthentic(keyID: key.id)
    }
    return dataKey
  }

  private init(path: String, keys: [LocalKey]) {
    precondition(!keys.isEmpty, "a key file without a key is refused when it is read")
    self.path = path
    self.keys = keys
  }

  private var current: LocalKey { keys[keys.count - 1] }

  private static func additionalData(_ keyID: String, _ context: [UInt8]) -> [UInt8] {
    Array("keyturn.wrap.v1\0".utf8) + [UInt8(keyID.utf8.count)] + keyID.utf8 + context
  }

  private func unknownKey(_ keyID: String) -> VaultError {
    VaultError(
      code: .unknownKey,
      message: """
        The key file \(path) holds no key \(keyID); it holds \(keyIDs.joined(separator: ", ")). No secret is lost: \
        restore the key file that holds \(keyID), or append its line before the last one.
        """,
      keyID: keyID)
  }

  private func wrongKey(_ keyID: String) -> VaultError {
    VaultError(
      code: .wrongKey,
      message: """
        The key file \(path) holds other key material under \(keyID) than this was sealed with. No secret is lost: \
        restore the key file that was in use. If the key file is the right one, the envelope was changed; restore the \
        record from a backup.
        """,
      keyID: keyID)
  }
}

/// One line of a key file.
struct LocalKey: Sendable {
  static let checkLength = 8

  let id: String
  let material: SecretBytes
  /// Stored beside what the key wraps; tells nothing about the key.
  let checkValue: [UInt8]

  init(id: String, material: SecretBytes) {
    self.id = id
    self.material = material
    checkValue = material.withBytes { key in
      let code = HMAC<SHA256>.authenticationCode(
        for: Array("keyturn.key-check.v1".utf8), using: SymmetricKey(data: key))
      return Array(code.prefix(Self.checkLength))
    }
  }
}
