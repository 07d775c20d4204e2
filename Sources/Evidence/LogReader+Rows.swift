import Foundation
import MerkleLog

/// What the check and the repair compare with what was published.
extension LogReader {
  /// The case that tells which tiles were pruned.
  private static let pruningsCase = UUID(uuidString: "00000000-0000-4000-8000-0000000000E2")!

  /// Tiles of which a leaf says that they were pruned.
  func recordedPrunings() async throws -> Set<Int64> {
    var tiles: Set<Int64> = []
    for stored in try await leaves(of: [Self.pruningsCase]) {
      guard let leaf = try? EvidenceLeaf(bytes: stored.bytes), leaf.type == .tilesPruned,
        let first = leaf.detail["first"]?.integer, let count = leaf.detail["count"]?.integer, first >= 0,
        (1...10_000).contains(count)
      else { continue }
      tiles.formUnion(first..<first + count)
    }
    return tiles
  }

  /// By index; those that are not there are missing.
  func rows(_ range: Range<UInt64>) async throws -> [UInt64: StoredRow] {
    let found = try await client.query(FindRows(first: Int64(range.lowerBound), end: Int64(range.upperBound)))
    return Dictionary(found.map { (UInt64($0.index), $0.row) }) { first, _ in first }
  }

  /// Those that are not stored as they must be.
  func damagedTiles(_ wanted: [Tile]) async throws -> [Tile] {
    guard !wanted.isEmpty else { return [] }
    let found = try await client.query(FindStoredTiles(tiles: wanted.map(\.id)))
    return wanted.filter { tile in
      !found.contains { $0.0 == tile.id && $0.hashes == tile.bytes && $0.root == tile.root.bytes }
    }
  }
}
