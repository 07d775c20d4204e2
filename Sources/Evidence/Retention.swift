package import Foundation
package import MerkleLog
package import Postgres

/// How long leaves of a type are kept. Pruning takes them in whole tiles, and only when every leaf of the tile is over.
package struct Retention: Sendable, Equatable {
  package let type: EventType
  /// Nil: for ever.
  package let days: Int32?

  /// A period under audit is a year; the leaves of one that just ended must still be there.
  package static let allowedDays: ClosedRange<Int32> = 365...36_500

  /// What says why other leaves are not there, or which log this is.
  package static let keptForEver: Set<EventType> = [
    .dataErased, .holdPlaced, .holdLifted, .tilesPruned, .logBegun, .logRepaired,
  ]

  /// Throws what is wrong, with the field's name.
  package init(type: String, days: Int32?) throws(EvidenceError) {
    guard let known = EventType(rawValue: type) else {
      throw EvidenceError(
        code: .invalidField,
        message: "type: there are no leaves of type \"\(type.prefix(40))\"; `keyturn audit retention` lists the types")
    }
    guard days == nil || !Self.keptForEver.contains(known) else {
      throw EvidenceError(
        code: .invalidField,
        message: "type: leaves of type \(known.rawValue) explain what is missing elsewhere and are kept for ever")
    }
    if let days, !Self.allowedDays.contains(days) {
      throw EvidenceError(
        code: .invalidField,
        message:
          "days: \(days) is not \(Self.allowedDays.lowerBound) to \(Self.allowedDays.upperBound); or give --for-ever"
      )
    }
    self.type = known
    self.days = days
  }

  fileprivate init(type: EventType, stored days: Int32?) {
    self.type = type
    self.days = days
  }
}

extension LogReader {
  /// Of every type, by name.
  package func retentions() async throws -> [Retention] {
    let stored = Dictionary(uniqueKeysWithValues: try await client.query(FindRetentions()))
    return EventType.allCases.sorted { $0.rawValue < $1.rawValue }
      .map { Retention(type: $0, stored: stored[$0.rawValue]) }
  }
}

extension EvidenceLog {
  /// From now on; what was pruned does not come back. Durable with the caller's transaction, and a leaf of its own. Returns
  /// the days before; nil: for ever.
  package func keep(
    _ retention: Retention, by actor: UUID, reason: String, in transaction: Transaction
  ) async throws -> Int32? {
    try await transaction.queryFirst(
      SetRetention(retention: retention, actor: actor, reason: try Self.valid(reason))) ?? nil
  }
}

private struct FindRetentions: Statement {
  static let sql = "SELECT r.type, floor(extract(epoch FROM r.keep) / 86400)::integer FROM evidence.retention AS r"

  static func decode(_ row: PostgresRow) throws -> (String, Int32) { (try row[0], try row[1]) }
}

private struct SetRetention: Statement {
  static let sql = "SELECT evidence.keep($1, $2, $3, $4)"

  let retention: Retention
  let actor: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(retention.type.rawValue)
    parameters.append(retention.days)
    parameters.append(actor)
    parameters.append(reason)
  }

  static func decode(_ row: PostgresRow) throws -> Int32? { try row[0] }
}
