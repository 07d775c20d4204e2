package import Foundation

/// A feed of people: who delivers it, how fresh it must be, and how much it may change at once.
package struct IdentitySource: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// Kept by hand; never stale.
    case manual
    case csv
    case ldap
    case scim
  }

  package let name: String
  package let kind: Kind
  package let asOf: Date?
  /// Of the newest accepted delivery; 0: none yet.
  package let sequence: Int64
  /// Seconds; nil: never stale.
  package let maximumAge: Double?
  package let isQuarantined: Bool
  package let breaker: MassChangeBreaker

  package init(
    name: String, kind: Kind, asOf: Date? = nil, sequence: Int64 = 0, maximumAge: Double? = 129_600,
    isQuarantined: Bool = false, breaker: MassChangeBreaker = MassChangeBreaker()
  ) {
    self.name = name
    self.kind = kind
    self.asOf = asOf
    self.sequence = sequence
    self.maximumAge = maximumAge
    self.isQuarantined = isQuarantined
    self.breaker = breaker
  }

  package func isStale(at now: Date) -> Bool {
    guard let maximumAge else { return false }
    guard let asOf else { return true }
    return asOf.addingTimeInterval(maximumAge) <= now
  }
}

/// A feed that would take away more than the share and more than the number at once is more likely broken than true.
package struct MassChangeBreaker: Sendable, Equatable {
  /// 0…1, of the people who are active in the source.
  package let share: Double
  package let persons: Int

  package init(share: Double = 0.05, persons: Int = 20) {
    self.share = share
    self.persons = persons
  }

  package func trips(removals: Int, of active: Int) -> Bool {
    removals > persons && Double(removals) > share * Double(active)
  }
}

/// What accompanies a feed.
package struct FeedManifest: Sendable, Equatable, Codable {
  /// Data rows, without the heading.
  package let rows: Int
  /// Of the feed's bytes, lower-case hexadecimal.
  package let sha256: String
  /// When the source was as the feed says; RFC 3339 in UTC.
  package let asOf: Date
  /// Grows by any amount with every delivery.
  package let sequence: Int64

  private enum CodingKeys: String, CodingKey {
    case rows
    case sha256
    case asOf = "as_of"
    case sequence
  }

  package init(rows: Int, sha256: String, asOf: Date, sequence: Int64) {
    self.rows = rows
    self.sha256 = sha256
    self.asOf = asOf
    self.sequence = sequence
  }

  /// Throws `feed_manifest_mismatch` for anything that is not such a JSON object.
  package init(json: [UInt8]) throws(GovernanceError) {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    do {
      self = try decoder.decode(FeedManifest.self, from: Data(json))
    } catch {
      throw GovernanceError(
        code: .refused,
        message: "the manifest must be a JSON object with rows, sha256, as_of (RFC 3339, UTC) and sequence",
        reasons: [.feedManifestMismatch])
    }
  }
}
