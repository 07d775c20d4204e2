import Foundation
import MerkleLog
import Postgres

struct FindHead: Statement {
  static let sql = "SELECT origin, vkey, size, root, note, sealed_at FROM evidence.log"

  static func decode(_ row: PostgresRow) throws -> LogHead {
    guard let root = NodeHash(try row.decode(3, as: [UInt8].self)) else {
      throw EvidenceError(code: .damaged, message: "the log's root has not 32 bytes")
    }
    return LogHead(
      origin: try row[0], vkey: try row[1], size: UInt64(try row.decode(2, as: Int64.self)), root: root,
      note: try row[4],
      sealedAt: try row[5])
  }
}

struct FindRefusal: Statement {
  static let sql = "SELECT reason FROM evidence.refusal"

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

struct FindFormerLogs: Statement {
  static let sql = "SELECT origin, vkey, kept_size, last_note, ended_at FROM evidence.former_log ORDER BY ended_at"

  static func decode(_ row: PostgresRow) throws -> FormerLog {
    FormerLog(
      origin: try row[0], vkey: try row[1], keptSize: UInt64(try row.decode(2, as: Int64.self)), lastNote: try row[3],
      endedAt: try row[4])
  }
}

struct FindWhetherToStamp: Statement {
  static let sql = """
    SELECT NOT EXISTS (SELECT FROM evidence.timestamp AS t WHERE t.at > clock_timestamp() - make_interval(secs => $1))
    """

  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) { parameters.append(seconds) }

  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

struct InsertTimestamp: Statement {
  static let sql = """
    INSERT INTO evidence.timestamp (size, note, response, genuine_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (size) DO NOTHING
    """

  let timestamp: StoredTimestamp

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(Int64(timestamp.size))
    parameters.append(timestamp.note)
    parameters.append(timestamp.response)
    parameters.append(Date(timeIntervalSince1970: Double(timestamp.time) / 1_000_000))
  }
}

/// Newest first; at most ten, because older logs may have had others of their own.
struct FindTimestamps: Statement {
  static let sql = """
    SELECT t.size, t.note, t.response, (extract(epoch FROM t.genuine_at) * 1000000)::bigint
    FROM evidence.timestamp AS t
    WHERE t.size <= $1
    ORDER BY t.size DESC
    LIMIT 10
    """

  let size: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(size) }

  static func decode(_ row: PostgresRow) throws -> StoredTimestamp {
    StoredTimestamp(
      size: UInt64(try row.decode(0, as: Int64.self)), note: try row[1], response: try row[2], time: try row[3])
  }
}

struct FindTiles: Statement {
  static let sql = """
    SELECT t.level, t.number, t.hashes
    FROM unnest($1::smallint[], $2::bigint[]) AS m (level, number)
    JOIN evidence.tile AS t ON t.level = m.level AND t.number = m.number
    """

  let tiles: [TileID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(tiles.map { Int16($0.level) })
    parameters.append(tiles.map { Int64($0.number) })
  }

  static func decode(_ row: PostgresRow) throws -> Tile {
    let level: Int16 = try row[0]
    return try Tile(
      id: TileID(level: Int(level), number: UInt64(try row.decode(1, as: Int64.self))), bytes: try row[2])
  }
}

/// Roots of the full tiles of a level from `first` on, in order: the hashes of the level above.
struct FindTileRoots: Statement {
  static let sql = """
    SELECT t.number, t.root
    FROM evidence.tile AS t
    WHERE t.level = $1 AND t.number >= $2
    ORDER BY t.number
    LIMIT 256
    """

  let level: Int16
  let first: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(level)
    parameters.append(first)
  }

  static func decode(_ row: PostgresRow) throws -> (number: Int64, root: NodeHash) {
    guard let root = NodeHash(try row.decode(1, as: [UInt8].self)) else {
      throw EvidenceError(code: .damaged, message: "a tile's root has not 32 bytes")
    }
    return (try row[0], root)
  }
}

/// Hashes of the leaves of all batches that reach into `first ..< end`. Relies on `sealed_pkey`.
struct FindLeafHashes: Statement {
  static let sql = """
    SELECT s.first_index, b.hashes
    FROM evidence.sealed AS s
    JOIN evidence.batch AS b ON b.id = s.batch
    WHERE s.first_index >= (SELECT coalesce(max(x.first_index), 0) FROM evidence.sealed AS x WHERE x.first_index <= $1)
      AND s.first_index < $2
    ORDER BY s.first_index
    """

