package import Foundation

/// What a process knows of the life of the database, kept outside of it. A permit is granted only where the database is in
/// the place in which this life began, has this id, and a mark that is not lower: not restored, not copied, not another.
package struct IncarnationClaim: Sendable, Hashable {
  package let id: UUID
  /// The highest that this host has seen.
  package let mark: Int64

  package init(id: UUID, mark: Int64) {
    self.id = id
    self.mark = mark
  }
}
