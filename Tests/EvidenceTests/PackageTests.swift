import AuditPackage
import Evidence
import Foundation
import Governance
import Jobs
import MerkleLog
import Postgres
import TestSupport
import Testing

@testable import CLI

@Suite struct PackageTests {
  private func rotations(_ world: EvidenceWorld) async throws -> [UUID] {
    try await world.reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
  }

  private func package(
    _ world: EvidenceWorld, _ subjects: [UUID], since: UInt64 = 0
  ) async throws -> PackageContent {
    try await PackageBuilder(reader: world.reader).build(subjects, since: since)
  }

  private func verify(_ content: PackageContent, _ world: EvidenceWorld) throws -> PackageVerifier.Report {
    try PackageVerifier(keys: [world.signer.key]).verify(Data(try content.encoded()))
  }

  /// The second verifier's exit code.
  private func pythonVerdict(_ path: String, _ key: String, since: String? = nil) throws -> Int32 {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("deploy/audit/keyturn_verify.py")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-B", script.path, path, "--key", key] + (since.map { ["--since", $0] } ?? [])
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Both verifiers' exit codes; they must agree.
  private func verdict(_ bytes: [UInt8], _ key: String, _ folder: String, _ place: String) throws -> Int32 {
    let path = folder + "/package.zip"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let first = VerifyRun(package: path, keys: [key], since: nil, witnesses: 0, json: false).run().exitCode
    #expect(try pythonVerdict(path, key) == first, "\(place)")
    return first
  }

  @Test func aWholeLifeVerifiesAndOutlivesJobsTicketsAndPeople() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live()
    try await world.seal()
    let cases = try await rotations(world)
    #expect(cases.count == 3)
    let content = try await package(world, cases)
    let report = try verify(content, world)
    #expect(report.deviations == [])
    #expect(report.cases == 5 && report.artefacts == 2 && report.openings > 0)
    #expect(content.deadlines.count == 3 && content.deadlines.allSatisfy(\.isMet))
    #expect(content.summary.contains("not evidence") && content.summary.contains("proof residue: passed"))
    #expect(try verdict(content.encoded(), world.signer.key.vkey, world.folder, "sound") == 0)
    // The queue's rows and its archive go; evidence does not ask them.
    try await world.owner("TRUNCATE jobs.job, jobs.job_archive, jobs.statistic")
    let later = try await package(world, cases)
    #expect(try verify(later, world).isSound)
    #expect(later.cases.map(\.leaves) == content.cases.map(\.leaves))
    try await world.close()
  }

