package import Foundation

/// What a company outside may connect to, and until when that holds.
package struct Vendor: Sendable, Equatable {
  package var name: String
  /// External id of the person inside who answers for it.
  package var sponsor: String
  package var contractFrom: Date
  package var contractUntil: Date
  package var reviewValidUntil: Date
  /// Names.
  package var allowedTargets: [String]
  package var scopes: [String]
  package var clientIDs: [String]
  package var redirectDomains: [String]

  package init(
    name: String, sponsor: String, contractFrom: Date, contractUntil: Date, reviewValidUntil: Date,
    allowedTargets: [String] = [], scopes: [String] = [], clientIDs: [String] = [], redirectDomains: [String] = []
  ) {
    self.name = name
    self.sponsor = sponsor
    self.contractFrom = contractFrom
    self.contractUntil = contractUntil
    self.reviewValidUntil = reviewValidUntil
    self.allowedTargets = allowedTargets
    self.scopes = scopes
    self.clientIDs = clientIDs
    self.redirectDomains = redirectDomains
  }

  func validate() throws(GovernanceError) {
    _ = try FieldRule.text(name, field: "vendor", maximum: 100)
    guard contractUntil > contractFrom else { throw FieldRule.invalid("contract-until", "after contract-from") }
    for (field, values) in [
      ("scope", scopes), ("client-id", clientIDs), ("redirect-domain", redirectDomains), ("target", allowedTargets),
    ] {
      guard values.count <= 200 else { throw FieldRule.invalid(field, "at most 200 entries") }
      for value in values { _ = try FieldRule.text(value, field: field, maximum: 300) }
    }
  }
}

/// Rights in canonical form: trimmed, each once, sorted. Equal sets have equal digests, however they were written.
package struct EntitlementSet: Sendable, Equatable {
  package let rights: [String]

  package init(_ rights: [String]) {
    self.rights = Set(rights.map { $0.trimmingCharacters(in: .whitespaces) }).filter { !$0.isEmpty }.sorted()
  }

  /// SHA-256 over the rights, each with a line feed.
  package var digest: RequestDigest {
    RequestDigest(of: rights.flatMap { Array($0.utf8) + [10] })
  }

  /// In this set and not in the other.
  package func beyond(_ other: EntitlementSet) -> [String] { rights.filter { !other.rights.contains($0) } }
}
