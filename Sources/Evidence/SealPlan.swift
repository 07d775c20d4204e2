import MerkleLog

/// What one commit recorded and nobody has sealed.
struct UnsealedBatch: Sendable {
  let id: Int64
  let hashes: [NodeHash]
}

/// The log after some batches were put at its end: pure.
struct SealPlan: Sendable {
  let oldSize: UInt64
  let batches: [Int64]
  let tree: TileTree
  /// That became full.
  let tiles: [Tile]
  let root: NodeHash

  init(_ batches: [UnsealedBatch], onto tree: TileTree) {
    var (tree, tiles) = (tree, [Tile]())
    oldSize = tree.size
    for batch in batches {
      for hash in batch.hashes { tree.append(hash, completing: &tiles) }
    }
    self.batches = batches.map(\.id)
    self.tiles = tiles
    self.tree = tree
    root = tree.root
  }
}
