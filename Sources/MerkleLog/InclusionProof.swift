/// That a leaf is in a tree: RFC 9162, section 2.1.3.
package struct InclusionProof: Sendable, Equatable {
  package let index: UInt64
  package let size: UInt64
  /// From the leaf to the root.
  package let path: [NodeHash]

  package init(index: UInt64, size: UInt64, path: [NodeHash]) {
    self.index = index
    self.size = size
    self.path = path
  }

  /// The leaves below each hash of the path, from the leaf to the root.
  package static func ranges(index: UInt64, size: UInt64) throws -> [Range<UInt64>] {
    guard index < size else { throw FormatError("there is no leaf \(index) in a log of \(size)") }
    var ranges: [Range<UInt64>] = []
    var (low, high) = (UInt64(0), size)
    while high - low > 1 {
      let middle = low + (high - low).split
      if index < middle {
        ranges.append(middle..<high)
        high = middle
      } else {
        ranges.append(low..<middle)
        low = middle
      }
    }
    return ranges.reversed()
  }

  package static func make(index: UInt64, size: UInt64, from source: some NodeSource) throws -> InclusionProof {
    InclusionProof(index: index, size: size, path: try ranges(index: index, size: size).map(source.root(of:)))
  }

  /// The root that follows from the leaf. Nil when the path has not exactly as many hashes as it must.
  package func root(leaf: NodeHash) -> NodeHash? {
    guard index < size else { return nil }
    var (node, last, hash) = (index, size - 1, leaf)
    for sibling in path {
      if last == 0 { return nil }
      if node & 1 == 1 || node == last {
        hash = .node(sibling, hash)
        while node & 1 == 0 && node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        hash = .node(hash, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 ? hash : nil
  }

  package func verifies(leaf: NodeHash, root: NodeHash) -> Bool { self.root(leaf: leaf) == root }
}
