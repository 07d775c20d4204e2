/// The growing right edge of a log: on each tile level the hashes of the tile that is not full yet. Appending costs one node
/// hash per leaf, and yields each tile at the moment it is full.
package struct TileTree: Sendable, Equatable {
  package private(set) var size: UInt64
  /// By tile level, lowest first.
  package private(set) var edge: [[NodeHash]]

  package init() {
    size = 0
    edge = []
  }

  /// Continues a log. Throws unless the edge has on each level as many hashes as `size` says.
  package init(size: UInt64, edge: [[NodeHash]]) throws {
    for (level, hashes) in edge.enumerated()
    where UInt64(hashes.count) != TileID.hashes(onLevel: level, size: size) % TileID.width {
      throw FormatError("the edge of the log has \(hashes.count) hashes on level \(level), which do not fit its size")
    }
    guard TileID.hashes(onLevel: edge.count, size: size) == 0 else {
      throw FormatError("the edge of the log has \(edge.count) levels, which are too few for its size")
    }
    self.size = size
    self.edge = edge
  }

  /// Adds a leaf's hash; full tiles are appended to `tiles`.
  package mutating func append(_ leaf: NodeHash, completing tiles: inout [Tile]) {
    size += 1
    var hash = leaf
    var level = 0
    while true {
      if level == edge.count { edge.append([]) }
      edge[level].append(hash)
      guard edge[level].count == 256 else { return }
      let number = TileID.hashes(onLevel: level, size: size) / TileID.width - 1
      let tile = Tile(id: TileID(level: level, number: number), hashes: edge[level])
      tiles.append(tile)
      edge[level].removeAll(keepingCapacity: true)
      hash = tile.root
      level += 1
    }
  }

  /// The partial tiles, lowest level first.
  package var partialTiles: [Tile] {
    edge.enumerated().compactMap { level, hashes in
      guard !hashes.isEmpty else { return nil }
      let number = TileID.hashes(onLevel: level, size: size) / TileID.width
      return Tile(id: TileID(level: level, number: number, width: hashes.count), hashes: hashes)
    }
  }

  package var root: NodeHash {
    var perfect: [NodeHash] = []
    for hashes in edge.reversed() {
      var start = 0
      for node in NodeID.cover(0..<UInt64(hashes.count)) {
        let count = 1 << node.level
        perfect.append(Tile.root(of: hashes[start..<start + count]))
        start += count
      }
    }
    return NodeID.fold(perfect)
  }
}
