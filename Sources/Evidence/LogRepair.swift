package import Foundation
package import MerkleLog
package import Postgres

/// Finds what in the database is not as it was published, and puts it back.
///
/// The published copy is believed only as a whole: its leaves, tiles and newest checkpoint must fit, and the log's key must
/// have signed that checkpoint. What comes after it in the database is left as it is.
package struct LogRepair: Sendable {
  /// A leaf as it was published.
  package struct Leaf: Sendable, Equatable {
    let caseID: UUID
    let sequence: Int32
    let type: String
    /// Microseconds since 1970.
    let time: Int64
    let bytes: [UInt8]
    /// Retention took it from the database; it is not put back.
    var isPruned = false

    init(_ bytes: [UInt8]) throws {
      let leaf = try EvidenceLeaf(bytes: bytes)
      guard let sequence = Int32(exactly: leaf.sequence) else { throw FormatError("a leaf's place is too large") }
      (caseID, type, time) = (leaf.caseID, leaf.type.rawValue, leaf.at)
      self.sequence = sequence
      self.bytes = bytes
    }
  }

  /// Neighbouring leaves whose rows are made again.
  package struct Run: Sendable, Equatable {
    package let first: UInt64
    package let leaves: [Leaf]
  }

  /// What would be put back.
  package struct Plan: Sendable, Equatable {
    /// Of the checkpoint that vouches for it.
    package let size: UInt64
    package let root: NodeHash
    /// The head that the database has.
    let old: LogHead
    package fileprivate(set) var runs: [Run] = []
    package fileprivate(set) var tiles: [Tile] = []
    /// Tiles that are marked as pruned although no leaf says that they were: the marks go, the leaves come back.
    package fileprivate(set) var marks: [Int64] = []
    /// The signed head to put back; nil: the database's is not touched.
    package fileprivate(set) var note: String?
    /// Leaves that are not as they were published, of those that are made again.
    package fileprivate(set) var damaged: [UInt64] = []

    package var isEmpty: Bool { runs.isEmpty && tiles.isEmpty && marks.isEmpty && note == nil }
    /// Leaves in the database that were not published yet: nothing vouches for them.
    package var uncovered: UInt64 { old.size > size ? old.size - size : 0 }

    /// Of all that would be done: another damage has another one.
    package var digest: NodeHash {
      var bytes = Array("\(size) \(root) \(note ?? "")\n".utf8)
      for run in runs { bytes += Array("\(run.first) \(run.leaves.count)\n".utf8) }
      for tile in tiles { bytes += Array("\(tile.id.path) \(tile.root)\n".utf8) }
      for mark in marks { bytes += Array("pruned \(mark)\n".utf8) }
      for index in damaged { bytes += Array("\(index) ".utf8) }
      return .digest(bytes)
    }

    var detail: CanonicalJSON {
      .object([
        "damaged": .integer(Int64(damaged.count)), "digest": .string("\(digest)"),
        "first": .integer(Int64(damaged.first ?? size)), "head": .bool(note != nil),
        "leaves": .integer(Int64(runs.reduce(0) { $0 + $1.leaves.count })), "marks": .integer(Int64(marks.count)),
        "root": .string(root.base64),
        "size": .integer(Int64(size)), "tiles": .integer(Int64(tiles.count)),
      ])
    }
  }

  private let reader: LogReader
  private let store: any LogStore

  package init(reader: LogReader, store: any LogStore) {
    self.reader = reader
    self.store = store
  }

  private static let width = TileID.width
  /// Damaged leaves that one repair takes.
  package static let maximumLeaves = 100_000

  /// Reads the whole log, here and there. Throws when the published copy is not whole, or the database is not damaged but older.
  package func plan() async throws -> Plan {
    let (pruned, recorded) = (try await reader.prunedTiles(), try await reader.recordedPrunings())
    let plan = try await plan(pruned: pruned.intersection(recorded), marks: pruned.subtracting(recorded))
    // A damaged leaf may be the one that says what was pruned: it comes back first, and marks are judged by it next time.
    guard !plan.marks.isEmpty,
      plan.runs.contains(where: { $0.leaves.contains { $0.type == EventType.tilesPruned.rawValue } })
    else { return plan }
    return try await self.plan(pruned: pruned, marks: [])
  }

  private func plan(pruned: Set<Int64>, marks: Set<Int64>) async throws -> Plan {
    guard let head = try await reader.head() else {
      throw EvidenceError(code: .damaged, message: "there is no log; nothing can be put back")
    }
    let key = try NoteKey(vkey: head.vkey)
    guard let note = try await store.newestCheckpoint() else {
      throw EvidenceError(
        code: .store, message: "\(store) has no checkpoint: name the place where the log was published with --published"
      )
    }
    let known = try KnownCheckpoint(note, key: key)
    var plan = Plan(size: known.size, root: known.root, old: head)
    plan.marks = marks.filter { UInt64(max(0, $0)) < known.size / Self.width }.sorted()
    var tree = TileTree()
    var damaged: [UInt64] = []
    for number in 0..<(known.size + Self.width - 1) / Self.width {
      let id = TileID(level: 0, number: number, width: Int(min(Self.width, known.size - number * Self.width)))
      let hashes = try await publishedHashes(id)
      var full: [Tile] = []
      for hash in hashes { tree.append(hash, completing: &full) }
      plan.tiles += try await reader.damagedTiles(full)
      damaged += try await damagedLeaves(id, hashes, isPruned: pruned.contains(Int64(number)))
      if head.size < number * Self.width + UInt64(id.width) { try await checkIsHere(id, from: head.size) }
      guard damaged.count <= Self.maximumLeaves else {
        throw EvidenceError(
          code: .damaged, message: "more than \(Self.maximumLeaves) leaves are damaged: restore a copy of the database")
      }
    }
    guard tree.root == known.root else {
      throw EvidenceError(
        code: .store,
        message:
          "the tiles in \(store) do not have the root of its signed checkpoint: that copy is damaged too; use another")
    }
    plan.damaged = damaged
    plan.runs = try await runs(damaged, end: known.size, pruned)
    if head.size <= known.size, !isSound(head, known, key) {
      let signed = try SignedNote(parsing: note)
      let own = signed.signatures.filter { $0.name == key.name && $0.keyID == key.keyID }
      plan.note = SignedNote(text: signed.text, signatures: own).description
    }
    return plan
  }

  private func isSound(_ head: LogHead, _ known: KnownCheckpoint, _ key: NoteKey) -> Bool {
    guard head.size == known.size, head.root == known.root, let note = head.note else { return false }
    guard let own = try? KnownCheckpoint(note, key: key) else { return false }
    return own.size == known.size && own.root == known.root
  }

  // MARK: The published copy

  private func publishedHashes(_ id: TileID) async throws -> [NodeHash] {
    guard let bytes = try await store.read(id.path) else {
      throw EvidenceError(code: .store, message: "\(store) has no \(id.path): that copy is not whole; use another")
    }
    do {
      return try Tile(id: id, bytes: bytes).hashes
    } catch {
      throw EvidenceError(code: .store, message: "\(store), \(id.path): \(error); use another copy")
    }
  }

  /// Nil when they were never published: the tile was pruned before.
  private func publishedLeaves(_ id: TileID) async throws -> [Leaf]? {
    guard let bytes = try await store.read(id.entriesPath) else { return nil }
    do {
      let leaves = try EntryBundle.decode(bytes, maximumCount: id.width)
      let hashes = try await publishedHashes(id)
      guard leaves.count == id.width, zip(leaves, hashes).allSatisfy({ NodeHash.leaf($0) == $1 }) else {
        throw FormatError("the leaves do not have the hashes of \(id.path)")
      }
      return try leaves.map { try Leaf($0) }
    } catch let error as FormatError {
      throw EvidenceError(code: .store, message: "\(store), \(id.entriesPath): \(error); use another copy")
    }
  }

  // MARK: The database

  private func damagedLeaves(_ id: TileID, _ hashes: [NodeHash], isPruned: Bool) async throws -> [UInt64] {
    let first = id.number * Self.width
    let range = first..<first + UInt64(id.width)
    let sealed = try await reader.sealedHashes(range)
    let rows = try await reader.rows(range)
    return range.filter { index in
      let offset = Int(index - first)
      guard sealed[offset] == hashes[offset] else { return true }
      guard let row = rows[index] else { return !isPruned }
      return !row.isTrue || NodeHash.leaf(row.bytes) != hashes[offset]
    }
  }

  /// Leaves after the database's head must be in it all the same: else it is no damage, but an older copy, and what was
  /// recorded since would get places that are taken.
  private func checkIsHere(_ id: TileID, from size: UInt64) async throws {
    let first = id.number * Self.width
    let leaves = try await publishedLeaves(id)?.dropFirst(Int(size > first ? size - first : 0)) ?? []
    guard leaves.count == id.width - Int(size > first ? size - first : 0),
      try await reader.client.queryFirst(CountBodies(leaves: Array(leaves))) == Int64(leaves.count)
    else {
      throw EvidenceError(
        code: .rolledBack,
        message:
          "the database has \(size) sealed leaves and not all that were published after them: it was restored from an older "
          + "copy, which is no damage; restore a newer one, or see `keyturn audit new-log`")
    }
  }

  /// Whole batches around the damaged leaves, because a batch is sealed as one; at most a tile each.
  private func runs(_ damaged: [UInt64], end: UInt64, _ pruned: Set<Int64>) async throws -> [Run] {
    var ranges: [Range<UInt64>] = []
    for index in damaged where !(ranges.last?.contains(index) ?? false) {
      var range = index..<index + 1
      while true {
        let spans = try await reader.client.query(
          FindSpans(first: Int64(range.lowerBound), end: Int64(range.upperBound)))
        let lower = min(range.lowerBound, spans.map(\.lowerBound).min() ?? .max)
        let upper = max(range.upperBound, spans.map(\.upperBound).max() ?? 0)
        if lower..<upper == range { break }
        range = lower..<upper
      }
      guard range.upperBound <= end else {
        throw EvidenceError(
          code: .damaged,
          message:
            "leaf \(index) is sealed as one with leaves up to \(range.upperBound - 1), of which only \(end) were published: "
            + "nothing vouches for the rest; restore a copy of the database")
      }
      if let last = ranges.last, last.upperBound >= range.lowerBound {
        ranges[ranges.count - 1] = min(last.lowerBound, range.lowerBound)..<max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
    var runs: [Run] = []
    for range in ranges {
      var start = range.lowerBound
      while start < range.upperBound {
        let stop = min(range.upperBound, (start / Self.width + 1) * Self.width)
        runs.append(Run(first: start, leaves: try await leaves(start..<stop, end: end, pruned)))
        start = stop
      }
    }
    return runs
  }

  /// Within one tile.
  private func leaves(_ range: Range<UInt64>, end: UInt64, _ pruned: Set<Int64>) async throws -> [Leaf] {
    let number = range.lowerBound / Self.width
    let id = TileID(level: 0, number: number, width: Int(min(Self.width, end - number * Self.width)))
    guard let all = try await publishedLeaves(id) else {
      throw EvidenceError(
        code: .store,
        message: "\(store) has no \(id.entriesPath), from which leaf \(range.lowerBound) could be put back")
    }
    return range.map { index in
      var leaf = all[Int(index - number * Self.width)]
      leaf.isPruned = pruned.contains(Int64(number))
      return leaf
    }
  }
}

extension EvidenceLog {
  /// Puts back what the plan names, and records it with its digest. Durable with the caller's transaction, whose role must be
  /// the owner's: the append-only triggers of the log are off until it ends. Throws a serialization failure when the log's
  /// head changed since the plan was made.
  package func repair(
    _ plan: LogRepair.Plan, by actor: UUID, reason: String, in transaction: Transaction
  ) async throws {
    _ = try await transaction.queryFirst(RepairLog(plan: plan, actor: actor, reason: try Self.valid(reason)))
  }
}
