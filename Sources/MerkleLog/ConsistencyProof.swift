/// That a larger tree begins with a smaller one: RFC 9162, section 2.1.4.
package struct ConsistencyProof: Sendable, Equatable {
  package let oldSize: UInt64
  package let newSize: UInt64
  package let path: [NodeHash]

  package init(oldSize: UInt64, newSize: UInt64, path: [NodeHash]) {
    self.oldSize = oldSize
    self.newSize = newSize
    self.path = path
  }

  /// The leaves below each hash of the path.
  package static func ranges(oldSize: UInt64, newSize: UInt64) throws -> [Range<UInt64>] {
    guard oldSize >= 1 else {
      throw FormatError("every log is consistent with the empty one; there is no proof to make or to check")
    }
    guard oldSize <= newSize else { throw FormatError("a log of \(newSize) leaves cannot extend one of \(oldSize)") }
    var ranges: [Range<UInt64>] = []
    var (low, high) = (UInt64(0), newSize)
    // The old tree is a subtree of its own as long as the search has only gone left.
    var isWhole = true
    while oldSize < high {
      let middle = low + (high - low).split
      if oldSize <= middle {
        ranges.append(middle..<high)
        high = middle
      } else {
        ranges.append(low..<middle)
        low = middle
        isWhole = false
      }
    }
    if !isWhole { ranges.append(low..<high) }
    return ranges.reversed()
  }

  package static func make(
    oldSize: UInt64, newSize: UInt64, from source: some NodeSource
  ) throws -> ConsistencyProof {
    ConsistencyProof(
      oldSize: oldSize, newSize: newSize,
      path: try ranges(oldSize: oldSize, newSize: newSize).map(source.root(of:)))
  }

  /// An old size of 0 is an error: what to believe then is the caller's decision.
  package func verifies(oldRoot: NodeHash, newRoot: NodeHash) throws -> Bool {
    guard oldSize >= 1 else { throw FormatError("a proof from the empty log proves nothing") }
    guard oldSize <= newSize else { return false }
    if oldSize == newSize { return path.isEmpty && oldRoot == newRoot }
    var rest = path[...]
    // A power of two is a complete subtree, whose hash the caller has.
    if oldSize & (oldSize - 1) == 0 { rest = ([oldRoot] + path)[...] }
    guard let first = rest.popFirst() else { return false }
    var (node, last) = (oldSize - 1, newSize - 1)
    while node & 1 == 1 {
      node >>= 1
      last >>= 1
    }
    var (old, new) = (first, first)
    for hash in rest {
      if last == 0 { return false }
      if node & 1 == 1 || node == last {
        old = .node(hash, old)
        new = .node(hash, new)
        while node & 1 == 0 && node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        new = .node(new, hash)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && old == oldRoot && new == newRoot
  }
}
