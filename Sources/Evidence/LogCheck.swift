package import MerkleLog

/// Compares the database's leaves with their sealed hashes, and these with what was published: finds what a superuser changed,
/// and names the first leaf.
package struct LogCheck: Sendable {
  package struct Finding: Sendable, Equatable {
    /// The first bad leaf; nil: the log as a whole.
    package let index: UInt64?
    package let text: String
    /// Whether a published checkpoint vouches for that leaf, so that it can be put back.
    package var isPublished = false

    /// What to do.
    package var remedy: String {
      isPublished
        ? "find out who could change it; then `keyturn audit repair` previews what it would put back as it was published"
        : "no published copy has it: restore a copy of the database that is sound, or see `keyturn audit new-log`"
    }
  }

  private let reader: LogReader
  private let store: (any LogStore)?
  private let key: NoteKey

  /// - Parameter store: where it was published; nil: only what the database says of itself.
  package init(reader: LogReader, store: (any LogStore)?, key: NoteKey) {
    self.reader = reader
    self.store = store
    self.key = key
  }

  /// Leaves per reading.
  private static let batch: UInt64 = 4096

  /// Nil: everything fits. Stops at the first leaf that does not.
  package func run() async throws -> Finding? {
    guard var finding = try await find() else { return nil }
    let known = try await store?.newestCheckpoint().map { try KnownCheckpoint($0, key: key) }
    finding.isPublished = known.map { (finding.index ?? 0) < $0.size } ?? false
    return finding
  }

  private func find() async throws -> Finding? {
    guard let head = try await reader.head() else { return Finding(index: nil, text: "there is no log") }
    let known = try await store?.newestCheckpoint().map { try KnownCheckpoint($0, key: key) }
    let marked = try await reader.prunedTiles()
    let pruned = marked.intersection(try await reader.recordedPrunings())
    let signed = head.note.flatMap { try? KnownCheckpoint($0, key: key) }
    var range = TileTree()
    var start: UInt64 = 0
    /// How far the leaves were found to have a root that the log's key has signed.
    var vouched: UInt64 = 0
    let end = max(head.size, known?.size ?? 0)
    let stops = [known?.size, signed?.size, end].compactMap { $0 }
    while start < end {
      let stop = stops.filter { $0 > start }.min() ?? end
      let part = start..<min(start + Self.batch, stop)
      if let finding = try await check(part, known?.size ?? 0, pruned, marked, &range) { return finding }
      start = part.upperBound
      if start == known?.size, range.root != known?.root {
        return Finding(index: nil, text: "the first \(start) leaves do not have the published root")
      }
      if start == known?.size || start == signed?.size && range.root == signed?.root { vouched = start }
    }
    guard range.size == head.size, range.root == head.root else {
      return Finding(
        index: vouched < end ? vouched : nil,
        text: "from here on the leaves do not have the root of the log's head")
    }
    return checkNote(head, signed, vouched)
  }

  private func check(
    _ part: Range<UInt64>, _ published: UInt64, _ pruned: Set<Int64>, _ marked: Set<Int64>,
    _ range: inout TileTree
  ) async throws -> Finding? {
    let rows = try await reader.rows(part)
    let sealed = try await reader.sealedHashes(part)
    let outside = try await publishedHashes(part.lowerBound..<min(part.upperBound, max(published, part.lowerBound)))
    for (offset, index) in part.enumerated() {
      let row = rows[index]
      let wanted = offset < outside.count ? outside[offset] : sealed[offset]
      guard let wanted else { return Finding(index: index, text: "it is missing in the log") }
      if let hash = sealed[offset] {
        if hash != wanted { return Finding(index: index, text: "its sealed hash is not the published one") }
      } else {
        return Finding(index: index, text: "it was published, and is missing in the database")
      }
      if let row {
        if NodeHash.leaf(row.bytes) != wanted {
          return Finding(index: index, text: "its bytes are not those that were sealed")
        }
        if !row.isTrue {
          return Finding(
            index: index, text: "its row does not say what its bytes say: type, time or place were changed")
        }
      } else if !pruned.contains(Int64(index / TileID.width)) {
        return Finding(index: index, text: "its bytes are missing")
      }
      if marked.contains(Int64(index / TileID.width)), !pruned.contains(Int64(index / TileID.width)) {
        return Finding(index: index, text: "its tile is marked as pruned, and no leaf says that it was")
      }
      var full: [Tile] = []
      range.append(wanted, completing: &full)
      if let bad = try await reader.damagedTiles(full).first {
        // Leaf hashes are right: only proofs that are made from the tile would be wrong.
        let first = bad.id.number << UInt64(8 * (bad.id.level + 1))
        return Finding(
          index: first,
          text: "the stored tile \(bad.id.level)/\(bad.id.number) from here on is not what its leaves give")
      }
    }
    return nil
  }

  private func publishedHashes(_ part: Range<UInt64>) async throws -> [NodeHash] {
    guard let store, !part.isEmpty, let note = try await store.newestCheckpoint() else { return [] }
    let size = try KnownCheckpoint(note, key: key).size
    var hashes: [NodeHash] = []
    for number in part.lowerBound / TileID.width...(part.upperBound - 1) / TileID.width {
      let width = Int(min(TileID.width, size - number * TileID.width))
      let id = TileID(level: 0, number: number, width: width)
      guard let bytes = try await store.read(id.path) else {
        throw EvidenceError(code: .store, message: "\(store) has no \(id.path)")
      }
      hashes += try Tile(id: id, bytes: bytes).hashes
    }
    return Array(hashes.prefix(part.count))
  }

  private func checkNote(_ head: LogHead, _ signed: KnownCheckpoint?, _ vouched: UInt64) -> Finding? {
    // A log that was begun anew has no head of its own until its first sealing.
    guard head.size > 0, head.note != nil else { return nil }
    guard let signed else { return Finding(index: nil, text: "the log's head is not signed by its key") }
    guard signed.size == head.size, signed.root == head.root else {
      return Finding(
        index: vouched < head.size ? vouched : nil, text: "from here on the log's head is not what was signed")
    }
    return nil
  }
}
