package import Logging
package import MerkleLog

/// Copies the sealed log to a store: entry bundles and tiles first, the checkpoint last, so that what a checkpoint names is
/// there. Safe to repeat at any point.
package struct Publisher: Sendable {
  private let reader: LogReader
  private let store: any LogStore
  private let key: NoteKey
  private let witnesses: [WitnessClient]
  private let timestamps: TimestampClient?
  private let logger: Logger

  package init(
    reader: LogReader, store: any LogStore, key: NoteKey, witnesses: [WitnessClient] = [],
    timestamps: TimestampClient? = nil, logger: Logger
  ) {
    self.reader = reader
    self.store = store
    self.key = key
    self.witnesses = witnesses
    self.timestamps = timestamps
    self.logger = logger
  }

  /// Tiles written between two readings of the database.
  private static let batch = 64

  /// Publishes every `period` until cancelled; a failure is logged and tried again.
  package func run(every period: Duration) async {
    while !Task.isCancelled {
      do {
        if let size = try await publish() {
          logger.debug("evidence published", metadata: ["evidence.size": "\(size)"])
        }
      } catch {
        if Task.isCancelled { return }
        logger.warning("evidence is not published", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: period) } catch { return }
    }
  }

  /// Returns the size that is published now; nil when there was nothing new.
  @discardableResult
  package func publish() async throws -> UInt64? {
    guard let head = try await reader.head(), let note = head.note else { return nil }
    let known = try await store.newestCheckpoint().map { try KnownCheckpoint($0, key: key) }
    let oldSize = known?.size ?? 0
    guard oldSize <= head.size else {
      throw EvidenceError(
        code: .rolledBack,
        message: "\(store) has a checkpoint of \(oldSize) leaves, the database only \(head.size): it was restored")
    }
    guard oldSize < head.size else { return nil }
    if let known, known.size > 0, try await reader.root(at: known.size, in: head) != known.root {
      throw EvidenceError(
        code: .rolledBack, message: "\(store) holds another history of the log; nothing is published over it")
    }
    let pruned = try await reader.prunedTiles()
    let tiles = TileID.added(from: oldSize, to: head.size)
    for start in stride(from: 0, to: tiles.count, by: Self.batch) {
      for tile in try await reader.tiles(tiles[start..<min(start + Self.batch, tiles.count)], size: head.size) {
        if tile.id.level == 0 && !pruned.contains(Int64(tile.id.number)) { try await publishEntries(of: tile.id) }
        try await store.write(tile.id.path, tile.bytes)
      }
    }
    let cosigned = await cosign(note, oldSize: oldSize, head)
    try await store.write(DirectoryStore.checkpointPath, Array(cosigned.utf8))
    await stamp(note, head)
    return head.size
  }

  /// When it is time again: the authority's word beside the checkpoint, here and in the store. One that is away delays nothing.
  private func stamp(_ note: String, _ head: LogHead) async {
    guard let timestamps else { return }
    do {
      guard try await reader.mayStamp(after: timestamps.period) else { return }
      let (response, time) = try await timestamps.stamp(note)
      try await store.write("timestamp/\(head.size).checkpoint", Array(note.utf8))
      try await store.write("timestamp/\(head.size).tsr", response)
      try await reader.keep(StoredTimestamp(size: head.size, note: note, response: response, time: time))
    } catch {
      logger.warning("a checkpoint was not time-stamped", metadata: ["error": "\(error)"])
    }
  }

  private func publishEntries(of tile: TileID) async throws {
    let first = tile.number * TileID.width
    let leaves = try await reader.entries(first..<first + UInt64(tile.width))
    guard let missing = leaves.firstIndex(of: nil) else {
      return try await store.write(tile.entriesPath, try EntryBundle.encode(leaves.compactMap { $0 }))
    }
    throw EvidenceError(code: .damaged, message: "leaf \(first + UInt64(missing)) is missing in the database")
  }

  /// With the signatures of all witnesses that answer: one that is away delays nothing.
  private func cosign(_ note: String, oldSize: UInt64, _ head: LogHead) async -> String {
    var lines = note
    for witness in witnesses {
      do {
        lines += try await witness.cosign(note, in: head, reader: reader).line
      } catch {
        logger.warning("a witness did not sign", metadata: ["witness": "\(witness.key.name)", "error": "\(error)"])
      }
    }
    return lines
  }
}
