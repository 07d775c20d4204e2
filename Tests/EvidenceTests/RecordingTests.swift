import Evidence
import Foundation
import Governance
import Jobs
import MerkleLog
import Postgres
import TestSupport
import Testing

@Suite struct RecordingTests {
  /// Every leaf is canonical, and each case is dense and chained.
  private func expectWhole(_ world: EvidenceWorld) async throws -> [UUID: [EvidenceLeaf]] {
    let cases = try await world.database.withOwner { connection in
      try await connection.query("SELECT DISTINCT case_id FROM evidence.event ORDER BY 1").map {
        try $0.decode(0, as: UUID.self)
      }
    }
    var found: [UUID: [EvidenceLeaf]] = [:]
    var last: [UUID: NodeHash] = [:]
    for stored in try await world.reader.leaves(of: cases) {
      let leaf = try EvidenceLeaf(bytes: stored.bytes)
      #expect(try CanonicalJSON(canonical: stored.bytes).bytes == stored.bytes)
      #expect(leaf.caseID == stored.caseID && leaf.sequence == Int64(stored.sequence))
      #expect(leaf.sequence == Int64(found[stored.caseID, default: []].count + 1))
      #expect(leaf.previous == last[stored.caseID])
      last[stored.caseID] = .leaf(stored.bytes)
      found[stored.caseID, default: []].append(leaf)
    }
    return found
  }

  /// Walks a whole life, and fails when one row of history has no leaf.
  @Test(arguments: ["alternating", "single"]) func everyTransitionLeavesALeaf(mode: String) async throws {
    let world = try await EvidenceWorld.make()
    try await world.live(mode: mode)
    let cases = try await expectWhole(world)
    let leaves = cases.values.joined()
    func count(_ sql: String) async throws -> Int { try await world.database.count(sql) }
    func lists(_ key: String) -> Int {
      leaves.filter { $0.type == .rotationStep }.reduce(0) { $0 + ($1.detail[key]?.array?.count ?? 0) }
    }
    #expect(try await lists("moves") == count("SELECT count(*) FROM lifecycle.rotation_step"))
    #expect(try await lists("proofs") == count("SELECT count(*) FROM lifecycle.proof"))
    #expect(try await lists("effects") == count("SELECT count(*) FROM lifecycle.effect WHERE state <> 'intended'"))
    let intents = leaves.compactMap { $0.detail["intent"]?["effect"]?.string }
    #expect(try await Set(intents).count == count("SELECT count(*) FROM lifecycle.effect"))
    func of(_ type: EventType) -> Int { leaves.filter { $0.type == type }.count }
    #expect(try await of(.rotationOpened) == count("SELECT count(*) FROM lifecycle.rotation"))
    #expect(try await of(.requestSubmitted) == count("SELECT count(*) FROM governance.request"))
    #expect(try await of(.approvalDecided) == count("SELECT count(*) FROM governance.approval"))
    #expect(try await of(.authorizationGranted) == count("SELECT count(*) FROM governance.authorization"))
    #expect(of(.personAdded) == 3 && of(.policyAdded) == 1 && of(.targetAdded) == 1 && of(.identityAdded) == 1)
    // State by state: what the leaves of a case say is what its history says.
    for (id, leaves) in cases where leaves.first?.type == .rotationOpened {
      let told = leaves.flatMap { $0.detail["moves"]?.array ?? [] }.compactMap { $0.array?.first?.string }
      let kept = try await world.database.withOwner { connection in
        try await connection.query(
          "SELECT to_state FROM lifecycle.rotation_step WHERE rotation_id = \(literal: id.leafText)::uuid ORDER BY sequence"
        )
        .map { try $0.decode(0, as: String.self) }
      }
      #expect(told == kept)
    }
    try await world.close()
  }

