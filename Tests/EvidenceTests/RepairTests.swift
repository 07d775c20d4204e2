import Evidence
import Foundation
import MerkleLog
import Postgres
import TestSupport
import Testing

@testable import CLI

/// What a superuser damaged is put back from the published copy, and only from one that is whole.
@Suite struct RepairTests {
  private struct Damaged: Sendable {
    let world: EvidenceWorld
    let store: DirectoryStore

    var check: LogCheck { LogCheck(reader: world.reader, store: store, key: world.signer.key) }

    func keyturn(_ more: String...) async throws -> Program.Ended {
      try await Program.keyturn(
        ["audit", "repair", "--by", "alice", "--reason", "case 12", "--json", "--published", store.path] + more
          + ["--database-url", world.database.url, "--data-dir", world.folder])
    }

    func cheat(_ sql: String) async throws {
      let tables = ["event", "batch", "sealed", "tile", "pruned"]
      try await world.owner(
        tables.map { "ALTER TABLE evidence.\($0) DISABLE TRIGGER ALL;" }.joined() + sql + ";"
          + tables.map {
            "ALTER TABLE evidence.\($0) ENABLE TRIGGER ALL; ALTER TABLE evidence.\($0) ENABLE ALWAYS TRIGGER \($0)_append_only;"
          }.joined())
    }

    /// What the whole log is, in the order of indexes.
    func content() async throws -> [[UInt8]?] {
      let size = try #require(try await world.reader.head()).size
      return try await world.reader.entries(0..<size)
    }
  }

  /// More than one tile, published.
  private func damaged() async throws -> Damaged {
    let world = try await EvidenceWorld.make()
    try await world.live()
    try await world.owner(
      """
      DO $$ BEGIN
        FOR i IN 1 .. 300 LOOP PERFORM evidence.record(gen_random_uuid(), 'operator.action', 'other', '{}'); END LOOP;
      END $$
      """)
    try await world.seal()
    let store = DirectoryStore(path: world.folder + "/outside")
    try await Publisher(reader: world.reader, store: store, key: world.signer.key, logger: TestDatabase.logger)
      .publish()
    return Damaged(world: world, store: store)
  }

  /// The event at an index.
  private static func event(_ index: Int) -> String {
    """
    (e.case_id, e.cs) = (SELECT b.cases[\(index + 1) - s.first_index], b.sequences[\(index + 1) - s.first_index]
      FROM evidence.sealed AS s JOIN evidence.batch AS b ON b.id = s.batch
      WHERE s.first_index <= \(index) AND s.first_index + s.count > \(index))
    """
  }

  private static let damages: [(name: String, sql: String, first: UInt64?)] = [
    ("bytes changed", "UPDATE evidence.event AS e SET body = body || ' ' WHERE \(event(10))", 10),
    ("deleted", "DELETE FROM evidence.event AS e WHERE \(event(10)) OR \(event(280))", 10),
    (
      "columns changed",
      "UPDATE evidence.event AS e SET type = 'operator.action' WHERE type = 'rotation.opened'; UPDATE evidence.event SET at = '2020-01-01' WHERE type = 'person.added'",
      nil
    ),
    (
      "changed with its hash",
      """
      UPDATE evidence.event AS e SET body = body || ' ' WHERE \(event(10));
      UPDATE evidence.batch AS b SET hashes = overlay(b.hashes PLACING sha256('\\x00'::bytea || e.body) FROM 32 * e.n + 1)
      FROM evidence.event AS e WHERE e.batch = b.id AND \(event(10))
      """, 10
    ),
    (
      "exchanged",
      """
      CREATE TEMP TABLE exchanged AS
      SELECT s.first_index, s.batch, row_number() OVER (ORDER BY s.first_index) AS n FROM evidence.sealed AS s
      WHERE s.count = 1 ORDER BY s.first_index LIMIT 2;
      DELETE FROM evidence.sealed AS s USING exchanged AS x WHERE s.batch = x.batch;
      INSERT INTO evidence.sealed (first_index, count, batch)
      SELECT a.first_index, 1, b.batch FROM exchanged AS a JOIN exchanged AS b ON b.n <> a.n
      """, 0
    ),
    (
      "moved in its case",
      """
      UPDATE evidence.event SET cs = 1000 WHERE cs = 2 AND case_id = (SELECT min(case_id::text)::uuid FROM evidence.event WHERE type = 'rotation.opened');
      UPDATE evidence.event SET cs = 2 WHERE cs = 3 AND case_id = (SELECT min(case_id::text)::uuid FROM evidence.event WHERE type = 'rotation.opened')
      """, nil
    ),
    ("places forgotten", "DELETE FROM evidence.sealed WHERE first_index BETWEEN 20 AND 270", nil),
    ("batches and places forgotten", "DELETE FROM evidence.sealed; DELETE FROM evidence.batch", 0),
    ("everything deleted", "DELETE FROM evidence.sealed; DELETE FROM evidence.batch; DELETE FROM evidence.event", 0),
    (
      "said to be pruned",
      "INSERT INTO evidence.pruned (tile) VALUES (0); DELETE FROM evidence.event AS e USING evidence.sealed AS s WHERE s.batch = e.batch AND s.first_index + e.n < 256",
      0
    ),
    ("marked as pruned", "INSERT INTO evidence.pruned (tile) VALUES (0)", 0),
    ("tile changed", "UPDATE evidence.tile SET hashes = overlay(hashes PLACING sha256('x') FROM 33)", 0),
    ("tile's root changed", "UPDATE evidence.tile SET root = sha256('x')", 0),
    ("tiles deleted", "DELETE FROM evidence.tile", 0),
    ("head changed", "UPDATE evidence.log SET root = sha256('x')", nil),
    ("head unsigned", "UPDATE evidence.log SET note = 'x'", nil),
    (
      "tail cut off",
      "DELETE FROM evidence.sealed WHERE first_index > 100; UPDATE evidence.log SET size = (SELECT max(first_index + count) FROM evidence.sealed)",
      nil
    ),
  ]

