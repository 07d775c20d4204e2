/// Why the vault could not seal or open. Names key ids, files and lines; never carries secret bytes, keys or envelopes.
package struct VaultError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case keyFileMissing
    /// Not in the format of `KeyFile`.
    case keyFileInvalid
    /// Readable or writable by others, or owned by somebody else.
    case keyFilePermissions
    /// `create` never overwrites.
    case keyFileExists
    /// The file or its folder could not be read or written.
    case keyFileUnusable
    /// The envelope names a key that the provider does not hold.
    case unknownKey
    /// The provider holds other key material under that id.
    case wrongKey
    /// The bytes are not an envelope: cut short, or of another format.
    case malformedEnvelope
    /// The envelope was changed, or belongs to another record, version or purpose.
    case notAuthentic
    /// The secret is longer than an envelope may hold.
    case secretTooLong
  }

  package let code: Code
  /// With a remedy.
  package let message: String
  /// The key the error is about, if any.
  package let keyID: String?

  package init(code: Code, message: String, keyID: String? = nil) {
    self.code = code
    self.message = message
    self.keyID = keyID
  }

  package var description: String { "\(code.rawValue): \(message)" }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
