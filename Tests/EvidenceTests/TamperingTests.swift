import Evidence
import Foundation
import MerkleLog
import Postgres
import TestSupport
import Testing

@testable import CLI

/// A superuser can change anything; what was published finds it, and the check names the first bad leaf.
@Suite struct TamperingTests {
  private func world() async throws -> (EvidenceWorld, LogCheck) {
    let world = try await EvidenceWorld.make()
    try await world.live()
    try await world.seal()
    let store = DirectoryStore(path: world.folder + "/outside")
    try await Publisher(reader: world.reader, store: store, key: world.signer.key, logger: TestDatabase.logger)
      .publish()
    return (world, LogCheck(reader: world.reader, store: store, key: world.signer.key))
  }

  private func cheat(_ sql: String, _ world: EvidenceWorld) async throws {
    let tables = ["event", "batch", "sealed", "tile"]
    try await world.owner(
      tables.map { "ALTER TABLE evidence.\($0) DISABLE TRIGGER ALL;" }.joined() + sql + ";"
        + tables.map { "ALTER TABLE evidence.\($0) ENABLE ALWAYS TRIGGER \($0)_append_only;" }.joined())
  }

  /// The event at index 10.
  private static let tenth = """
    (e.case_id, e.cs) = (SELECT b.cases[11 - s.first_index], b.sequences[11 - s.first_index] FROM evidence.sealed AS s
      JOIN evidence.batch AS b ON b.id = s.batch WHERE s.first_index <= 10 AND s.first_index + s.count > 10)
    """

  @Test func aSoundLogIsSound() async throws {
    let (world, check) = try await world()
    #expect(try await check.run() == nil)
    try await world.close()
  }

  @Test func aChangedLeafIsNamed() async throws {
    let (world, check) = try await world()
    try await cheat("UPDATE evidence.event AS e SET body = body || ' ' WHERE \(Self.tenth)", world)
    #expect(try await check.run()?.index == 10)
    try await world.close()
  }

  @Test func aDeletedLeafIsNamed() async throws {
    let (world, check) = try await world()
    try await cheat("DELETE FROM evidence.event AS e WHERE \(Self.tenth)", world)
    #expect(try await check.run()?.index == 10)
    try await world.close()
  }

  @Test func aLeafThatWasChangedWithItsHashesIsNamed() async throws {
    let (world, check) = try await world()
    try await cheat(
      """
      UPDATE evidence.event AS e SET body = body || ' ' WHERE \(Self.tenth);
      UPDATE evidence.batch AS b SET hashes = overlay(b.hashes PLACING sha256('\\x00'::bytea || e.body) FROM 32 * e.n + 1)
      FROM evidence.event AS e WHERE e.batch = b.id AND \(Self.tenth)
      """, world)
    #expect(try await check.run()?.index == 10)
    try await world.close()
  }

  @Test func exchangedLeavesAreNamed() async throws {
    let (world, check) = try await world()
    // Two batches of one leaf each change places.
    try await cheat(
      """
      CREATE TEMP TABLE exchanged AS
      SELECT s.first_index, s.batch, row_number() OVER (ORDER BY s.first_index) AS n FROM evidence.sealed AS s
      WHERE s.count = 1 ORDER BY s.first_index LIMIT 2;
      DELETE FROM evidence.sealed AS s USING exchanged AS x WHERE s.batch = x.batch;
      INSERT INTO evidence.sealed (first_index, count, batch)
      SELECT a.first_index, 1, b.batch FROM exchanged AS a JOIN exchanged AS b ON b.n <> a.n
      """, world)
    #expect(try await check.run()?.index == 0)
    try await world.close()
  }

  @Test func anInsertedAndACutOffTailAreFound() async throws {
    let (world, check) = try await world()
    let head = try #require(try await world.reader.head())
    try await cheat(
      """
      DELETE FROM evidence.sealed WHERE first_index + count >= \(head.size);
      UPDATE evidence.log SET size = (SELECT max(first_index + count) FROM evidence.sealed)
      """, world)
    let cut = try #require(try await check.run()?.index)
    #expect(cut < head.size)
    await #expect(throws: EvidenceError.self) { _ = try await world.seal() }
    try await world.close()
  }

  @Test func anInventedLeafIsFound() async throws {
    let (world, check) = try await world()
    let size = try #require(try await world.reader.head()).size
    try await cheat(
      """
      SELECT evidence.record(gen_random_uuid(), 'operator.action', 'other', '{}');
      INSERT INTO evidence.sealed (first_index, count, batch) SELECT \(size), 1, batch FROM evidence.outbox;
      UPDATE evidence.log SET size = size + 1
      """, world)
    #expect(try await check.run()?.index == size)
    try await world.close()
  }