  @Test(arguments: damages.map(\.name))
  func everyKindOfDamageIsPutBack(name: String) async throws {
    let damage = try #require(Self.damages.first { $0.name == name })
    let log = try await damaged()
    let (before, head) = (try await log.content(), try #require(try await log.world.reader.head()))
    #expect(try await log.check.run() == nil)
    try await log.cheat(damage.sql)
    let finding = try #require(try await log.check.run())
    #expect(finding.isPublished && finding.remedy.contains("audit repair"), "\(finding)")
    if let first = damage.first { #expect(finding.index == first) }

    // A look changes nothing; what it showed is what is done.
    let shown = try await log.keyturn()
    #expect(shown.code == 0, "\(shown.errors)")
    #expect(try await log.check.run() == finding)
    let digest = try #require(try shown.object()["digest"] as? String)
    #expect(try await log.keyturn("--yes", "--expect", "000000000000").code == 1)
    let done = try await log.keyturn("--yes", "--expect", digest)
    #expect(done.code == 0, "\(done.output)\(done.errors)")
    #expect(try done.object()["result"] as? String == "sound")
    #expect(try await log.check.run() == nil)
    let now = try #require(try await log.world.reader.head())
    #expect(now.size == head.size && now.root == head.root && now.note == head.note)
    #expect(try await log.content() == before)

    // Recorded, with who; sealing goes on; a package verifies; rows are append-only again.
    try await log.world.seal()
    let repaired = try #require(
      try await log.world.reader.leaves(of: [UUID(uuidString: "00000000-0000-4000-8000-0000000000E7")!]).last)
    let leaf = try EvidenceLeaf(bytes: repaired.bytes)
    #expect(leaf.type == .logRepaired && leaf.detail["digest"]?.string?.hasPrefix(digest) == true)
    #expect(try await log.world.reader.pseudonyms()[leaf.actor] != nil && repaired.index != nil)
    #expect(try await log.check.run() == nil)
    let cases = try await log.world.reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
    #expect(cases.count == 3)
    let path = log.world.folder + "/package.zip"
    try Data(try await PackageBuilder(reader: log.world.reader).build(cases).encoded()).write(
      to: URL(fileURLWithPath: path))
    #expect(try await Program.verify([path, "--key", log.world.signer.key.vkey]).code == 0)
    await #expect(throws: PostgresError.self) { try await log.world.owner("DELETE FROM evidence.event") }
    await #expect(throws: PostgresError.self) { try await log.world.owner("DELETE FROM evidence.tile") }
    #expect(try await log.keyturn().object()["result"] as? String == "nothing to put back")
    try await log.world.close()
  }

  @Test func onlyAWholePublishedCopyIsBelieved() async throws {
    let log = try await damaged()
    try await log.cheat("DELETE FROM evidence.event AS e WHERE \(Self.event(10))")
    func refused(_ path: String, _ bytes: [UInt8]?, _ words: String) async throws {
      let file = log.store.path + "/" + path
      let kept = try Data(contentsOf: URL(fileURLWithPath: file))
      if let bytes { try Data(bytes).write(to: URL(fileURLWithPath: file)) } else { unlink(file) }
      let ended = try await log.keyturn()
      #expect(ended.code != 0 && ended.errors.contains(words), "\(ended.output)\(ended.errors)")
      try kept.write(to: URL(fileURLWithPath: file))
    }
    let tile = [UInt8](try Data(contentsOf: URL(fileURLWithPath: log.store.path + "/tile/0/000")))
    let leaves = [UInt8](try Data(contentsOf: URL(fileURLWithPath: log.store.path + "/tile/entries/000")))
    var (badTile, badLeaves) = (tile, leaves)
    badTile[33 * 32] ^= 1
    badLeaves[leaves.count - 10] ^= 1
    try await refused("tile/0/000", badTile, "signed checkpoint")
    try await refused("tile/0/000", nil, "not whole")
    try await refused("tile/0/000", Array(tile.dropLast()), "another copy")
    try await refused("tile/entries/000", badLeaves, "hashes")
    try await refused("tile/entries/000", nil, "could be put back")
    try await refused("checkpoint", Array("x\n1\n\n".utf8), "cannot be believed")
    try await refused("checkpoint", nil, "--published")
    #expect(try await log.keyturn().code == 0)
    try await log.world.close()
  }

  /// An older copy of the database is no damage: what was recorded since has the same places as what was lost.
  @Test func anOlderCopyIsNotMended() async throws {
    let log = try await damaged()
    let early = try #require(try await log.world.reader.head())
    try await log.world.live("later")
    try await log.world.seal()
    try await Publisher(
      reader: log.world.reader, store: log.store, key: log.world.signer.key, logger: TestDatabase.logger
    ).publish()
    try await log.cheat(
      """
      DELETE FROM evidence.event AS e USING evidence.sealed AS s WHERE s.batch = e.batch AND s.first_index >= \(early.size);
      DELETE FROM evidence.sealed WHERE first_index >= \(early.size);
      UPDATE evidence.log SET size = \(early.size), root = decode('\(early.root)', 'hex'), note = '\(try #require(early.note))'
      """)
    let ended = try await log.keyturn()
    #expect(
      ended.code == 1 && ended.errors.contains("no damage") && ended.errors.contains("new-log"), "\(ended.errors)")
    try await log.world.close()
  }

