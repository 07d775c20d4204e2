import Crypto
import Foundation
import Secrets

/// AES-256-GCM on secret bytes. Plaintext exists in `SecretBytes` only; what swift-crypto returns is wiped.
struct SealedBox: Sendable {
  static let overhead = 12 + 16

  let nonce: [UInt8]
  let ciphertext: [UInt8]
  let tag: [UInt8]

  init(nonce: [UInt8], ciphertext: [UInt8], tag: [UInt8]) {
    self.nonce = nonce
    self.ciphertext = ciphertext
    self.tag = tag
  }

  /// Seals under a random nonce. The key has 32 bytes.
  init(sealing secret: SecretBytes, key: SecretBytes, additionalData: [UInt8]) {
    precondition(key.count == 32, "a key has 32 bytes")
    do {
      let box = try key.withBytes { key in
        try secret.withBytes { secret in
          try AES.GCM.seal(secret, using: SymmetricKey(data: key), authenticating: additionalData)
        }
      }
      self.init(nonce: Array(box.nonce), ciphertext: Array(box.ciphertext), tag: Array(box.tag))
    } catch {
      // The only inputs that seal refuses are a key of another size and 2^36 bytes or more.
      fatalError("AES-GCM refused to seal")
    }
  }

  /// Nil unless the key, the additional data and every byte are those it was sealed with.
  func open(key: SecretBytes, additionalData: [UInt8]) -> SecretBytes? {
    precondition(key.count == 32, "a key has 32 bytes")
    do {
      let box = try AES.GCM.SealedBox(nonce: AES.GCM.Nonce(data: nonce), ciphertext: ciphertext, tag: tag)
      var plaintext = try key.withBytes { key in
        try AES.GCM.open(box, using: SymmetricKey(data: key), authenticating: additionalData)
      }
      return plaintext.withUnsafeMutableBytes { bytes in
        defer { SecretBytes.wipe(bytes) }
        return SecretBytes(count: bytes.count) { $0.copyMemory(from: UnsafeRawBufferPointer(bytes)) }
      }
    } catch {
      return nil
    }
  }
}
