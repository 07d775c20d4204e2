package import struct Foundation.UUID

/// What an envelope belongs to. It is authenticated and not stored: an envelope that is moved to another record, version
/// or purpose does not open there.
package struct SealContext: Sendable, Hashable {
  package let record: UUID
  package let version: Int
  /// From a closed list of the caller's, such as `credential`; up to 255 bytes.
  package let purpose: String

  package init(record: UUID, version: Int, purpose: String) {
    precondition(purpose.utf8.count <= 255, "a purpose has at most 255 bytes")
    self.record = record
    self.version = version
    self.purpose = purpose
  }

  /// The canonical encoding, used as additional data: no two contexts share one.
  ///
  ///     16  keyturn.seal.v1 and a zero byte
  ///     16  record
  ///      8  version, two's complement, big-endian
  ///      1  length of the purpose
  ///      …  purpose, UTF-8
  var canonicalBytes: [UInt8] {
    var bytes = Array("keyturn.seal.v1\0".utf8)
    withUnsafeBytes(of: record.uuid) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: Int64(version).bigEndian) { bytes.append(contentsOf: $0) }
    bytes.append(UInt8(purpose.utf8.count))
    bytes.append(contentsOf: purpose.utf8)
    return bytes
  }
}