  /// What was sealed and not published stays as it is, sound or not.
  @Test func whatNoCheckpointCoversIsLeftAlone() async throws {
    let log = try await damaged()
    let published = try #require(try await log.world.reader.head()).size
    try await log.world.live("later")
    let head = try await log.world.seal()
    try await log.cheat(
      "UPDATE evidence.event AS e SET body = body || ' ' WHERE \(Self.event(10)) OR \(Self.event(Int(published) + 3))")
    let shown = try await log.keyturn().object()
    #expect(shown["damaged_leaves"] as? String == "1")
    #expect(shown["not_published"] as? String == "\(head.size - published)")
    let done = try await log.keyturn("--yes", "--expect", try #require(shown["digest"] as? String))
    #expect(
      try done.code == 1 && done.object()["result"] as? String == "still damaged", "\(done.output)\(done.errors)")
    let finding = try #require(try await log.check.run())
    #expect(finding.index == published + 3 && !finding.isPublished && finding.remedy.contains("restore"))
    try await log.world.close()
  }

  /// What retention took stays away.
  @Test func prunedLeavesDoNotComeBack() async throws {
    let log = try await damaged()
    try await log.cheat(
      """
      INSERT INTO evidence.pruned (tile) VALUES (0);
      SELECT evidence.record('00000000-0000-4000-8000-0000000000e2', 'tiles.pruned', 'engine', '{"count":1,"first":0}');
      DELETE FROM evidence.event AS e USING evidence.sealed AS s WHERE s.batch = e.batch AND s.first_index + e.n < 256
      """)
    #expect(try await LogCheck(reader: log.world.reader, store: log.store, key: log.world.signer.key).run() == nil)
    try await log.cheat("DELETE FROM evidence.sealed WHERE first_index BETWEEN 200 AND 300")
    let shown = try await log.keyturn().object()
    let done = try await log.keyturn("--yes", "--expect", try #require(shown["digest"] as? String))
    #expect(done.code == 0, "\(done.output)\(done.errors)")
    let content = try await log.content()
    #expect(content[..<256].allSatisfy { $0 == nil } && content[256...].allSatisfy { $0 != nil })
    try await log.world.close()
  }
}
