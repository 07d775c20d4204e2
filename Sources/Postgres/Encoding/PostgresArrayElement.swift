// Binary format of an array (array_send): number of dimensions, 1 if any NULL, element type; per dimension its size and
// lower bound; then the elements, each with its length, -1 for NULL. All Int32. An empty array has no dimension.

/// A type whose `Array` is a parameter and a column: one dimension, NULLs as `nil` in `[Element?]`.
package protocol PostgresArrayElement: Sendable {
  /// The type of `[Self]`.
  static var postgresArrayType: PostgresType { get }
  static func encodeArray(_ elements: [Self], into buffer: inout [UInt8])
  static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Self]
}

extension PostgresArrayElement where Self: PostgresEncodable & PostgresDecodable {
  package static func encodeArray(_ elements: [Self], into buffer: inout [UInt8]) {
    ArrayFormat.begin(count: elements.count, nulls: false, type: postgresType, &buffer)
    for element in elements { ArrayFormat.append(element, &buffer) }
  }

  package static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Self] {
    try ArrayFormat.decode(bytes, type) { element, elementType in
      guard let element else {
        throw PostgresError.decoding("the array holds NULL; read it as [\(Self.self)?]")
      }
      return try Self(decoding: element, type: elementType)
    }
  }
}

extension Optional: PostgresArrayElement
where Wrapped: PostgresArrayElement & PostgresEncodable & PostgresDecodable {
  package static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }

  package static func encodeArray(_ elements: [Self], into buffer: inout [UInt8]) {
    let nulls = elements.contains { $0 == nil }
    ArrayFormat.begin(count: elements.count, nulls: nulls, type: Wrapped.postgresType, &buffer)
    for element in elements {
      if let element { ArrayFormat.append(element, &buffer) } else { buffer.appendBigEndian(Int32(-1)) }
    }
  }

  package static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [Self] {
    try ArrayFormat.decode(bytes, type) { element, elementType in
      try element.map { try Wrapped(decoding: $0, type: elementType) }
    }
  }
}

/// Only so that `[UInt8]` is `bytea` and not an array.
extension UInt8: PostgresArrayElement {
  package static var postgresArrayType: PostgresType { .bytea }

  package static func encodeArray(_ elements: [UInt8], into buffer: inout [UInt8]) {
    buffer.append(contentsOf: elements)
  }

  package static func decodeArray(_ bytes: UnsafeRawBufferPointer, type: PostgresType) throws -> [UInt8] {
    guard type == .bytea else { throw [UInt8].mismatch(type) }
    return Array(bytes)
  }
}

extension Array: PostgresEncodable, PostgresDecodable where Element: PostgresArrayElement {
  package static var postgresType: PostgresType { Element.postgresArrayType }

  package func encode(into buffer: inout [UInt8]) { Element.encodeArray(self, into: &buffer) }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    self = try Element.decodeArray(bytes, type: type)
  }
}

extension Array: PostgresArrayElement where Element == UInt8 {
  package static var postgresArrayType: PostgresType { .byteaArray }
}

enum ArrayFormat {
  static func begin(count: Int, nulls: Bool, type: PostgresType, _ buffer: inout [UInt8]) {
    buffer.appendBigEndian(Int32(count == 0 ? 0 : 1))
    buffer.appendBigEndian(Int32(nulls ? 1 : 0))
    buffer.appendBigEndian(type.rawValue)
    guard count > 0 else { return }
    buffer.appendBigEndian(Int32(count))
    buffer.appendBigEndian(Int32(1))
  }

  static func append(_ element: some PostgresEncodable, _ buffer: inout [UInt8]) {
    let start = buffer.count
    buffer.appendBigEndian(Int32(0))
    element.encode(into: &buffer)
    buffer.replaceBigEndian(at: start, with: Int32(buffer.count - start - 4))
  }

  static func decode<Element>(
    _ bytes: UnsafeRawBufferPointer, _ type: PostgresType,
    _ element: (UnsafeRawBufferPointer?, PostgresType) throws -> Element
  ) throws -> [Element] {
    let malformed = PostgresError.decoding("a column of type oid \(type.rawValue) is not an array of one dimension")
    guard let dimensions = bytes.bigEndian(at: 0, as: Int32.self),
      let elementType = bytes.bigEndian(at: 8, as: UInt32.self)
    else { throw malformed }
    if dimensions == 0 { return [] }
    guard dimensions == 1, let count = bytes.bigEndian(at: 12, as: Int32.self), count >= 0, count <= bytes.count / 4
    else { throw malformed }
    var elements: [Element] = []
    elements.reserveCapacity(Int(count))
    var offset = 20
    for _ in 0..<count {
      guard let length = bytes.bigEndian(at: offset, as: Int32.self) else { throw malformed }
      offset += 4
      guard length >= 0 else {
        elements.append(try element(nil, PostgresType(rawValue: elementType)))
        continue
      }
      guard offset + Int(length) <= bytes.count else { throw malformed }
      let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(length)])
      elements.append(try element(slice, PostgresType(rawValue: elementType)))
      offset += Int(length)
    }
    return elements
  }
}
