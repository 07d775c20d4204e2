import Crypto
package import Foundation

/// A token that a program shows: a prefix and 64 characters of base64url, which are the bearer's id (16 bytes) and 32 random
/// bytes. Kept as SHA-256 only: there is nothing to guess, so a slow hash would only cost time.
package struct BearerToken: Sendable {
  package let bearer: UUID
  /// 32 bytes.
  package let hash: [UInt8]

  private static let length = 48

  /// A new one. The text is shown once and wiped with its last reference.
  /// - Parameter prefix: such as `ktc_`; says in a log or a leak what kind of token it is.
  package static func make(prefix: String, for bearer: UUID) -> (text: SecretBytes, hash: [UInt8]) {
    let random = SecretBytes.random(count: 32)
    var bytes = withUnsafeBytes(of: bearer.uuid) { Array($0) }
    random.withBytes { bytes.append(contentsOf: $0) }
    var text = Array((prefix + encode(bytes)).utf8)
    let hash = Array(SHA256.hash(data: bytes))
    bytes.withUnsafeMutableBytes { SecretBytes.wipe($0) }
    return (SecretBytes(moving: &text), hash)
  }

  /// Nil for what cannot be a token with this prefix.
  package init?(_ text: some StringProtocol, prefix: String) {
    guard text.utf8.count == prefix.utf8.count + Self.length / 3 * 4, text.hasPrefix(prefix),
      let bytes = Self.decode(text.dropFirst(prefix.count)), bytes.count == Self.length
    else { return nil }
    bearer = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    hash = Array(SHA256.hash(data: bytes))
  }

  // 48 bytes need no padding.
  private static func encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
  }

  private static func decode(_ text: some StringProtocol) -> [UInt8]? {
    guard !text.contains(where: { $0 == "+" || $0 == "/" || $0 == "=" }) else { return nil }
    let standard = String(text).replacing("-", with: "+").replacing("_", with: "/")
    return Data(base64Encoded: standard).map(Array.init)
  }
}
