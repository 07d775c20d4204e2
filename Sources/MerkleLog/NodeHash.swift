import Crypto
package import Foundation

/// A SHA-256 value: of a leaf, of a node, of a tree.
package struct NodeHash: Hashable, Sendable, CustomStringConvertible {
  // Four words instead of an array: a tree holds many, and none needs an allocation of its own.
  private let a: UInt64
  private let b: UInt64
  private let c: UInt64
  private let d: UInt64

  package static let byteCount = 32

  /// Nil unless there are 32 bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    self = Array(bytes).withUnsafeBytes { Self(unaligned: $0) }
  }

  /// Nil unless it is the standard base64 of 32 bytes, with its padding.
  package init?(base64 text: some StringProtocol) {
    guard let bytes = Base64.decode(String(text)) else { return nil }
    self.init(bytes)
  }

  /// At least 32 bytes.
  init(unaligned bytes: UnsafeRawBufferPointer) {
    a = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
    b = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    c = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    d = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
  }

  package var bytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
  package var base64: String { Data(bytes).base64EncodedString() }
  /// Lower-case hexadecimal.
  package var description: String { Hex.encode(bytes) }

  func append(to bytes: inout [UInt8]) { withUnsafeBytes(of: self) { bytes.append(contentsOf: $0) } }

  // MARK: RFC 6962, section 2.1

  /// Of the tree without leaves.
  package static let emptyTree = NodeHash(SHA256())

  package static func leaf(_ bytes: some ContiguousBytes) -> NodeHash {
    var hash = SHA256()
    withUnsafeBytes(of: UInt8(0)) { hash.update(bufferPointer: $0) }
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return NodeHash(hash)
  }

  package static func node(_ left: NodeHash, _ right: NodeHash) -> NodeHash {
    var hash = SHA256()
    // One update of 65 bytes costs half of three.
    withUnsafeTemporaryAllocation(byteCount: 65, alignment: 8) { buffer in
      buffer[0] = 1
      buffer.storeBytes(of: left, toByteOffset: 1, as: NodeHash.self)
      buffer.storeBytes(of: right, toByteOffset: 33, as: NodeHash.self)
      hash.update(bufferPointer: UnsafeRawBufferPointer(buffer))
    }
    return NodeHash(hash)
  }

  /// SHA-256 of `bytes` alone, without a prefix: for digests of files and values.
  package static func digest(_ bytes: some ContiguousBytes) -> NodeHash {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return NodeHash(hash)
  }

  private init(_ hash: SHA256) { self = hash.finalize().withUnsafeBytes { Self(unaligned: $0) } }
}
