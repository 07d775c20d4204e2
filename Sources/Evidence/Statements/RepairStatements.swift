import Foundation
import MerkleLog
import Postgres

/// The leaves `first ..< end` as their rows are: with what the rows say beside the bytes.
struct FindRows: Statement {
  static let sql = """
    SELECT s.first_index + m.n - 1, m.case_id, m.cs, e.body, e.type,
      (extract(epoch FROM e.at) * 1000000)::bigint, e.batch = s.batch AND e.n = m.n - 1
    FROM evidence.sealed AS s
    JOIN evidence.batch AS b ON b.id = s.batch
    CROSS JOIN LATERAL unnest(b.cases, b.sequences) WITH ORDINALITY AS m (case_id, cs, n)
    JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs
    WHERE s.first_index >= (SELECT coalesce(max(x.first_index), 0) FROM evidence.sealed AS x WHERE x.first_index <= $1)
      AND s.first_index < $2 AND s.first_index + m.n - 1 >= $1 AND s.first_index + m.n - 1 < $2
    ORDER BY 1
    """

  let first: Int64
  let end: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(first)
    parameters.append(end)
  }

  static func decode(_ row: PostgresRow) throws -> (index: Int64, row: StoredRow) {
    (
      try row[0],
      StoredRow(
        caseID: try row[1], sequence: try row[2], bytes: try row[3], type: try row[4], time: try row[5],
        isInPlace: try row[6])
    )
  }
}

/// What the database has for a leaf of the log.
struct StoredRow: Sendable, Equatable {
  let caseID: UUID
  let sequence: Int32
  let bytes: [UInt8]
  /// The columns that queries use instead of the bytes; microseconds since 1970.
  let type: String
  let time: Int64
  /// Whether the row names the batch and the place that the log has it at.
  let isInPlace: Bool

  /// Whether the columns say what the bytes say. False also for bytes that are no leaf.
  var isTrue: Bool {
    guard isInPlace, let leaf = try? EvidenceLeaf(bytes: bytes) else { return false }
    return leaf.caseID == caseID && leaf.sequence == Int64(sequence) && leaf.type.rawValue == type && leaf.at == time
  }
}

/// Sealed batches that reach into `first ..< end`.
struct FindSpans: Statement {
  static let sql = """
    SELECT s.first_index, s.first_index + s.count
    FROM evidence.sealed AS s
    WHERE s.first_index < $2 AND s.first_index + s.count > $1
    """

  let first: Int64
  let end: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(first)
    parameters.append(end)
  }

  static func decode(_ row: PostgresRow) throws -> Range<UInt64> {
    let (first, end): (Int64, Int64) = (try row[0], try row[1])
    return UInt64(max(0, first))..<UInt64(max(0, first, end))
  }
}

/// As they are stored, whatever is wrong with them.
struct FindStoredTiles: Statement {
  static let sql = """
    SELECT t.level, t.number, t.hashes, t.root
    FROM unnest($1::smallint[], $2::bigint[]) AS m (level, number)
    JOIN evidence.tile AS t ON t.level = m.level AND t.number = m.number
    """

  let tiles: [TileID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(tiles.map { Int16($0.level) })
    parameters.append(tiles.map { Int64($0.number) })
  }

  static func decode(_ row: PostgresRow) throws -> (TileID, hashes: [UInt8], root: [UInt8]) {
    let level: Int16 = try row[0]
    let number: Int64 = try row[1]
    return (TileID(level: Int(level), number: UInt64(number)), try row[2], try row[3])
  }
}

/// How many of these leaves are in the database, wherever.
struct CountBodies: Statement {
  static let sql = """
    SELECT count(*)
    FROM unnest($1::uuid[], $2::integer[], $3::bytea[]) AS m (case_id, cs, body)
    JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs AND e.body = m.body
    """

  let leaves: [LogRepair.Leaf]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(leaves.map(\.caseID))
    parameters.append(leaves.map(\.sequence))
    parameters.append(leaves.map(\.bytes))
  }

  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

/// Returns the place of the leaf that says so, in its case.
struct RepairLog: Statement {
  static let sql = """
    SELECT evidence.repair($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    """

  let plan: LogRepair.Plan
  let actor: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    let leaves = plan.runs.flatMap(\.leaves)
    parameters.append(plan.runs.map { Int64($0.first) })
    parameters.append(plan.runs.map { Int32($0.leaves.count) })
    parameters.append(leaves.map(\.caseID))
    parameters.append(leaves.map(\.sequence))
    parameters.append(leaves.map { NodeHash.leaf($0.bytes).bytes })
    parameters.append(leaves.map(\.type))
    parameters.append(leaves.map { Date(timeIntervalSince1970: Double($0.time) / 1_000_000) })
    parameters.append(leaves.map { $0.isPruned ? [] : $0.bytes })
    parameters.append(plan.tiles.map { Int16($0.id.level) })
    parameters.append(plan.tiles.map { Int64($0.id.number) })
    parameters.append(plan.tiles.map(\.bytes))
    parameters.append(plan.tiles.map(\.root.bytes))
    parameters.append(plan.marks)
    parameters.append(Int64(plan.old.size))
    parameters.append(plan.old.root.bytes)
    parameters.append(Int64(plan.size))
    parameters.append(plan.root.bytes)
    parameters.append(plan.note)
    parameters.append(actor)
    parameters.append(reason)
    parameters.append(plan.detail.text)
  }

  static func decode(_ row: PostgresRow) throws -> Int32 { try row[0] }
}
