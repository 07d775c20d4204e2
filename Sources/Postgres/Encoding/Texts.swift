extension String: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .text }
  package static var postgresArrayType: PostgresType { .textArray }

  package func encode(into buffer: inout [UInt8]) {
    var text = self
    text.withUTF8 { buffer.append(contentsOf: $0) }
  }

  /// Reads text, varchar, name, json and every enumeration or domain over text: all send plain UTF-8.
  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    // The types whose binary format is not text. A list of the others is impossible: enumerations have oids of their own.
    switch type {
    case .bool, .bytea, .int2, .int4, .int8, .oid, .xid8, .float4, .float8, .numeric, .date, .timestamp, .timestamptz,
      .interval, .uuid, .jsonb:
      throw Self.mismatch(type, "read it with its own type, or cast it to text in the statement")
    default:
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw Self.mismatch(type, "it is not UTF-8; cast it to text in the statement")
      }
      self = text
    }
  }
}

/// A JSON document as its text; this module neither parses nor checks it, the server does.
package struct JSONText: Hashable, Sendable, PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package let text: String

  package init(_ text: String) { self.text = text }

  package init(text: String) { self.text = text }

  package static var postgresType: PostgresType { .jsonb }
  package static var postgresArrayType: PostgresType { .jsonbArray }

  // The binary format of jsonb is a version, which is 1, and the text (jsonb_recv).
  package func encode(into buffer: inout [UInt8]) {
    buffer.append(1)
    text.encode(into: &buffer)
  }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    switch type {
    case .json:
      text = try String(decoding: bytes, type: .json)
    case .jsonb where bytes.first == 1:
      text = try String(decoding: UnsafeRawBufferPointer(rebasing: bytes.dropFirst()), type: .json)
    default:
      throw Self.mismatch(type)
    }
  }
}
