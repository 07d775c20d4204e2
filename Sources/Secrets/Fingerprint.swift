import Crypto

/// HMAC-SHA256 of a secret under a key that is kept elsewhere: answers "is it the same one?" without storing the secret.
/// Keyed, because the plain hash of a guessable secret can be searched.
package struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  package let hex: String

  /// - Parameter key: at least 16 random bytes, the same for all fingerprints that are compared.
  package init(of secret: SecretBytes, key: SecretBytes) {
    precondition(key.count >= 16, "a fingerprint key has at least 16 bytes")
    let code = key.withBytes { key in
      secret.withBytes { HMAC<SHA256>.authenticationCode(for: $0, using: SymmetricKey(data: key)) }
    }
    let digits = Array("0123456789abcdef".utf8)
    hex = String(decoding: code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// A stored fingerprint; nil unless it is 64 lower-case hexadecimal digits.
  package init?(hex: String) {
    guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
      return nil
    }
    self.hex = hex
  }

  package var description: String { hex }
}