  /// The whole log as it was before: heads, tiles, leaves, everything fits – but what was published is longer.
  @Test func aLogThatWasRolledBackIsNamedAtItsEnd() async throws {
    let (world, check) = try await world()
    let early = try #require(try await world.reader.head())
    let note = try #require(early.note)
    try await world.live("later")
    try await world.seal()
    let store = DirectoryStore(path: world.folder + "/outside")
    try await Publisher(reader: world.reader, store: store, key: world.signer.key, logger: TestDatabase.logger)
      .publish()
    try await cheat(
      """
      DELETE FROM evidence.sealed WHERE first_index >= \(early.size);
      DELETE FROM evidence.tile WHERE level = 0 AND number >= \(early.size) / 256;
      UPDATE evidence.log SET size = \(early.size), root = decode('\(early.root)', 'hex'), note = '\(note)'
      """, world)
    #expect(try await check.run()?.index == early.size)
    #expect(
      try await LogCheck(reader: world.reader, store: nil, key: world.signer.key).run() == nil,
      "by itself the database cannot know")
    try await world.close()
  }

  // MARK: What an auditor sees, with both verifiers

  /// Both verifiers' outputs on a package that was made from the database as it is now; both must end with 1.
  private func deviations(
    of cases: [UUID], _ world: EvidenceWorld, since kept: LogHead
  ) async throws -> [String] {
    let content = try await PackageBuilder(reader: world.reader).build(cases, since: kept.size)
    let (path, note) = (world.folder + "/package.zip", world.folder + "/kept")
    try Data(try content.encoded()).write(to: URL(fileURLWithPath: path))
    try #require(kept.note).write(toFile: note, atomically: true, encoding: .utf8)
    let arguments = [path, "--key", world.signer.key.vkey, "--since", note]
    let (first, second) = (try await Program.verify(arguments), try await Program.secondVerifier(arguments))
    #expect(first.code == 1 && second.code == 1, "\(first.output)\(first.errors)\(second.output)\(second.errors)")
    return [first, second].map { ended in
      ended.output.split(separator: "\n").first { $0.hasPrefix("DEVIATION") }.map(String.init) ?? ""
    }
  }

  /// The case with the leaf at index 10, and its place there.
  private func tenth(_ world: EvidenceWorld) async throws -> (id: UUID, leaf: EvidenceLeaf) {
    let leaf = try EvidenceLeaf(bytes: try #require(try await world.reader.entries(10..<11)[0]))
    return (leaf.caseID, leaf)
  }

  @Test func bothVerifiersNameAChangedADeletedAndAMovedLeaf() async throws {
    let (world, _) = try await world()
    let head = try #require(try await world.reader.head())
    let (id, leaf) = try await tenth(world)
    func copy(_ verb: String) -> String {
      verb == "keep"
        ? "CREATE TABLE IF NOT EXISTS public.kept AS SELECT * FROM evidence.event"
        : "DELETE FROM evidence.event; INSERT INTO evidence.event SELECT * FROM public.kept"
    }
    try await cheat(copy("keep"), world)
    try await cheat("UPDATE evidence.event AS e SET body = body || ' ' WHERE \(Self.tenth)", world)
    for line in try await deviations(of: [id], world, since: head) {
      #expect(line.contains("leaf 10 of the log"), "\(line)")
    }
    try await cheat(copy("back"), world)
    // Deleted: what comes after it in its case does not follow.
    let rotation = try #require(
      try await world.reader.opened(from: .distantPast, until: .distantFuture).first?.caseID)
    try await cheat("DELETE FROM evidence.event WHERE case_id = '\(rotation)' AND cs = 2", world)
    for line in try await deviations(of: [rotation], world, since: head) {
      #expect(line.contains(rotation.leafText) && line.contains("leaf 2"), "\(line)")
    }
    try await cheat(copy("back"), world)
    // Two leaves of a case change their places.
    try await cheat(
      """
      UPDATE evidence.event SET cs = 1000 WHERE case_id = '\(rotation)' AND cs = 2;
      UPDATE evidence.event SET cs = 2 WHERE case_id = '\(rotation)' AND cs = 3;
      UPDATE evidence.event SET cs = 3 WHERE case_id = '\(rotation)' AND cs = 1000
      """, world)
    for line in try await deviations(of: [rotation], world, since: head) { #expect(line.contains("leaf 2"), "\(line)") }
    try await cheat(copy("back"), world)
    // An invented one, put where another was sealed.
    try await cheat(
      "UPDATE evidence.event AS e SET body = replace(convert_from(body, 'UTF8'), '\"engine\"', '\"owner\"')::bytea "
        + "WHERE case_id = '\(rotation)' AND cs = 1", world)
    for line in try await deviations(of: [rotation], world, since: head) {
      #expect(line.contains("leaf 1"), "\(line)")
    }
    #expect(leaf.caseID == id)
    try await world.close()
  }

  @Test func bothVerifiersNameACutTailAndARollBack() async throws {
    let (world, _) = try await world()
    let early = try #require(try await world.reader.head())
    let rotation = try #require(
      try await world.reader.opened(from: .distantPast, until: .distantFuture).first?.caseID)
    try await world.live("later")
    let late = try await world.seal()
    try await cheat(
      """
      DELETE FROM evidence.sealed WHERE first_index >= \(early.size);
      DELETE FROM evidence.tile WHERE level = 0 AND number >= \(early.size) / 256;
      UPDATE evidence.log SET size = \(early.size), root = decode('\(early.root)', 'hex'), note = '\(try #require(early.note))'
      """, world)
    // What the auditor kept is longer than what is shown.
    let content = try await PackageBuilder(reader: world.reader).build([rotation])
    let (path, note) = (world.folder + "/package.zip", world.folder + "/kept")
    try Data(try content.encoded()).write(to: URL(fileURLWithPath: path))
    try #require(late.note).write(toFile: note, atomically: true, encoding: .utf8)
    let arguments = [path, "--key", world.signer.key.vkey, "--since", note]
    for ended in [try await Program.verify(arguments), try await Program.secondVerifier(arguments)] {
      #expect(ended.code == 1 && ended.output.contains("DEVIATION"), "\(ended.output)")
    }
    try await world.close()
  }
}
