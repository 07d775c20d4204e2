/// A witness's signature, c2sp.org/tlog-cosignature version 1: eight bytes of Unix time, big-endian, then Ed25519 over a
/// header with that time and the checkpoint.
package struct Cosignature: Sendable, Equatable {
  /// Unix seconds.
  package let time: UInt64
  package let signature: [UInt8]

  /// Nil unless there are 72 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == 72 else { return nil }
    time = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    signature = Array(bytes[8...])
  }

  func message(_ text: String) -> [UInt8] { Self.message(text, time: time) }

  static func message(_ text: String, time: UInt64) -> [UInt8] {
    Array("cosignature/v1\ntime \(time)\n\(text)".utf8)
  }

  static func encode(_ time: UInt64) -> [UInt8] { (0..<8).map { UInt8(time >> UInt64(56 - 8 * $0) & 255) } }
}
