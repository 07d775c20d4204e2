package import Foundation
package import MerkleLog
package import Postgres

/// The newest sealed state.
package struct LogHead: Sendable, Equatable {
  package let origin: String
  package let vkey: String
  package let size: UInt64
  package let root: NodeHash
  /// The signed checkpoint; nil before the first leaf was sealed.
  package let note: String?
  package let sealedAt: Date?
}

/// A log that could not be continued.
package struct FormerLog: Sendable, Equatable {
  package let origin: String
  package let vkey: String
  /// What the database still had of it.
  package let keptSize: UInt64
  /// Its newest checkpoint, as it was signed.
  package let lastNote: String
  package let endedAt: Date
}

/// What a time-stamping authority said of a checkpoint.
package struct StoredTimestamp: Sendable, Equatable {
  package let size: UInt64
  /// The checkpoint, as it was stamped.
  package let note: String
  /// A TimeStampResp of RFC 3161.
  package let response: [UInt8]
  /// By the authority's clock; microseconds since 1970.
  package let time: Int64
}

package struct StoredLeaf: Sendable, Equatable {
  package let caseID: UUID
  package let sequence: Int32
  package let bytes: [UInt8]
  /// Nil: not sealed yet.
  package let index: UInt64?
}

package struct StoredOpening: Sendable, Equatable {
  package let caseID: UUID
  package let sequence: Int32
  package let field: String
  package let nonce: [UInt8]
  package let value: String
}

