/// Up to 256 neighbouring hashes of one tile level, as in c2sp.org/tlog-tiles. Tile level L holds tree level 8 · L: a full
/// tile's root is one hash of the level above.
package struct TileID: Hashable, Sendable {
  package static let width: UInt64 = 256

  package let level: Int
  package let number: UInt64
  /// Hashes in it, 1…256; 256 is a full tile, which never changes.
  package let width: Int

  package init(level: Int, number: UInt64, width: Int = 256) {
    self.level = level
    self.number = number
    self.width = width
  }

  package var isFull: Bool { width == 256 }

  /// `tile/<L>/<N>[.p/<W>]`.
  package var path: String { "tile/\(level)/" + Self.place(number, width) }

  /// `tile/entries/<N>[.p/<W>]`: the leaves of a tile of level 0.
  package var entriesPath: String { "tile/entries/" + Self.place(number, width) }

  /// Groups of three digits, all but the last with an x: 1234067 is `x001/x234/067`.
  static func place(_ number: UInt64, _ width: Int) -> String {
    var rest = number / 1000
    var text = pad(number % 1000)
    while rest > 0 {
      text = "x" + pad(rest % 1000) + "/" + text
      rest /= 1000
    }
    return width == 256 ? text : text + ".p/\(width)"
  }

  private static func pad(_ value: UInt64) -> String {
    let digits = String(value)
    return String(repeating: "0", count: 3 - digits.count) + digits
  }

  /// Hashes on tile level `level` in a log of `size` leaves.
  package static func hashes(onLevel level: Int, size: UInt64) -> UInt64 {
    8 * level >= 64 ? 0 : size >> UInt64(8 * level)
  }

  /// Every tile of a log of `size` leaves that one of `oldSize` does not have, the partial ones last on their level.
  package static func added(from oldSize: UInt64, to size: UInt64) -> [TileID] {
    var tiles: [TileID] = []
    var level = 0
    while true {
      let (before, count) = (hashes(onLevel: level, size: oldSize), hashes(onLevel: level, size: size))
      guard count > 0 else { return tiles }
      if count > before {
        for number in before / width..<count / width { tiles.append(TileID(level: level, number: number)) }
        if count % width > 0 {
          tiles.append(TileID(level: level, number: count / width, width: Int(count % width)))
        }
      }
      level += 1
    }
  }

  /// The tile of a log of `size` leaves that holds, or from which follows, a perfect subtree.
  package static func holding(_ node: NodeID, size: UInt64) -> TileID {
    let level = node.level / 8
    let number = (node.index << UInt64(node.level % 8)) / width
    let count = hashes(onLevel: level, size: size)
    return TileID(level: level, number: number, width: Int(min(width, count - min(count, number * width))))
  }
}

/// A tile with its hashes.
package struct Tile: Sendable, Equatable {
  package let id: TileID
  package let hashes: [NodeHash]

  package init(id: TileID, hashes: [NodeHash]) {
    self.id = id
    self.hashes = hashes
  }

  /// Throws when the length is not that of the tile.
  package init(id: TileID, bytes: [UInt8]) throws {
    guard bytes.count == id.width * NodeHash.byteCount else {
      throw FormatError("\(id.path) has \(bytes.count) bytes instead of \(id.width * NodeHash.byteCount)")
    }
    self.id = id
    hashes = bytes.withUnsafeBytes { memory in
      (0..<id.width).map { NodeHash(unaligned: UnsafeRawBufferPointer(rebasing: memory[($0 * 32)...])) }
    }
  }

  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(hashes.count * NodeHash.byteCount)
    for hash in hashes { hash.append(to: &bytes) }
    return bytes
  }

  /// The root over all hashes of a full tile: one hash of the level above.
  package var root: NodeHash { Self.root(of: hashes) }

  /// The hash of a perfect subtree inside the tile. Nil when it is not there.
  package func hash(of node: NodeID) -> NodeHash? {
    let depth = node.level - 8 * id.level
    guard (0...8).contains(depth) else { return nil }
    let first = (node.index << UInt64(depth)) &- id.number * TileID.width
    guard first < UInt64(hashes.count), first + (1 << UInt64(depth)) <= UInt64(hashes.count) else { return nil }
    return Self.root(of: hashes[Int(first)..<Int(first) + (1 << depth)])
  }

  static func root(of hashes: some Collection<NodeHash>) -> NodeHash {
    var level = Array(hashes)
    while level.count > 1 {
      for index in 0..<level.count / 2 { level[index] = .node(level[2 * index], level[2 * index + 1]) }
      level.removeLast(level.count - level.count / 2)
    }
    return level.first ?? .emptyTree
  }
}

/// The tiles of a log in memory, each read once.
package struct TileCache: NodeSource {
  package let size: UInt64
  private let tiles: [TileID: Tile]

  package init(size: UInt64, tiles: some Sequence<Tile>) {
    self.size = size
    self.tiles = Dictionary(tiles.map { ($0.id, $0) }) { first, _ in first }
  }

  /// The tiles that hold all these subtrees.
  package static func needed(for ranges: [Range<UInt64>], size: UInt64) -> Set<TileID> {
    Set(ranges.flatMap(NodeID.cover).map { TileID.holding($0, size: size) })
  }

  package func hash(of node: NodeID) throws -> NodeHash {
    let id = TileID.holding(node, size: size)
    guard let hash = tiles[id]?.hash(of: node) else { throw FormatError("the log has no \(id.path)") }
    return hash
  }
}
