/// A canonical set of rights: sorted, without duplicates, each in the target's own notation.
///
/// PostgreSQL's notation, `*` standing for the database of shared objects:
/// - `member:<role>`: a group it was put into, and predefined roles (`pg_…`) that it reaches through any of them
/// - `admin:<role>`: may put others into the role
/// - `attribute:<createdb|createrole|superuser|replication|bypassrls>`: its own, or of a role that it can act as
/// - `acl:<database>:<kind>:<object>:<privilege>`, with `*` after the privilege where it may be passed on
/// - `owner:<database>:<kind>:<object>`
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