/// Reads the log out of the database: heads, hashes, leaves, proofs.
package struct LogReader: Sendable {
  let client: PostgresClient

  package init(client: PostgresClient) { self.client = client }

  /// Nil when no log was begun.
  package func head() async throws -> LogHead? { try await client.queryFirst(FindHead()) }

  package func waiting() async throws -> (batches: Int, leaves: Int) {
    try await client.queryFirst(CountWaiting()) ?? (0, 0)
  }

  /// Why the log may not be continued; nil: it may.
  package func refusal() async throws -> String? { try await client.queryFirst(FindRefusal()) }

  /// Logs that this one follows, oldest first.
  package func formerLogs() async throws -> [FormerLog] { try await client.query(FindFormerLogs()) }

  // MARK: For reports

  /// Sealed leaves of these types from before `until`, oldest first. Reads the whole log.
  package func sealedLeaves(of types: [EventType], before until: Date) async throws -> [[UInt8]] {
    try await client.query(FindLeavesOfTypes(types: types, until: until))
  }

  /// Who pseudonyms stand for, as far as nobody was erased.
  package func pseudonyms() async throws -> [String: UUID] {
    Dictionary(uniqueKeysWithValues: try await client.query(FindPseudonyms()))
  }

  /// Seconds between rotations, by policy, as the newest leaf of each commits to.
  package func rotationPeriods() async throws -> [String: Double] {
    Dictionary(try await client.query(FindRotationPeriods())) { first, _ in first }
  }

  /// What the first leaf of each case of that type commits to as its name.
  package func names(of type: EventType) async throws -> [String: String] {
    Dictionary(try await client.query(FindNames(type: type))) { first, _ in first }
  }

  // MARK: Time stamps

  /// Whether the newest time stamp is older than `period`.
  func mayStamp(after period: Duration) async throws -> Bool {
    let seconds = Double(period.components.seconds) + Double(period.components.attoseconds) / 1e18
    return try await client.queryFirst(FindWhetherToStamp(seconds: seconds)) ?? true
  }

  func keep(_ timestamp: StoredTimestamp) async throws {
    try await client.execute(InsertTimestamp(timestamp: timestamp))
  }

  /// The newest of a checkpoint of at most `size` leaves, signed by the log of that key; nil when there is none.
  package func newestTimestamp(in head: LogHead) async throws -> StoredTimestamp? {
    let key = try NoteKey(vkey: head.vkey)
    return try await client.query(FindTimestamps(size: Int64(head.size)))
      .first { (try? KnownCheckpoint($0.note, key: key)) != nil }
  }

  /// Tiles of a log of `size` leaves, which it must have reached.
  package func tiles(_ ids: some Collection<TileID>, size: UInt64) async throws -> [Tile] {
    var tiles: [Tile] = []
    let full = ids.filter(\.isFull)
    for start in stride(from: 0, to: full.count, by: 256) {
      tiles += try await client.query(FindTiles(tiles: Array(full.dropFirst(start).prefix(256))))
    }
    for id in ids where !id.isFull {
      let first = id.number * TileID.width
      let hashes =
        id.level == 0
        ? try await leafHashes(first..<first + UInt64(id.width))
        : try await tileRoots(level: id.level - 1, first: first, count: id.width)
      tiles.append(Tile(id: id, hashes: hashes))
    }
    guard tiles.count == ids.count else { throw Self.damaged("full tiles are missing: \(tiles.count) of \(ids.count)") }
    return tiles
  }

  func leafHashes(_ range: Range<UInt64>) async throws -> [NodeHash] {
    guard !range.isEmpty else { return [] }
    var hashes: [NodeHash] = []
    let found = try await client.query(
      FindLeafHashes(first: Int64(range.lowerBound), end: Int64(range.upperBound)))
    for batch in found {
      for (offset, hash) in batch.hashes.enumerated() where range.contains(UInt64(batch.first) + UInt64(offset)) {
        hashes.append(hash)
      }
    }
    guard hashes.count == range.count else { throw Self.damaged("leaves \(range) are not all there") }
    return hashes
  }

  /// As the sealed batches have them; nil where there is none.
  func sealedHashes(_ range: Range<UInt64>) async throws -> [NodeHash?] {
    var hashes = [NodeHash?](repeating: nil, count: range.count)
    let found = try await client.query(
      FindLeafHashes(first: Int64(range.lowerBound), end: Int64(range.upperBound)))
    for batch in found {
      for (offset, hash) in batch.hashes.enumerated() {
        let index = UInt64(batch.first) + UInt64(offset)
        if range.contains(index) { hashes[Int(index - range.lowerBound)] = hash }
      }
    }
    return hashes
  }

  private func tileRoots(level: Int, first: UInt64, count: Int) async throws -> [NodeHash] {
    let roots = try await client.query(FindTileRoots(level: Int16(level), first: Int64(first))).prefix(count)
    guard roots.count == count, roots.enumerated().allSatisfy({ $1.number == Int64(first) + Int64($0) }) else {
      throw Self.damaged("tiles of level \(level) from \(first) on are not all there")
    }
    return roots.map(\.root)
  }

  /// The growing edge, for the sealer; throws when it does not have the head's root.
  func tree(of head: LogHead) async throws -> TileTree {
    var edge: [[NodeHash]] = []
    while TileID.hashes(onLevel: edge.count, size: head.size) > 0 {
      let level = edge.count
      let count = TileID.hashes(onLevel: level, size: head.size)
      let first = count / TileID.width * TileID.width
      edge.append(
        level == 0
          ? try await leafHashes(first..<count)
          : try await tileRoots(level: level - 1, first: first, count: Int(count - first)))
    }
    let tree = try TileTree(size: head.size, edge: edge)
    guard tree.root == head.root else {
      throw Self.damaged("the sealed hashes do not have the root of the log's head")
    }
    return tree
  }

  /// The root that the log had at an earlier size.
  package func root(at size: UInt64, in head: LogHead) async throws -> NodeHash {
    guard size <= head.size else { throw Self.damaged("the log has \(head.size) leaves, not \(size)") }
    return try await cache(for: [0..<size], size: head.size).root(size: size)
  }

  package func cache(for ranges: [Range<UInt64>], size: UInt64) async throws -> TileCache {
    let needed = TileCache.needed(for: ranges, size: size)
    return TileCache(size: size, tiles: try await tiles(needed, size: size))
  }

  package func consistency(from oldSize: UInt64, in head: LogHead) async throws -> ConsistencyProof {
    let ranges = try ConsistencyProof.ranges(oldSize: oldSize, newSize: head.size)
    return try .make(oldSize: oldSize, newSize: head.size, from: try await cache(for: ranges, size: head.size))
  }

  /// Proofs for many leaves; each tile is read once.
  package func inclusions(of indexes: [UInt64], in head: LogHead) async throws -> [InclusionProof] {
    var proofs: [InclusionProof] = []
    proofs.reserveCapacity(indexes.count)
    for start in stride(from: 0, to: indexes.count, by: 4096) {
      let part = indexes.dropFirst(start).prefix(4096)
      let ranges = try part.flatMap { try InclusionProof.ranges(index: $0, size: head.size) }
      let cache = try await cache(for: ranges, size: head.size)
      for index in part { proofs.append(try .make(index: index, size: head.size, from: cache)) }
    }
    return proofs
  }

  /// In the order of case and sequence.
  package func leaves(of cases: [UUID]) async throws -> [StoredLeaf] {
    try await client.query(FindCaseLeaves(cases: cases))
  }

  package func openings(of cases: [UUID]) async throws -> [StoredOpening] {
    try await client.query(FindOpenings(cases: cases))
  }

  package func opened(from: Date, until: Date) async throws -> [(caseID: UUID, leaf: [UInt8])] {
    try await client.query(FindOpenedCases(from: from, until: until))
  }

  /// The bytes of sealed leaves; nil for one that was pruned or is missing.
  package func entries(_ range: Range<UInt64>) async throws -> [[UInt8]?] {
    var leaves = [[UInt8]?](repeating: nil, count: range.count)
    for row in try await client.query(FindEntries(first: Int64(range.lowerBound), end: Int64(range.upperBound))) {
      leaves[Int(UInt64(row.index) - range.lowerBound)] = row.body
    }
    return leaves
  }

  package func prunedTiles() async throws -> Set<Int64> { Set(try await client.query(FindPruned())) }

  private static func damaged(_ problem: String) -> EvidenceError {
    EvidenceError(code: .damaged, message: "\(problem); look for the cause with `keyturn audit check`")
  }
}
