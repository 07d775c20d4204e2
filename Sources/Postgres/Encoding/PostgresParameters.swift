/// A statement's parameters, `$1` first, in one contiguous buffer. Prints and reflects their number only.
package struct PostgresParameters: Sendable, CustomStringConvertible, CustomReflectable {
  struct Slot: Sendable {
    let type: PostgresType
    let offset: Int
    /// Nil: NULL.
    let length: Int?
  }

  private(set) var bytes: [UInt8] = []
  private(set) var slots: [Slot] = []

  package init() {}

  package mutating func append<T: PostgresEncodable>(_ value: T) {
    let start = bytes.count
    value.encode(into: &bytes)
    slots.append(Slot(type: T.postgresType, offset: start, length: bytes.count - start))
  }

  /// `nil` is NULL of the type `T`.
  package mutating func append<T: PostgresEncodable>(_ value: T?) {
    if let value { return append(value) }
    slots.append(Slot(type: T.postgresType, offset: bytes.count, length: nil))
  }

  package var count: Int { slots.count }

  package var description: String { "\(slots.count) parameters" }

  package var customMirror: Mirror { Mirror(self, children: []) }
}
