/// The perfect subtrees of a tree's left edge, largest first: all that is needed to append, and to know the root.
package struct CompactRange: Sendable, Equatable {
  package private(set) var size: UInt64
  package private(set) var hashes: [NodeHash]

  package init() {
    size = 0
    hashes = []
  }

  /// Nil unless there is a hash for each bit of `size`.
  package init?(size: UInt64, hashes: [NodeHash]) {
    guard hashes.count == size.nonzeroBitCount else { return nil }
    self.size = size
    self.hashes = hashes
  }

  package mutating func append(_ leaf: NodeHash) {
    var hash = leaf
    var rest = size
    while rest & 1 == 1 {
      hash = .node(hashes.removeLast(), hash)
      rest >>= 1
    }
    hashes.append(hash)
    size += 1
  }

  package var root: NodeHash { NodeID.fold(hashes) }
}
