/// The leaves of one tile of level 0: each `uint16` length, big-endian, and its bytes.
package enum EntryBundle {
  /// The most that one leaf may have: what the length can say. Leaves of evidence are smaller, `EvidenceLeaf.maximumSize`.
  package static let maximumLeaf = Int(UInt16.max)

  package static func encode(_ leaves: some Sequence<[UInt8]>) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for leaf in leaves {
      guard leaf.count <= maximumLeaf else { throw FormatError("a leaf of \(leaf.count) bytes does not fit a bundle") }
      bytes.append(UInt8(leaf.count >> 8))
      bytes.append(UInt8(leaf.count & 255))
      bytes.append(contentsOf: leaf)
    }
    return bytes
  }

  /// - Parameter maximumCount: more leaves than this are an error.
  package static func decode(_ bytes: some RandomAccessCollection<UInt8>, maximumCount: Int) throws -> [[UInt8]] {
    var leaves: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard leaves.count < maximumCount else { throw FormatError("there are more than \(maximumCount) leaves") }
      guard rest.count >= 2 else { throw FormatError("the bundle ends within the length of leaf \(leaves.count)") }
      let first = rest.removeFirst()
      let count = Int(first) << 8 | Int(rest.removeFirst())
      guard rest.count >= count else { throw FormatError("the bundle ends within leaf \(leaves.count)") }
      leaves.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return leaves
  }
}
