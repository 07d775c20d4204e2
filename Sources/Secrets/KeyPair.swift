import Crypto

/// Ed25519 key pairs (RFC 8032). The private half is a secret like any other: 32 bytes, sealed before the public half leaves.
package enum KeyPair {
  package static func makePrivateKey() -> SecretBytes { .random(count: 32) }

  /// 32 bytes. Nil when `privateKey` is not of 32 bytes.
  package static func publicKey(of privateKey: SecretBytes) -> [UInt8]? {
    privateKey.withBytes { bytes in
      (try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)).map { [UInt8]($0.publicKey.rawRepresentation) }
    }
  }

  /// 64 lower-case hexadecimal digits.
  package static func id(of publicKey: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: publicKey.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Nil unless `id` is one of `id(of:)`.
  package static func publicKey(id: String) -> [UInt8]? {
    guard id.utf8.count == 64 else { return nil }
    let digits = id.utf8.map { digit -> UInt8? in
      switch digit {
      case 48...57: digit - 48
      case 97...102: digit - 87
      default: nil
      }
    }
    guard digits.allSatisfy({ $0 != nil }) else { return nil }
    return stride(from: 0, to: 64, by: 2).map { (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0) }
  }
}
