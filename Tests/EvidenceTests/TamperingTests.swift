import Evidence
import Foundation
import MerkleLog
import Postgres
import TestSupport
import Testing

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
    #expect(try await check.run() != nil)
    try await world.close()
  }
}
