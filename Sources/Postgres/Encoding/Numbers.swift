extension Bool: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .bool }
  package static var postgresArrayType: PostgresType { .boolArray }

  package func encode(into buffer: inout [UInt8]) { buffer.append(self ? 1 : 0) }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    guard type == .bool, bytes.count == 1 else { throw Self.mismatch(type) }
    self = bytes[0] != 0
  }
}

extension Int16: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .int2 }
  package static var postgresArrayType: PostgresType { .int2Array }
}

extension Int32: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .int4 }
  package static var postgresArrayType: PostgresType { .int4Array }
}

extension Int64: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .int8 }
  package static var postgresArrayType: PostgresType { .int8Array }
}

/// As `bigint`; reads every integer type.
extension Int: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .int8 }
  package static var postgresArrayType: PostgresType { .int8Array }
}

extension FixedWidthInteger where Self: PostgresEncodable & PostgresDecodable {
  package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(self) }

  /// Widening is silent; a value that does not fit throws.
  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    let wide: Int64? =
      switch type {
      case .int2: bytes.bigEndian(at: 0, as: Int16.self).map(Int64.init)
      case .int4: bytes.bigEndian(at: 0, as: Int32.self).map(Int64.init)
      case .int8, .xid8: bytes.bigEndian(at: 0, as: Int64.self)
      case .oid: bytes.bigEndian(at: 0, as: UInt32.self).map(Int64.init)
      case .numeric: throw Self.mismatch(type, "cast it to bigint in the statement (sum() of bigint is numeric)")
      default: throw Self.mismatch(type)
      }
    guard let wide, let value = Self(exactly: wide) else {
      throw PostgresError.decoding("the value does not fit into \(Self.self)")
    }
    self = value
  }
}

extension Double: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .float8 }
  package static var postgresArrayType: PostgresType { .float8Array }

  package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(bitPattern) }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    if type == .float8, let bits = bytes.bigEndian(at: 0, as: UInt64.self) {
      self = Double(bitPattern: bits)
    } else if type == .float4, let bits = bytes.bigEndian(at: 0, as: UInt32.self) {
      self = Double(Float(bitPattern: bits))
    } else {
      throw Self.mismatch(type, "cast it to float8 in the statement")
    }
  }
}
