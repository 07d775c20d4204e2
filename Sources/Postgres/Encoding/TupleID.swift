/// Where a version of a row is, `ctid`: the fastest way back to it, as long as nobody has updated it. What it points to may
/// be another row by then, so a statement that uses it names the row's key too.
///
/// Binary format (tidsend): block number, UInt32; offset in the block, UInt16.
package struct TupleID: Hashable, Sendable, PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package let block: UInt32
  package let offset: UInt16

  package init(block: UInt32, offset: UInt16) {
    self.block = block
    self.offset = offset
  }

  package static var postgresType: PostgresType { .tid }
  package static var postgresArrayType: PostgresType { .tidArray }

  package func encode(into buffer: inout [UInt8]) {
    buffer.appendBigEndian(block)
    buffer.appendBigEndian(offset)
  }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    guard type == .tid, let block = bytes.bigEndian(at: 0, as: UInt32.self),
      let offset = bytes.bigEndian(at: 4, as: UInt16.self)
    else { throw Self.mismatch(type) }
    self.init(block: block, offset: offset)
  }
}