  @Test func erasureKeepsProofsAndHoldsWin() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live()
    let (log, client) = (EvidenceLog(), world.client)
    let alice = try await world.composition.governance.person("alice", in: client).id.rawValue
    let bob = try await world.composition.governance.person("bob", in: client).id.rawValue
    let before = try await world.database.count("SELECT count(*) FROM evidence.opening WHERE person_id = '\(alice)'")
    #expect(before > 0)
    let hold = try await client.withTransaction {
      try await log.placeHold(.onPerson(alice), by: bob, reason: "case 1", in: $0)
    }
    #expect(hold != nil)
    let kept = try await client.withTransaction { try await log.erase(person: alice, by: bob, reason: "asked", in: $0) }
    #expect(kept.erased == 0 && kept.held == before)
    _ = try await client.withTransaction { try await log.liftHold(.onPerson(alice), by: bob, reason: "over", in: $0) }
    let gone = try await client.withTransaction { try await log.erase(person: alice, by: bob, reason: "asked", in: $0) }
    #expect(gone.erased == before && gone.held == 0)
    #expect(try await world.database.count("SELECT count(*) FROM evidence.opening WHERE person_id = '\(alice)'") == 0)
    #expect(try await world.database.count("SELECT count(*) FROM evidence.pseudonym WHERE person_id = '\(alice)'") == 0)
    for type in ["hold.placed", "hold.lifted", "data.erased"] {
      #expect(try await world.database.count("SELECT count(*) FROM evidence.event WHERE type = '\(type)'") > 0)
    }
    try await world.seal()
    let content = try await package(world, try await rotations(world))
    #expect(try verify(content, world).isSound)
    #expect(content.artefacts.isEmpty)
    try await world.close()
  }

  @Test func wholeTilesArePrunedAndOtherProofsGoOn() async throws {
    let world = try await EvidenceWorld.make()
    let log = EvidenceLog()
    for number in 0..<300 {
      try await world.client.withTransaction {
        _ = try await log.record(
          .operatorAction, of: UUID(), by: nil, detail: .object(["n": .integer(Int64(number))]), in: $0)
      }
    }
    try await world.live()
    let head = try await world.seal()
    let prune = { try await world.client.withTransaction { try await log.prune(atMost: 10, in: $0) } }
    #expect(try await prune() == [])
    try await world.owner("UPDATE evidence.retention SET keep = interval '1 day'")
    // Eight days later, as far as the first tile can tell.
    try await world.owner(
      """
      ALTER TABLE evidence.event DISABLE TRIGGER event_append_only;
      UPDATE evidence.event SET at = at - interval '8 days';
      ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_append_only;
      """)
    let held = try await world.database.withOwner { connection in
      try await connection.query("SELECT cases[1] FROM evidence.batch ORDER BY id OFFSET 5 LIMIT 1")[0].decode(
        0, as: UUID.self)
    }
    let alice = try await world.composition.governance.person("alice", in: world.client).id.rawValue
    _ = try await world.client.withTransaction {
      try await log.placeHold(.onCase(held), by: alice, reason: "court", in: $0)
    }
    #expect(try await prune() == [])
    _ = try await world.client.withTransaction {
      try await log.liftHold(.onCase(held), by: alice, reason: "over", in: $0)
    }
    #expect(try await prune() == [0])
    let leaves = try await world.reader.entries(0..<head.size)
    #expect(leaves.prefix(256).allSatisfy { $0 == nil } && leaves.dropFirst(256).allSatisfy { $0 != nil })
    let proof = try await world.reader.inclusions(of: [256], in: head)[0]
    #expect(proof.verifies(leaf: .leaf(leaves[256] ?? []), root: head.root))
    // A row whose time is not that of its bytes is damaged.
    let check = LogCheck(reader: world.reader, store: nil, key: world.signer.key)
    #expect(try await check.run()?.index == 256)
    try await world.owner(
      """
      ALTER TABLE evidence.event DISABLE TRIGGER event_append_only;
      UPDATE evidence.event SET at = at + interval '8 days' WHERE at < now() - interval '7 days';
      ALTER TABLE evidence.event ENABLE ALWAYS TRIGGER event_append_only;
      """)
    #expect(try await check.run() == nil)
    try await world.close()
  }

  /// Every kind of lie, in a package signed by the right log: both verifiers name it.
  @Test func liesAreFound() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live()
    let head = try await world.seal()
    let cases = try await rotations(world)
    let sound = try await package(world, cases)
    func expect(
      _ code: PackageVerifier.Deviation.Code, _ place: String, _ change: (inout PackageContent) throws -> Void
    ) throws {
      var content = sound
      try change(&content)
      let report = try PackageVerifier(keys: [world.signer.key]).verify(content)
      #expect(report.deviations.contains { $0.code == code }, "\(place): \(report.deviations)")
      #expect(try verdict(content.encoded(), world.signer.key.vkey, world.folder, place) == 1, "\(place)")
    }
    try expect(.inclusion, "a changed byte") { $0.cases[0].leaves[1][30] ^= 1 }
    try expect(.order, "a leaf left out") {
      $0.cases[0].leaves.remove(at: 1)
      $0.cases[0].proofs.remove(at: 1)
    }
    try expect(.order, "two leaves exchanged") {
      $0.cases[0].leaves.swapAt(1, 2)
      $0.cases[0].proofs.swapAt(1, 2)
    }
    try expect(.order, "a leaf twice") {
      $0.cases[0].leaves.append($0.cases[0].leaves[1])
      $0.cases[0].proofs.append($0.cases[0].proofs[1])
    }
    try expect(.order, "another case's leaves") {
      $0.cases[0].leaves = $0.cases[1].leaves
      $0.cases[0].proofs = $0.cases[1].proofs
    }
    try expect(.commitment, "another value") {
      let opening = $0.openings[0]
      $0.openings[0] = .init(
        caseID: opening.caseID, sequence: opening.sequence, field: opening.field, nonce: opening.nonce, value: "other")
    }
    try expect(.permit, "the request left out") { content in
      content.cases.removeAll { !cases.contains($0.id) }
      content.openings.removeAll { !cases.contains($0.caseID) }
      content.artefacts = []
    }
    // A package of another time: the root does not fit.
    let wrongRoot = Checkpoint(origin: head.origin, size: head.size, root: .emptyTree)
    try expect(.inclusion, "another root, signed") {
      $0.checkpoint =
        SignedNote(text: wrongRoot.text, signatures: [try world.signer.sign(wrongRoot.text)]).description
    }
    var times = sound
    times.deadlines[0] = Deadline(caseID: times.deadlines[0].caseID, start: 1, end: 2, limit: 86_400)
    #expect(try PackageVerifier(keys: [world.signer.key]).verify(times).deviations.map(\.code) == [.deadline])
    // Signed by somebody else under the same name.
    let other = try NoteSigner.generate(name: head.origin).signer
    var forged = sound
    let text = Checkpoint(origin: head.origin, size: head.size, root: head.root).text
    forged.checkpoint = SignedNote(text: text, signatures: [try other.sign(text)]).description
    #expect(try verdict(forged.encoded(), world.signer.key.vkey, world.folder, "another key") == 2)
    try await world.close()
  }

  @Test func aLaterPackageExtendsTheEarlierCheckpointOrSaysNot() async throws {
    let world = try await EvidenceWorld.make()
    try await world.live("one")
    let early = try await world.seal()
    try await world.live("two")
    let late = try await world.seal()
    let content = try await package(world, try await rotations(world), since: early.size)
    let earlier = Checkpoint(origin: early.origin, size: early.size, root: early.root)
    let verifier = PackageVerifier(keys: [world.signer.key], earlier: earlier)
    #expect(try verifier.verify(content).deviations == [])
    let kept = world.folder + "/kept"
    try (early.note ?? "").write(toFile: kept, atomically: true, encoding: .utf8)
    let file = world.folder + "/late.zip"
    try Data(try content.encoded()).write(to: URL(fileURLWithPath: file))
    #expect(try pythonVerdict(file, world.signer.key.vkey, since: kept) == 0)
    func fails(_ checkpoint: Checkpoint, _ content: PackageContent) throws -> Bool {
      try PackageVerifier(keys: [world.signer.key], earlier: checkpoint).verify(content).deviations.map(\.code)
        == [.consistency]
    }
    #expect(try fails(Checkpoint(origin: early.origin, size: early.size, root: .emptyTree), content))
    #expect(try fails(Checkpoint(origin: late.origin, size: late.size, root: early.root), content))
    #expect(try fails(Checkpoint(origin: late.origin, size: late.size + 1, root: late.root), content))
    var without = content
    without.consistency = nil
    #expect(try fails(earlier, without))
    try await world.close()
  }

  @Test func aSampleIsTheSameForEverybodyAndFollowsTheDigest() throws {
    let members = (0..<300).map { number in
      Population.Member(id: UUID(), stratum: Stratum.allCases[number % 3])
    }
    let population = Population(from: 0, until: 1, members: members)
    #expect(population.digest == Population(from: 0, until: 1, members: members.reversed()).digest)
    let drawn = population.sample(seed: "auditor's seed", size: .confidence90at10)
    #expect(drawn.count == 66 && Set(drawn).count == 66)
    #expect(population.sample(seed: "another seed", size: .confidence90at10) != drawn)
    for size in SampleSize.allCases {
      let parts = size.rawValue.split(separator: "/").map { Double($0)! / 100 }
      #expect(size.count == Int((log(1 - parts[0]) / log(1 - parts[1])).rounded(.up)))
    }
  }
}
