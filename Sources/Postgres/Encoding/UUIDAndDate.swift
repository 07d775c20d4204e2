package import FoundationEssentials

extension UUID: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .uuid }
  package static var postgresArrayType: PostgresType { .uuidArray }

  package func encode(into buffer: inout [UInt8]) {
    withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) }
  }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    guard type == .uuid, bytes.count == 16 else { throw Self.mismatch(type) }
    self.init(uuid: bytes.loadUnaligned(as: uuid_t.self))
  }
}

/// As `timestamptz`, microseconds. `.distantFuture` and `.distantPast` stand for `infinity` and `-infinity`.
extension Date: PostgresEncodable, PostgresDecodable, PostgresArrayElement {
  package static var postgresType: PostgresType { .timestamptz }
  package static var postgresArrayType: PostgresType { .timestamptzArray }

  /// Seconds from PostgreSQL's epoch, 2000-01-01, to Foundation's, 2001-01-01.
  private static let epochDistance: Double = 31_622_400
  /// Microseconds from 1970 to PostgreSQL's epoch.
  private static let postgresEpoch: Double = 946_684_800_000_000

  private var sincePostgresEpoch: Double {
    ((timeIntervalSinceReferenceDate + Self.epochDistance) * 1_000_000).rounded()
  }

  /// Whole microseconds since 1970, as the database keeps this moment: the same before it was stored and after. A double
  /// has other fractions in another epoch, so `timeIntervalSince1970` may round to a neighbour.
  package var microsecondsSince1970: Double { sincePostgresEpoch + Self.postgresEpoch }

  package func encode(into buffer: inout [UInt8]) {
    if self >= .distantFuture { return buffer.appendBigEndian(Int64.max) }
    if self <= .distantPast { return buffer.appendBigEndian(Int64.min) }
    buffer.appendBigEndian(Int64(sincePostgresEpoch))
  }

  package init(decoding bytes: UnsafeRawBufferPointer, type: PostgresType) throws {
    guard type == .timestamptz, let microseconds = bytes.bigEndian(at: 0, as: Int64.self) else {
      throw Self.mismatch(type, "only timestamptz is a point in time; cast the column")
    }
    switch microseconds {
    case .max: self = .distantFuture
    case .min: self = .distantPast
    default: self.init(timeIntervalSinceReferenceDate: Double(microseconds) / 1_000_000 - Self.epochDistance)
    }
  }
}
