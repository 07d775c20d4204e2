/// A Swift value that can be a parameter.
package protocol PostgresEncodable: Sendable {
  /// The parameter's type as told to the server, which then needs no cast to infer it.
  static var postgresType: PostgresType { get }
  /// Appends the binary format of `typsend`, without a length.
  func encode(into buffer: inout [UInt8])
}

/// A Swift value that can be read from a column.
package protocol PostgresDecodable: Sendable {
  /// `bytes` are in binary format and valid during the call only. Throws `.decoding`.
  init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws
}

// An enumeration with raw values only has to declare the conformance.
extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
  package static var postgresType: PostgresType { RawValue.postgresType }
  package func encode(into buffer: inout [UInt8]) { rawValue.encode(into: &buffer) }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    // The unknown value itself stays out of the error: it is data.
    guard let value = Self(rawValue: try RawValue(decoding: bytes, type: type)) else {
      throw PostgresError.decoding("the value is none of the cases of \(Self.self)")
    }
    self = value
  }
}

extension PostgresDecodable {
  static func mismatch(_ type: PostgresType, _ remedy: String = "cast the column in the statement") -> PostgresError {
    .decoding("a column of type oid \(type.rawValue) cannot be read as \(Self.self); \(remedy)")
  }
}

extension [UInt8] {
  mutating func appendBigEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  mutating func replaceBigEndian(at offset: Int, with value: Int32) {
    withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self) }
  }
}

extension UnsafeRawBufferPointer {
  /// Nil when fewer bytes are left.
  func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: Integer.Type) -> Integer? {
    guard offset >= 0, count - offset >= MemoryLayout<Integer>.size else { return nil }
    return Integer(bigEndian: loadUnaligned(fromByteOffset: offset, as: Integer.self))
  }
}
