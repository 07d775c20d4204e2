import AuditPackage
import Evidence
import Foundation
import Governance
import Jobs
import Lifecycle
import MerkleLog
import Postgres
import TestSupport
import Testing

@testable import CLI

/// A database that is behind what was published.
@Suite struct RestoreTests {
  /// As if more had been sealed and published before the database was set back: a head of the same key with more leaves.
  private func publishMore(_ world: EvidenceWorld, to store: DirectoryStore) async throws -> Checkpoint {
    let head = try #require(try await world.reader.head())
    let later = Checkpoint(origin: head.origin, size: head.size + 100, root: .digest([1]))
    let note = SignedNote(text: later.text, signatures: [try world.signer.sign(later.text)]).description
    try await store.write(DirectoryStore.checkpointPath, Array(note.utf8))
    return later
  }

  private func run(_ world: EvidenceWorld, until condition: @Sendable () async throws -> Bool) async throws {
    let service = try world.composition.makeWorker(
      WorkerConfiguration(
        name: "test", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.03, shutdownGrace: 10,
        retry: RetryPolicy(base: 0.02, cap: 0.1, maximumFailures: 500)), planEvery: 3600)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await service.run() }
      defer { service.worker.stop() }
      try await world.database.eventually(condition)
    }
  }

  @Test func whileTheLogIsRefusedNothingHappensButShuttingOff() async throws {
    let world = try await EvidenceWorld.make()
    for name in ["one", "two"] {
      try await world.addIdentity(name)
      try await world.approve([.issue, .rotate], name)
    }
    try await world.work()
    try await world.seal()
    // The worker's own sealing goes to the configured place; this is another.
    let store = DirectoryStore(path: world.folder + "/outside")
    _ = try await publishMore(world, to: store)
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) {
      _ = try await world.sealer(known: [store]).takeLead()
    }
    #expect(try await world.reader.refusal()?.contains("restored") == true)
    // Nobody else finds it whole meanwhile.
    try FileManager.default.removeItem(atPath: world.composition.evidence.keyFile)

    // Nothing new is granted.
    try await world.addIdentity("three")
    let request = try await world.submit([.issue, .rotate], "three")
    await #expect(throws: GovernanceError.self) {
      _ = try await world.composition.lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
    }
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM governance.decision WHERE 'evidence_not_writable' = ANY (reasons)") > 0)
    // What was granted before waits.
    let effects = "SELECT count(*) FROM lifecycle.effect"
    let before = try await world.database.count(effects)
    try await world.rotate(["one"])
    try await run(world) {
      try await world.database.count(
        "SELECT count(*) FROM jobs.job AS j WHERE to_jsonb(j)::text LIKE '%evidence_not_writable%'"
      ) > 0
    }
    #expect(try await world.database.count(effects) == before)
    // A revocation shuts off and deletes nothing.
    let revocation = try await world.submit([.revoke], "two")
    _ = try await world.composition.lifecycle.decide(
      revocation.id, approve: true, by: "bob", sawDigest: revocation.digest)
    try await run(world) {
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.effect WHERE verb = 'end_sessions' AND state = 'applied'") > 0
    }
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.effect AS e JOIN lifecycle.rotation AS r ON r.id = e.rotation_id "
          + "WHERE r.action = 'revoke' AND e.verb NOT IN ('block_logins', 'end_sessions')") == 0)

    // A newer copy came: everything goes on by itself, and both are in the evidence.
    try FileManager.default.removeItem(atPath: store.path)
    try await world.owner("UPDATE evidence.log SET lease_until = '-infinity'")
    try await world.seal(known: [store])
    #expect(try await world.reader.refusal() == nil)
    try await world.work()
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM lifecycle.rotation WHERE state = 'done' AND action IN ('rotate', 'revoke')") == 2)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM evidence.event WHERE convert_from(body, 'UTF8') LIKE '%\"record\":\"evidence.refusal\"%'")
        == 2)
    try await world.close()
  }

  @Test func aNewLogNamesTheOldOnesLastCheckpoint() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live("one")
    let old = try await world.seal()
    let store = DirectoryStore(path: world.folder + "/outside")
    let lost = try await publishMore(world, to: store)
    let note = try #require(try await store.newestCheckpoint())
    await #expect(throws: EvidenceError(code: .rolledBack, message: "")) {
      _ = try await world.sealer(known: [store]).takeLead()
    }
    let log = EvidenceLog()
    let alice = try await world.composition.governance.person("alice", in: world.client).id.rawValue
    func begin(_ key: NoteKey, _ note: String) async throws {
      try await world.client.withTransaction {
        try await log.beginAnew(with: key, after: old, lastNote: note, by: alice, reason: "the copies are gone", in: $0)
      }
    }
    let signer = try NoteSigner.generate(name: "evidence.example/second").signer
    // Not under the old name or key, not from a checkpoint that the old key did not sign, nor from an older one.
    await #expect(throws: EvidenceError(code: .invalidField, message: "")) { try await begin(world.signer.key, note) }
    await #expect(throws: EvidenceError(code: .store, message: "")) {
      let forged = SignedNote(text: lost.text, signatures: [try signer.sign(lost.text)]).description
      try await begin(signer.key, forged)
    }
    await #expect(throws: EvidenceError(code: .invalidField, message: "")) {
      let text = Checkpoint(origin: old.origin, size: 1, root: .emptyTree).text
      try await begin(
        signer.key, SignedNote(text: text, signatures: [try world.signer.sign(text)]).description)
    }
    try await begin(signer.key, note)
    #expect(try await world.reader.refusal() == nil)
    #expect(try await world.reader.formerLogs().map(\.vkey) == [world.signer.key.vkey])

    // The old key seals nothing any more; the new one goes on where the database is.
    await #expect(throws: EvidenceError(code: .key, message: "")) { _ = try await world.sealer().takeLead() }
    let sealer = Sealer(
      client: world.client, signer: signer, known: [], configuration: .init(name: "new"), logger: TestDatabase.logger)
    var term = try #require(try await sealer.takeLead())
    while try await sealer.sealOnce(&term) > 0 {}
    await sealer.leave(term)
    let head = try #require(try await world.reader.head())
    #expect(head.origin == signer.key.name && head.size > old.size)
    #expect(try await world.reader.root(at: old.size, in: head) == old.root)
    // Never into the old log's place.
    func publish(_ place: DirectoryStore) async throws {
      try await Publisher(reader: world.reader, store: place, key: signer.key, logger: TestDatabase.logger).publish()
    }
    await #expect(throws: EvidenceError(code: .store, message: "")) { try await publish(store) }
    let place = DirectoryStore(path: world.folder + "/second")
    try await publish(place)
    #expect(try await LogCheck(reader: world.reader, store: place, key: signer.key).run() == nil)

    // What an auditor gets: the case that tells it, and the old cases, under the new key.
    let cases = try await world.reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
    let content = try await PackageBuilder(reader: world.reader).build(cases + [EvidenceLog.beginningsCase])
    #expect(try PackageVerifier(keys: [signer.key]).verify(Data(try content.encoded())).deviations == [])
    let told = try #require(content.cases.first { $0.id == EvidenceLog.beginningsCase }?.leaves.last)
    let leaf = try EvidenceLeaf(bytes: told)
    #expect(leaf.type == .logBegun)
    #expect(leaf.detail["former_root"]?.string == lost.root.base64)
    #expect(leaf.detail["former_size"]?.integer == Int64(lost.size))
    #expect(leaf.detail["former_vkey"]?.string == world.signer.key.vkey)
    #expect(leaf.detail["kept_size"]?.integer == Int64(old.size))
    #expect(leaf.detail["kept_root"]?.string == old.root.base64)
    try await world.close()
  }
}
