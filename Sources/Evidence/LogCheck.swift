package import MerkleLog

/// Compares the database's leaves with their sealed hashes, and these with what was published: finds what a superuser changed,
/// and names the first leaf.
package struct LogCheck: Sendable {
  package struct Finding: Sendable, Equatable {
    /// The first bad leaf; nil: the log as a whole.
    package let index: UInt64?
    package let text: String
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
    guard let head = try await reader.head() else { return Finding(index: nil, text: "there is no log") }
    let known = try await store?.newestCheckpoint().map { try KnownCheckpoint($0, key: key) }
    let pruned = try await reader.prunedTiles()
    var range = CompactRange()
    var start: UInt64 = 0
    let end = max(head.size, known?.size ?? 0)
    while start < end {
      let part = start..<min(start + Self.batch, end)
      if let finding = try await check(part, known?.size ?? 0, pruned, &range) { return finding }
      start = part.upperBound
      if start == known?.size, range.root != known?.root {
        return Finding(index: nil, text: "the first \(start) leaves do not have the published root")
      }
    }
    guard range.size == head.size, range.root == head.root else {
      return Finding(index: nil, text: "the leaves do not have the root of the log's head")
    }
    return try await checkNote(head)
  }

  private func check(
    _ part: Range<UInt64>, _ published: UInt64, _ pruned: Set<Int64>, _ range: inout CompactRange
  ) async throws -> Finding? {
    let leaves = try await reader.entries(part)
    let sealed = try await reader.sealedHashes(part)
    let outside = try await publishedHashes(part.lowerBound..<min(part.upperBound, max(published, part.lowerBound)))
    for (offset, index) in part.enumerated() {
      let leaf = leaves[offset].map { NodeHash.leaf($0) }
      let wanted = offset < outside.count ? outside[offset] : sealed[offset]
      guard let wanted else { return Finding(index: index, text: "it is missing in the log") }
      if let hash = sealed[offset] {
        if hash != wanted { return Finding(index: index, text: "its sealed hash is not the published one") }
      } else {
        return Finding(index: index, text: "it was published, and is missing in the database")
      }
      if let leaf {
        if leaf != wanted { return Finding(index: index, text: "its bytes are not those that were sealed") }
      } else if !pruned.contains(Int64(index / TileID.width)) {
        return Finding(index: index, text: "its bytes are missing")
      }
      range.append(wanted)
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

  private func checkNote(_ head: LogHead) async throws -> Finding? {
    guard head.size > 0 else { return nil }
    guard let note = head.note, let known = try? KnownCheckpoint(note, key: key) else {
      return Finding(index: nil, text: "the log's head is not signed by its key")
    }
    guard known.size == head.size, known.root == head.root else {
      return Finding(index: nil, text: "the log's head is not what was signed")
    }
    return nil
  }
}
