/// Hides a value that evidence must not carry, and binds to it: `SHA-256("keyturn-evidence/commit/v1" ‖ 0 ‖ type ‖ 0 ‖ nonce
/// ‖ uint32 length ‖ value)`. Without the nonce nobody can tell what it was; with it, everybody.
package enum Commitment {
  package static let nonceCount = 32

  /// - Parameter nonce: 32 random bytes.
  package static func make(type: String, nonce: [UInt8], value: [UInt8]) -> NodeHash {
    var bytes = Array("keyturn-evidence/commit/v1".utf8) + [0]
    bytes += Array(type.utf8) + [0]
    bytes += nonce
    bytes += (0..<4).map { UInt8(UInt32(value.count) >> UInt32(24 - 8 * $0) & 255) }
    bytes += value
    return .digest(bytes)
  }
}
