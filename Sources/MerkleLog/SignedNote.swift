import Crypto
import Foundation

/// A text with signatures, as in c2sp.org/signed-note.
package struct SignedNote: Sendable, Equatable {
  package struct Signature: Sendable, Equatable {
    package let name: String
    package let keyID: [UInt8]
    /// What follows the key id; its form depends on the key's type.
    package let bytes: [UInt8]

    package init(name: String, keyID: [UInt8], bytes: [UInt8]) {
      self.name = name
      self.keyID = keyID
      self.bytes = bytes
    }

    package var line: String { "\u{2014} \(name) \(Base64.encode(keyID + bytes))\n" }
  }

  /// More signatures than this are refused.
  package static let maximumSignatures = 100

  /// Ends with a line feed.
  package let text: String
  package let signatures: [Signature]

  package init(text: String, signatures: [Signature]) {
    self.text = text
    self.signatures = signatures
  }

  package init(parsing note: String) throws {
    let bytes = Array(note.utf8)
    guard bytes.last == 10, !bytes.contains(where: { ($0 < 32 && $0 != 10) || $0 == 127 }) else {
      throw FormatError("a signed note is text whose last line ends with a line feed")
    }
    guard let gap = Self.lastEmptyLine(bytes) else { throw FormatError("the note has no signatures") }
    text = String(decoding: bytes[...gap], as: UTF8.self)
    let lines = String(decoding: bytes[(gap + 2)...], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    guard (1...Self.maximumSignatures).contains(lines.count) else {
      throw FormatError("the note has \(lines.count) signature lines; 1 to \(Self.maximumSignatures) are read")
    }
    signatures = try lines.map(Self.signature(in:))
  }

  /// The place of the line feed that ends the text.
  private static func lastEmptyLine(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 3 else { return nil }
    return (0..<bytes.count - 2).last { bytes[$0] == 10 && bytes[$0 + 1] == 10 }
  }

  /// One signature line without its line feed.
  package static func signature(in line: some StringProtocol) throws -> Signature {
    let parts = line.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "\u{2014}", NoteKey.isValid(name: String(parts[1])),
      let bytes = Base64.decode(String(parts[2])), bytes.count > 4
    else { throw FormatError("a signature line is not: dash, name, base64") }
    return Signature(name: String(parts[1]), keyID: Array(bytes[..<4]), bytes: Array(bytes[4...]))
  }

  package var description: String { text + "\n" + signatures.map(\.line).joined() }

  /// The keys that signed. Signatures of unknown keys are ignored; a bad one of a known key rejects the whole note, and so
  /// does a note that no known key signed.
  package func verified(by keys: [NoteKey]) throws -> [NoteKey] {
    var found: [NoteKey] = []
    for signature in signatures {
      guard let key = keys.first(where: { $0.name == signature.name && $0.keyID == signature.keyID }) else { continue }
      guard !found.contains(key) else { throw FormatError("\(key.name) has signed the note twice") }
      guard key.verifies(signature.bytes, of: text) else {
        throw FormatError("the signature of \(key.name) does not fit the note")
      }
      found.append(key)
    }
    guard !found.isEmpty else { throw FormatError("none of the known keys has signed the note") }
    return found
  }
}

/// A public key: a log's own (type 1) or a witness's (type 4).
package struct NoteKey: Sendable, Equatable {
  package enum Kind: UInt8, Sendable {
    case ed25519 = 1
    /// c2sp.org/tlog-cosignature: the signature covers a time too.
    case cosignature = 4
  }

  package let name: String
  package let kind: Kind
  /// 32 bytes.
  package let publicKey: [UInt8]

  package init(name: String, kind: Kind, publicKey: [UInt8]) {
    self.name = name
    self.kind = kind
    self.publicKey = publicKey
  }

  /// `name+hex(key id)+base64(type ‖ public key)`.
  package init(vkey: String) throws {
    let parts = vkey.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, Self.isValid(name: parts[0]), let id = Hex.decode(parts[1]),
      let bytes = Base64.decode(parts[2]), bytes.count == 33, let kind = Kind(rawValue: bytes[0])
    else { throw FormatError("a verifier key is: name+key id+base64 of the type and an Ed25519 public key") }
    self.init(name: parts[0], kind: kind, publicKey: Array(bytes[1...]))
    guard id == keyID else { throw FormatError("the key id of \(name) does not fit its key") }
  }

  package var vkey: String { "\(name)+\(Hex.encode(keyID))+\(Base64.encode([kind.rawValue] + publicKey))" }

  /// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`.
  package var keyID: [UInt8] {
    Array(NodeHash.digest(Array(name.utf8) + [0x0A, kind.rawValue] + publicKey).bytes[..<4])
  }

  /// No white space, no plus sign, not empty.
  package static func isValid(name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 255 && !name.contains { $0.isWhitespace || $0 == "+" }
  }

  func verifies(_ signature: [UInt8], of text: String) -> Bool {
    switch kind {
    case .ed25519: isValid(signature, of: Array(text.utf8))
    case .cosignature: Cosignature(bytes: signature).map { isValid($0.signature, of: $0.message(text)) } ?? false
    }
  }

  private func isValid(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard signature.count == 64,
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: Data(publicKey))
    else { return false }
    return key.isValidSignature(Data(signature), for: Data(message))
  }
}

/// A private key that signs notes. Prints its name alone.
package struct NoteSigner: Sendable, CustomStringConvertible, CustomReflectable {
  package let key: NoteKey
  private let privateKey: Curve25519.Signing.PrivateKey

  /// - Parameter seed: 32 random bytes.
  package init(name: String, kind: NoteKey.Kind = .ed25519, seed: [UInt8]) throws {
    guard NoteKey.isValid(name: name) else {
      throw FormatError("a key's name has 1 to 255 bytes, no white space and no plus sign")
    }
    guard let privateKey = try? Curve25519.Signing.PrivateKey(rawRepresentation: Data(seed)) else {
      throw FormatError("the seed of a signing key has 32 bytes")
    }
    self.privateKey = privateKey
    key = NoteKey(name: name, kind: kind, publicKey: [UInt8](privateKey.publicKey.rawRepresentation))
  }

  package static func generate(name: String) throws -> (signer: NoteSigner, seed: [UInt8]) {
    let seed = [UInt8](Curve25519.Signing.PrivateKey().rawRepresentation)
    return (try NoteSigner(name: name, seed: seed), seed)
  }

  /// - Parameter time: Unix seconds; part of a cosignature, ignored otherwise.
  package func sign(_ text: String, time: UInt64 = 0) throws -> SignedNote.Signature {
    let bytes: [UInt8]
    switch key.kind {
    case .ed25519: bytes = [UInt8](try privateKey.signature(for: Data(text.utf8)))
    case .cosignature:
      let message = Cosignature.message(text, time: time)
      bytes = Cosignature.encode(time) + [UInt8](try privateKey.signature(for: Data(message)))
    }
    return SignedNote.Signature(name: key.name, keyID: key.keyID, bytes: bytes)
  }

  package var description: String { "signer \(key.name)" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