  @Test func noNameAndNoTextIsInALeaf() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live("svc_secretive")
    _ = try await world.composition.lifecycle.pauseTarget("sim", by: "alice", reason: "because Mallory asked")
    for word in ["alice", "bob", "carol", "svc_secretive", "T-1", "T-2", "Mallory", "member:readers"] {
      #expect(
        try await world.database.count(
          "SELECT count(*) FROM evidence.event WHERE position('\(word)' IN convert_from(body, 'UTF8')) > 0") == 0,
        "\(word)")
    }
    #expect(
      try await world.database.count("SELECT count(*) FROM evidence.opening WHERE value = 'because Mallory asked'") == 1
    )
    try await world.close()
  }

  @Test func commitmentsOfTheDatabaseAreThoseOfTheVerifier() async throws {
    let world = try await EvidenceWorld.make()
    try await world.addIdentity("svc")
    let request = try await world.submit([.issue, .rotate], "svc")
    let leaf = try EvidenceLeaf(bytes: try await world.reader.leaves(of: [request.id.rawValue])[0].bytes)
    // The next leaf of the case is what the rules said to it.
    let openings = try await world.reader.openings(of: [request.id.rawValue]).filter { $0.sequence == 1 }
    #expect(openings.map(\.field) == ["core", "ticket"])
    for opening in openings {
      let commitment = Commitment.make(type: opening.field, nonce: opening.nonce, value: Array(opening.value.utf8))
      #expect(leaf.commitments[opening.field] == "\(commitment)")
    }
    #expect(openings[0].value == String(decoding: request.core, as: UTF8.self))
    try await world.close()
  }

  /// Whoever writes to one case waits for whoever does; nobody gets another's place.
  @Test func aCaseIsDenseHoweverManyWriteToIt() async throws {
    let world = try await EvidenceWorld.make()
    let id = UUID()
    let alice = try await world.composition.governance.person("alice", in: world.client).id.rawValue
    let log = EvidenceLog()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask {
          for number in 0..<25 {
            try await world.client.withTransaction { transaction in
              _ = try await log.record(
                .operatorAction, of: id, by: alice, detail: .object(["n": .integer(Int64(writer * 100 + number))]),
                hiding: [.init(field: "reason", value: "ü \"quoted\"\n\u{1}", person: alice)], in: transaction)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let cases = try await expectWhole(world)
    #expect(cases[id]?.count == 200)
    try await world.close()
  }

  /// What is rolled back never was.
  @Test func aLeafIsDurableWithItsTransactionOnly() async throws {
    let world = try await EvidenceWorld.make()
    let before = try await world.database.count("SELECT count(*) FROM evidence.event")
    struct Never: Error {}
    await #expect(throws: Never.self) {
      try await world.client.withTransaction { transaction in
        _ = try await EvidenceLog().record(.operatorAction, of: UUID(), by: nil, detail: .object([:]), in: transaction)
        throw Never()
      }
    }
    #expect(try await world.database.count("SELECT count(*) FROM evidence.event") == before)
    #expect(
      try await world.database.count("SELECT count(*) FROM evidence.outbox")
        == world.database.count("SELECT count(*) FROM evidence.batch"))
    try await world.close()
  }

  @Test func cancellingAndVoidingAndOperatorsLeaveLeaves() async throws {
    let world = try await EvidenceWorld.make()
    try await world.addIdentity("svc")
    try await world.approve([.issue, .rotate], "svc")
    let identity = try await world.identity("svc")
    _ = try await world.composition.lifecycle.cancel(identity, by: "alice", reason: "not needed after all")
    _ = try await world.composition.lifecycle.voidAuthorizations(of: identity, reason: "owner left")
    let leaves = try await expectWhole(world).values.joined()
    #expect(leaves.filter { $0.type == .rotationCancelled }.count == 1)
    #expect(leaves.filter { $0.type == .authorizationVoided }.count == 1)
    #expect(leaves.filter { $0.type == .operatorAction }.count == 1)
    try await world.close()
  }
}