  let first: Int64
  let end: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(first)
    parameters.append(end)
  }

  static func decode(_ row: PostgresRow) throws -> (first: Int64, hashes: [NodeHash]) {
    (try row[0], try NodeHash.list(try row[1]))
  }
}

/// The leaves `first ..< end` with their bytes, in order; those that were pruned are missing.
struct FindEntries: Statement {
  static let sql = """
    SELECT s.first_index + m.n - 1, e.body
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

  static func decode(_ row: PostgresRow) throws -> (index: Int64, body: [UInt8]) { (try row[0], try row[1]) }
}

struct FindPruned: Statement {
  static let sql = "SELECT tile FROM evidence.pruned ORDER BY tile"

  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

/// Every leaf of the cases, in order, with its index when it is sealed. Relies on `event_pkey`.
struct FindCaseLeaves: Statement {
  static let sql = """
    SELECT e.case_id, e.cs, e.body, s.first_index + e.n
    FROM unnest($1::uuid[]) AS m (id)
    JOIN evidence.event AS e ON e.case_id = m.id
    LEFT JOIN evidence.sealed AS s ON s.batch = e.batch
    ORDER BY e.case_id, e.cs
    """

  let cases: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(cases) }

  static func decode(_ row: PostgresRow) throws -> StoredLeaf {
    let index: Int64? = try row[3]
    return StoredLeaf(caseID: try row[0], sequence: try row[1], bytes: try row[2], index: index.map(UInt64.init))
  }
}

struct FindOpenings: Statement {
  static let sql = """
    SELECT o.case_id, o.cs, o.field, o.nonce, o.value
    FROM evidence.opening AS o
    WHERE o.case_id = ANY ($1)
    ORDER BY o.case_id, o.cs, o.field
    """

  let cases: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(cases) }

  static func decode(_ row: PostgresRow) throws -> StoredOpening {
    StoredOpening(
      caseID: try row[0], sequence: try row[1], field: try row[2], nonce: try row[3], value: try row[4])
  }
}

/// Rotation cases that were opened in a period, with their first leaf. Relies on `event_opened`.
struct FindOpenedCases: Statement {
  static let sql = """
    SELECT e.case_id, e.body
    FROM evidence.event AS e
    WHERE e.type = 'rotation.opened' AND e.at >= $1 AND e.at < $2
    ORDER BY e.case_id
    """

  let from: Date
  let until: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(from)
    parameters.append(until)
  }

  static func decode(_ row: PostgresRow) throws -> (caseID: UUID, leaf: [UInt8]) { (try row[0], try row[1]) }
}

struct CountWaiting: Statement {
  static let sql = """
    SELECT count(*)::bigint, coalesce(sum(b.count), 0)::bigint
    FROM evidence.outbox AS o
    JOIN evidence.batch AS b ON b.id = o.batch
    """

  static func decode(_ row: PostgresRow) throws -> (batches: Int, leaves: Int) { (try row[0], try row[1]) }
}

struct FindLeavesOfTypes: Statement {
  static let sql = """
    SELECT e.body
    FROM evidence.event AS e
    JOIN evidence.sealed AS s ON s.batch = e.batch
    WHERE e.type = ANY ($1) AND e.at < $2
    ORDER BY e.at, e.case_id, e.cs
    """

  let types: [EventType]
  let until: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(types.map(\.rawValue))
    parameters.append(until)
  }

  static func decode(_ row: PostgresRow) throws -> [UInt8] { try row[0] }
}

struct FindPseudonyms: Statement {
  static let sql = "SELECT p.name::text, p.person_id FROM evidence.pseudonym AS p"

  static func decode(_ row: PostgresRow) throws -> (String, UUID) { (try row[0], try row[1]) }
}

/// Newest first.
struct FindRotationPeriods: Statement {
  static let sql = """
    SELECT o.case_id::text, extract(epoch FROM (o.value::jsonb ->> 'rotation_period')::interval)::float8
    FROM evidence.opening AS o
    WHERE o.field = 'policy'
    ORDER BY o.case_id, o.cs DESC
    """

  static func decode(_ row: PostgresRow) throws -> (String, Double) { (try row[0], try row[1]) }
}

struct FindNames: Statement {
  static let sql = """
    SELECT o.case_id::text, o.value
    FROM evidence.opening AS o
    JOIN evidence.event AS e ON e.case_id = o.case_id AND e.cs = o.cs
    WHERE o.field = 'name' AND e.type = $1
    """

  let type: EventType

  func bind(_ parameters: inout PostgresParameters) { parameters.append(type.rawValue) }

  static func decode(_ row: PostgresRow) throws -> (String, String) { (try row[0], try row[1]) }
}
