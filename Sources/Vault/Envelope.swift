// The stored format. Numbers are big-endian.
//
//   offset   bytes
//   0        4      magic: 4B 54 45 4E, "KTEN"
//   4        1      format version: 01
//   5        1      n, length of the key id: 1…64
//   6        n      key id, ASCII (see KeyID)
//   6+n      2      w, length of the wrapped data key: 1…1024
//   8+n      w      wrapped data key, in the key provider's own format; of LocalKeyProvider, w = 68:
//                     8   check value of the key: HMAC-SHA256(key, "keyturn.key-check.v1"), its first 8 bytes
//                     12  nonce
//                     32  ciphertext of the data key, AES-256-GCM under the key
//                     16  tag; additional data: "keyturn.wrap.v1", a zero byte, n, key id, SealContext.canonicalBytes
//   8+n+w    12     nonce
//   20+n+w   4      c, length of the ciphertext: 0…65536
//   24+n+w   c      ciphertext of the secret, AES-256-GCM under the data key
//   24+n+w+c 16     tag; additional data: SealContext.canonicalBytes
//
// Nothing follows the tag. The secret's additional data leaves out the key id, so that a rewrap replaces the key id and
// the wrapped data key and copies the rest; the wrap's additional data holds both.

/// A sealed secret. Printing it shows the key id and the size.
package struct Envelope: Sendable, Equatable {
  package static let maximumSecretLength = 65_536

  package let bytes: [UInt8]
  /// The key that wraps the data key.
  package let keyID: String
  let wrappedKey: [UInt8]
  let box: SealedBox

  /// Checks the form only; whether it is authentic turns out when it is opened. Throws `.malformedEnvelope`.
  package init(bytes: [UInt8]) throws(VaultError) {
    var reader = EnvelopeReader(bytes)
    guard try reader.take(4, "magic") == Self.magic else {
      throw .malformed("it does not start with the mark of an envelope")
    }
    let format = try reader.takeNumber(1, "format version")
    guard format == 1 else {
      throw .malformed(
        "its format version is \(format), and this program knows version 1; a newer one may have made it")
    }
    let keyID = try reader.take(reader.takeNumber(1, "key id length"), "key id")
    guard KeyID.isValid(keyID) else { throw .malformed("its key id has a length or characters that no key id has") }
    let wrappedLength = try reader.takeNumber(2, "wrapped key length")
    guard (1...Self.maximumWrappedLength).contains(wrappedLength) else {
      throw .malformed("its wrapped key has an impossible length")
    }
    let wrappedKey = try reader.take(wrappedLength, "wrapped key")
    let nonce = try reader.take(12, "nonce")
    let length = try reader.takeNumber(4, "ciphertext length")
    guard length <= Self.maximumSecretLength else { throw .malformed("its ciphertext has an impossible length") }
    let ciphertext = try reader.take(length, "ciphertext")
    let tag = try reader.take(16, "tag")
    guard reader.isAtEnd else { throw .malformed("bytes follow its end") }

    self.bytes = bytes
    self.keyID = String(decoding: keyID, as: UTF8.self)
    self.wrappedKey = Array(wrappedKey)
    self.box = SealedBox(nonce: Array(nonce), ciphertext: Array(ciphertext), tag: Array(tag))
  }

  init(wrapped: WrappedKey, box: SealedBox) {
    precondition(KeyID.isValid(wrapped.keyID.utf8), "a key provider gave an invalid key id")
    precondition((1...Self.maximumWrappedLength).contains(wrapped.bytes.count), "a wrapped key has 1 to 1024 bytes")
    var bytes = Self.magic + [1, UInt8(wrapped.keyID.utf8.count)]
    bytes += wrapped.keyID.utf8
    withUnsafeBytes(of: UInt16(wrapped.bytes.count).bigEndian) { bytes.append(contentsOf: $0) }
    bytes += wrapped.bytes
    bytes += box.nonce
    withUnsafeBytes(of: UInt32(box.ciphertext.count).bigEndian) { bytes.append(contentsOf: $0) }
    bytes += box.ciphertext + box.tag
    self.bytes = bytes
    self.keyID = wrapped.keyID
    self.wrappedKey = wrapped.bytes
    self.box = box
  }

  package static func == (left: Self, right: Self) -> Bool { left.bytes == right.bytes }

  private static let magic = Array("KTEN".utf8)
  private static let maximumWrappedLength = 1024
}

extension Envelope: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "envelope under key \(keyID), \(bytes.count) bytes" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

private struct EnvelopeReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func take(_ count: Int, _ field: String) throws(VaultError) -> [UInt8] {
    guard rest.count >= count else { throw .malformed("it ends within its \(field)") }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  mutating func takeNumber(_ count: Int, _ field: String) throws(VaultError) -> Int {
    try take(count, field).reduce(0) { $0 << 8 | Int($1) }
  }
}

extension VaultError {
  fileprivate static func malformed(_ reason: String) -> VaultError {
    VaultError(
      code: .malformedEnvelope,
      message: "This is not an envelope: \(reason). Restore the record from a backup, or rotate the credential.")
  }
}
