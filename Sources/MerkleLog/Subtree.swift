/// A perfect subtree: the root over leaves `index · 2^level ..< (index + 1) · 2^level`.
package struct NodeID: Hashable, Sendable {
  package let level: Int
  package let index: UInt64

  package init(level: Int, index: UInt64) {
    self.level = level
    self.index = index
  }

  package var leaves: Range<UInt64> { index << UInt64(level)..<(index + 1) << UInt64(level) }

  /// The perfect subtrees, left to right, whose leaves are those of `range`. Every range that a proof names begins at a
  /// multiple of a power of two that is not smaller than its length.
  package static func cover(_ range: Range<UInt64>) -> [NodeID] {
    var nodes: [NodeID] = []
    var start = range.lowerBound
    while start < range.upperBound {
      var level = start == 0 ? 63 : start.trailingZeroBitCount
      while UInt64(1) << UInt64(level) > range.upperBound - start { level -= 1 }
      nodes.append(NodeID(level: level, index: start >> UInt64(level)))
      start += UInt64(1) << UInt64(level)
    }
    return nodes
  }

  /// The root over the subtrees of a cover: RFC 6962 splits at the largest power of two, so the rightmost go together first.
  package static func fold(_ hashes: some BidirectionalCollection<NodeHash>) -> NodeHash {
    guard var root = hashes.last else { return .emptyTree }
    for hash in hashes.dropLast().reversed() { root = .node(hash, root) }
    return root
  }
}

extension UInt64 {
  /// The largest power of two below it; it is at least 2.
  var split: UInt64 { 1 << UInt64(63 - (self - 1).leadingZeroBitCount) }
}

/// Roots of perfect subtrees, wherever they are kept.
package protocol NodeSource {
  func hash(of node: NodeID) throws -> NodeHash
}

extension NodeSource {
  /// The root of the tree over the leaves of `range`.
  package func root(of range: Range<UInt64>) throws -> NodeHash {
    NodeID.fold(try NodeID.cover(range).map(hash))
  }

  package func root(size: UInt64) throws -> NodeHash { try root(of: 0..<size) }
}
