import Foundation
import MerkleLog
import Postgres

struct BeginLog: Statement {
  static let sql = "SELECT evidence.begin_log($1, $2)"

  let origin: String
  let vkey: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(origin)
    parameters.append(vkey)
  }

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

struct TakeLead: Statement {
  static let sql = "SELECT evidence.lead($1, $2)"

  let sealer: String
  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(sealer)
    parameters.append(seconds)
  }

  static func decode(_ row: PostgresRow) throws -> Int64? { try row[0] }
}

struct KeepLead: Statement {
  static let sql = "SELECT evidence.keep_lead($1, $2)"

  let epoch: Int64
  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(epoch)
    parameters.append(seconds)
  }

  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

struct LeaveLead: Statement {
  static let sql = "SELECT FROM evidence.leave_lead($1)"

  let epoch: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(epoch) }
}

struct RefuseLog: Statement {
  static let sql = "SELECT evidence.refuse($1, $2, $3)"

  let epoch: Int64
  let error: EvidenceError

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(epoch)
    parameters.append(error.code.rawValue)
    parameters.append(error.message)
  }

  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

struct AcceptLog: Statement {
  static let sql = "SELECT evidence.accept($1)"

  let epoch: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(epoch) }
  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

/// Returns the place of the leaf that names the former log, in its case.
struct BeginLogAnew: Statement {
  static let sql = "SELECT evidence.begin_anew($1, $2, $3, $4, $5, $6, $7)"

  let origin: String
  let vkey: String
  let last: KnownCheckpoint
  let lastNote: String
  let actor: UUID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(origin)
    parameters.append(vkey)
    parameters.append(Int64(last.size))
    parameters.append(last.root.bytes)
    parameters.append(lastNote)
    parameters.append(actor)
    parameters.append(reason)
  }

  static func decode(_ row: PostgresRow) throws -> Int32 { try row[0] }
}

/// The oldest batches that are committed and not sealed. Relies on `outbox_pkey`.
struct FindUnsealed: Statement {
  static let sql = """
    SELECT b.id, b.hashes
    FROM (SELECT o.batch FROM evidence.outbox AS o ORDER BY o.batch LIMIT $1) AS o
    JOIN evidence.batch AS b ON b.id = o.batch
    ORDER BY b.id
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> UnsealedBatch {
    UnsealedBatch(id: try row[0], hashes: try NodeHash.list(try row[1]))
  }
}

struct SealBatches: Statement {
  static let sql = "SELECT evidence.seal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"

  let epoch: Int64
  let plan: SealPlan
  let note: String
  let seconds: Double

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(epoch)
    parameters.append(Int64(plan.oldSize))
    parameters.append(plan.batches)
    parameters.append(plan.tiles.map { Int16($0.id.level) })
    parameters.append(plan.tiles.map { Int64($0.id.number) })
    parameters.append(plan.tiles.map(\.bytes))
    parameters.append(plan.tiles.map(\.root.bytes))
    parameters.append(Int64(plan.tree.size))
    parameters.append(plan.root.bytes)
    parameters.append(note)
    parameters.append(seconds)
  }

  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

extension NodeHash {
  /// Hashes one after the other, 32 bytes each.
  static func list(_ bytes: [UInt8]) throws -> [NodeHash] {
    try Tile(id: TileID(level: 0, number: 0, width: bytes.count / byteCount), bytes: bytes).hashes
  }
}
