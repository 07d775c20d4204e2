package import Foundation
import Postgres

/// A moment in whole microseconds since 1970, UTC: what the database keeps, and exact in JSON. Time zones and daylight
/// saving do not exist here.
package struct FactTime: Sendable, Hashable, Comparable, Codable {
  package let microseconds: Int64

  package init(microseconds: Int64) { self.microseconds = microseconds }

  /// Times that 64 bits cannot hold become the earliest or latest ones.
  package init(_ date: Date) {
    let value = date.microsecondsSince1970
    if value >= 9.2e18 {
      self = .never
    } else if value <= -9.2e18 {
      self = .always
    } else {
      microseconds = Int64(value)
    }
  }

  package static let never = FactTime(microseconds: .max)
  package static let always = FactTime(microseconds: .min)

  package init(from decoder: any Decoder) throws {
    microseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(microseconds)
  }

  package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

  /// Saturates.
  package func adding(seconds: Double) -> FactTime {
    let (sum, overflow) = microseconds.addingReportingOverflow(Int64(min(max(seconds * 1e6, -9e18), 9e18)))
    if overflow { return seconds < 0 ? .always : .never }
    return FactTime(microseconds: sum)
  }

  package var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1e6) }
}
