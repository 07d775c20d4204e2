import Evidence
import Foundation
import MerkleLog
import Postgres
import TestSupport
import Testing

@Suite struct SealerTests {
  /// Leaves in many small commits.
  private func record(_ count: Int, _ world: EvidenceWorld) async throws {
    let log = EvidenceLog()
    for number in 0..<count {
      try await world.client.withTransaction { transaction in
        _ = try await log.record(
          .operatorAction, of: UUID(), by: nil, detail: .object(["n": .integer(Int64(number))]), in: transaction)
      }
    }
  }

  @Test func whatIsCommittedIsSealedOnceAndProvenFromTiles() async throws {
    let world = try await EvidenceWorld.make()
    try await record(600, world)
    let head = try await world.seal()
    let events = try await world.database.count("SELECT count(*) FROM evidence.event")
    #expect(head.size == UInt64(events))
    #expect(try await world.reader.waiting() == (0, 0))
    let note = try SignedNote(parsing: try #require(head.note))
    #expect(try note.verified(by: [world.signer.key]).count == 1)
    #expect(try Checkpoint(text: note.text) == Checkpoint(origin: head.origin, size: head.size, root: head.root))
    let leaves = try await world.reader.entries(0..<head.size)
    var range = CompactRange()
    for leaf in leaves { range.append(.leaf(try #require(leaf))) }
    #expect(range.root == head.root)
    let proofs = try await world.reader.inclusions(of: Array(0..<head.size), in: head)
    for (leaf, proof) in zip(leaves, proofs) { #expect(proof.verifies(leaf: .leaf(leaf ?? []), root: head.root)) }
    for old in [1, 2, 255, 256, 257, 511, 512, head.size - 1] as [UInt64] {
      let proof = try await world.reader.consistency(from: old, in: head)
      #expect(try await proof.verifies(oldRoot: world.reader.root(at: old, in: head), newRoot: head.root))
    }
    try await world.close()
  }

  @Test func aBatchThatCommitsLateIsSealedLater() async throws {
    let world = try await EvidenceWorld.make()
    try await world.seal()
    let (log, first) = (EvidenceLog(), UUID())
    // Its number is taken before the other's; it commits after the other was sealed.
    try await world.client.withTransaction { transaction in
      _ = try await log.record(.operatorAction, of: first, by: nil, detail: .object([:]), in: transaction)
      try await record(3, world)
      try await world.seal()
      #expect(try await world.reader.waiting() == (0, 0))
    }
    let head = try await world.seal()
    #expect(try await world.reader.leaves(of: [first])[0].index == head.size - 1)
    try await world.close()
  }

  @Test func onlyOneSealsAndWhoLostTheLeadIsRefused() async throws {
    let world = try await EvidenceWorld.make()
    let (one, two) = (world.sealer(name: "one"), world.sealer(name: "two"))
    var old = try #require(try await one.takeLead())
    #expect(try await two.takeLead() == nil)
    try await world.owner("UPDATE evidence.log SET lease_until = now() - interval '1 second'")
    var new = try #require(try await two.takeLead())
    await #expect(throws: Sealer.LeadLost.self) { try await one.sealOnce(&old) }
    #expect(try await two.sealOnce(&new) > 0)
    try await world.close()
  }

  /// Many at once, each until nothing waits: each leaf is there exactly once.
  @Test func sealersThatFightLoseAndRepeatNothing() async throws {
    let world = try await EvidenceWorld.make()
    try await record(100, world)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          let sealer = world.sealer(name: "sealer-\(number)", maximumBatches: 3)
          for _ in 0..<200 {
            if try await world.reader.waiting() == (0, 0) { return }
            guard var term = try await sealer.takeLead() else {
              // As if the other had died in the middle.
              try await world.owner("UPDATE evidence.log SET lease_until = '-infinity'")
              continue
            }
            do { _ = try await sealer.sealOnce(&term) } catch is Sealer.LeadLost { continue }
          }
        }
      }
      try await group.waitForAll()
    }
    try await world.owner("UPDATE evidence.log SET lease_until = '-infinity'")
    let head = try await world.seal()
    #expect(try await head.size == UInt64(world.database.count("SELECT count(*) FROM evidence.event")))
    var range = CompactRange()
    for leaf in try await world.reader.entries(0..<head.size) { range.append(.leaf(try #require(leaf))) }
    #expect(range.root == head.root)
    try await world.close()
  }

  @Test func publishingIsSafeToRepeatAndReadsLikeTheLog() async throws {
    let world = try await EvidenceWorld.make()
    let store = DirectoryStore(path: world.folder + "/log")
    let publisher = Publisher(reader: world.reader, store: store, key: world.signer.key, logger: TestDatabase.logger)
    #expect(try await publisher.publish() == nil)
    for count in [10, 300, 1] {
      try await record(count, world)
      let head = try await world.seal(known: [store])
      #expect(try await publisher.publish() == head.size)
      #expect(try await publisher.publish() == nil)
    }
    let head = try #require(try await world.reader.head())
    var tiles: [Tile] = []
    for id in TileID.added(from: 0, to: head.size) {
      tiles.append(try Tile(id: id, bytes: try #require(try await store.read(id.path))))
    }
    let cache = TileCache(size: head.size, tiles: tiles)
    #expect(try cache.root(size: head.size) == head.root)
    let bundle = try #require(try await store.read(TileID(level: 0, number: 0).entriesPath))
    let leaves = try EntryBundle.decode(bundle, maximumCount: 256)
    #expect(leaves.map { NodeHash.leaf($0) } == tiles.first { $0.id == TileID(level: 0, number: 0) }?.hashes)
    #expect(try await store.newestCheckpoint() == head.note)
    try await world.close()
  }

  @Test func aRestoredDatabaseIsNotSealedAgain() async throws {
    let world = try await EvidenceWorld.make()
    let store = DirectoryStore(path: world.folder + "/log")
    let publisher = Publisher(reader: world.reader, store: store, key: world.signer.key, logger: TestDatabase.logger)
    try await world.seal()
    try await world.database.withOwner { connection in
      try await connection.executeScript("CREATE SCHEMA copy; CREATE TABLE copy.log AS SELECT * FROM evidence.log")
    }
    try await record(5, world)
    try await world.seal()
    try await publisher.publish()
    // The older copy: fewer leaves.
    try await world.owner(
      """
      SET session_replication_role = replica;
      ALTER TABLE evidence.sealed DISABLE TRIGGER sealed_append_only;
      DELETE FROM evidence.sealed WHERE first_index >= (SELECT size FROM copy.log);
      UPDATE evidence.log SET size = c.size, root = c.root, note = c.note FROM copy.log AS c;
      """)
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) {
      _ = try await world.sealer(known: [store]).takeLead()
    }
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) { try await publisher.publish() }
    // Who does not know the store seals on; then its history contradicts the published one, however long it is.
    try await record(20, world)
    try await world.seal()
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) {
      try await world.owner("UPDATE evidence.log SET lease_until = '-infinity'")
      _ = try await world.sealer(known: [store]).takeLead()
    }
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) { try await publisher.publish() }
    try await world.close()
  }

  @Test func anotherKeyDoesNotContinueTheLog() async throws {
    let world = try await EvidenceWorld.make()
    try await world.seal()
    let other = Sealer(
      client: world.client, signer: try NoteSigner.generate(name: world.signer.key.name).signer, known: [],
      configuration: .init(name: "other"), logger: TestDatabase.logger)
    await #expect(throws: EvidenceError(code: .key, message: "")) { _ = try await other.takeLead() }
    try await world.close()
  }

  @Test func theKeyFileIsPrivateAndComesBack() throws {
    let folder = try TestFolder.make("keyturn-evidence-key")
    let file = SigningKeyFile(path: folder + "/evidence.key")
    let made = try file.create(name: "evidence.example/gov1")
    #expect(try file.load().key == made.key)
    #expect(throws: EvidenceError.self) { _ = try file.create(name: "evidence.example/gov1") }
    chmod(file.path, 0o644)
    #expect { _ = try file.load() } throws: { "\($0)".contains("chmod 600") }
    try FileManager.default.removeItem(atPath: folder)
  }

  @Test func nobodyChangesThePast() async throws {
    let world = try await EvidenceWorld.make()
    try await world.seal()
    for statement in [
      "UPDATE evidence.event SET body = body", "DELETE FROM evidence.event", "TRUNCATE evidence.event",
      "UPDATE evidence.batch SET count = count", "DELETE FROM evidence.batch", "TRUNCATE evidence.batch CASCADE",
      "DELETE FROM evidence.sealed", "TRUNCATE evidence.log", "TRUNCATE evidence.tile", "TRUNCATE evidence.outbox",
    ] {
      await #expect(throws: PostgresError.self, "\(statement)") { try await world.owner(statement) }
      await #expect(throws: PostgresError.self, "\(statement)") {
        try await world.owner("SET session_replication_role = replica; \(statement)")
      }
    }
    for statement in [
      "INSERT INTO evidence.sealed VALUES (99, 1, 1)", "UPDATE evidence.log SET size = 0",
      "DELETE FROM evidence.outbox",
      "INSERT INTO evidence.pruned VALUES (0)", "DELETE FROM evidence.opening", "DELETE FROM evidence.pseudonym",
      "INSERT INTO evidence.tile VALUES (0, 0, '', '')", "UPDATE evidence.retention SET keep = interval '1 day'",
    ] {
      await #expect(throws: PostgresError.self, "\(statement)") {
        try await world.owner("SET ROLE keyturn_engine; \(statement)")
      }
    }
    try await world.close()
  }
}
