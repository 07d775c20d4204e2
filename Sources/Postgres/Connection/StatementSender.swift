import CLibPQ

// Puts statements into libpq's output buffer. All results are asked for in binary format.
extension PostgresConnection {
  static let maximumParameters = 65535

  func sendPrepare(_ connection: OpaquePointer, _ statement: AnyStatement, as name: String) throws {
    let types = statement.parameters.slots.map(\.type.rawValue)
    guard PQsendPrepare(connection, name, statement.sql, Int32(types.count), types) == 1 else {
      throw lost(statement.name)
    }
  }

  func sendPrepared(_ connection: OpaquePointer, _ statement: AnyStatement, as name: String) throws {
    let sent = try withValues(of: statement) { values, lengths, formats in
      PQsendQueryPrepared(connection, name, Int32(lengths.count), values, lengths, formats, 1)
    }
    guard sent == 1 else { throw lost(statement.name) }
  }

  func sendUnprepared(_ connection: OpaquePointer, _ statement: AnyStatement) throws {
    let types = statement.parameters.slots.map(\.type.rawValue)
    let sent = try withValues(of: statement) { values, lengths, formats in
      PQsendQueryParams(connection, statement.sql, Int32(types.count), types, values, lengths, formats, 1)
    }
    guard sent == 1 else { throw lost(statement.name) }
  }

  /// The values point into the parameters' one buffer; libpq copies them while sending.
  private func withValues(
    of statement: AnyStatement, _ send: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Int32
  ) throws -> Int32 {
    let slots = statement.parameters.slots
    guard slots.count <= Self.maximumParameters else {
      throw PostgresError(
        code: .misuse, message: "a statement has at most \(Self.maximumParameters) parameters; pass arrays",
        statement: statement.name)
    }
    // The limit of a message is an Int32 too (manual, 55.7).
    guard statement.parameters.bytes.count < Int(Int32.max) / 2 else {
      throw PostgresError(code: .misuse, message: "the parameters exceed 1 GiB", statement: statement.name)
    }
    return statement.parameters.bytes.withUnsafeBytes { bytes in
      // Not nil even for an empty buffer: to libpq nil is NULL.
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1) { empty in
        let values = slots.map { slot -> UnsafePointer<CChar>? in
          guard let length = slot.length else { return nil }
          guard length > 0, let base = bytes.baseAddress else { return UnsafePointer(empty.baseAddress!) }
          return (base + slot.offset).assumingMemoryBound(to: CChar.self)
        }
        let lengths = slots.map { Int32($0.length ?? 0) }
        return send(values, lengths, [Int32](repeating: 1, count: slots.count))
      }
    }
  }
}
