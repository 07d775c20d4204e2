/// A canonical set of rights: sorted, without duplicates, each in the target's own notation.
///
/// PostgreSQL's notation: `member:<role>`, `attribute:<createdb|createrole|superuser|replication|bypassrls>`,
/// `acl:<database>:<kind>:<object>`.
package struct PrivilegeSet: Sendable, Hashable {
  package let entries: [String]

  package init(_ entries: some Sequence<String>) {
    self.entries = Set(entries).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  package static let none = PrivilegeSet([])

  /// What `self` has and `other` has not.
  package func subtracting(_ other: PrivilegeSet) -> PrivilegeSet {
    let others = Set(other.entries)
    return PrivilegeSet(entries.filter { !others.contains($0) })
  }

  package var isEmpty: Bool { entries.isEmpty }
}
