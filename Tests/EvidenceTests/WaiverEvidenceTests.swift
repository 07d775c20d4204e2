import Drivers
import Evidence
import Foundation
import Governance
import Lifecycle
import MerkleLog
import Synchronization
import TestSupport
import Testing

@testable import AuditPackage
@testable import CLI

@Suite struct WaiverEvidenceTests {
  @Test func aWaivedRevocationIsSaidToBeSoAndIsNeverGreen() async throws {
    let isBroken = Mutex(false)
    let world = try await EvidenceWorld.make { call in
      call == .change(.drop) && isBroken.withLock { $0 } ? .doesNothing : nil
    }
    try await world.addIdentity("svc")
    try await world.approve([.issue, .rotate], "svc")
    try await world.work()
    isBroken.withLock { $0 = true }
    try await world.approve([.revoke], "svc")
    let failing = Task { try await world.work() }
    try await world.database.eventually { try await world.database.count("SELECT max(failures) FROM jobs.job") >= 6 }
    failing.cancel()
    _ = await failing.result
    try await world.database.eventually {
      try await world.database.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL") == 0
    }
    let (lifecycle, governance, client) = (world.composition.lifecycle, world.composition.governance, world.client)
    let identity = try await world.identity("svc")
    _ = try await governance.grantPermission(
      .waive, to: "carol", environment: nil, validUntil: nil, by: "bob", reason: "a test", in: client)
    let key = try SSHKey.make()
    try await governance.addSigningKey(key.publicKey, of: "carol", in: client)
    let carol = try await governance.person("carol", in: client)
    let offer = try await lifecycle.offerWaiver(of: identity, by: "carol", ticket: "W-1", reason: "scrapped")
    let signature = try await SignatureCheck().verify(
      try key.sign(SignatureCheck.signedBytes(offer.digest), namespace: SignaturePurpose.waiver.namespace),
      over: offer.digest, by: carol.id,
      keys: [SignatureCheck.normalizedKey(key.publicKey)], for: .waiver)
    _ = try await lifecycle.waive(identity, by: "carol", ticket: "W-1", reason: "scrapped", signature: signature)
    try await world.seal()

    let cases = try await world.reader.opened(from: .distantPast, until: .distantFuture).map(\.caseID)
    let content = try await PackageBuilder(reader: world.reader).build(cases, since: 0)
    let report = try PackageVerifier(keys: [world.signer.key]).verify(Data(try content.encoded()))
    #expect(report.deviations == [])
    #expect(content.summary.contains("waived, not proven"))
    let leaves = try content.cases.map { try $0.leaves.map { try EvidenceLeaf(bytes: $0) } }
    let revocation = try #require(
      leaves.first { $0.first?.type == .rotationOpened && $0.first?.detail["action"]?.string == "revoke" })
    let lastBytes = try #require(content.cases.first { $0.id == revocation[0].caseID }?.leaves.last)
    #expect(CaseTimeline(revocation).state == "waived" && CaseTimeline(revocation).finishedAt == nil)
    var inputs = ControlFacts.Inputs()
    inputs.cases = [revocation[0].caseID: revocation]
    inputs.until = .max
    let facts = ControlFacts(inputs)
    #expect(facts.revocations.met == 0 && facts.revocations.total == 1 && facts.waived == 1)
    let line = try #require(ControlReport(facts).lines.first { $0.control.id == "NHI1" })
    #expect(line.status == .notMet && line.population.contains("1 ended by a signed waiver"))

    // Without its waiver, or by who asked for it, such an end is a deviation.
    let authorities = Authorities(Dictionary(uniqueKeysWithValues: leaves.map { ($0[0].caseID, $0) }))
    func codes(_ change: (inout [String: CanonicalJSON]) -> Void) throws -> [PackageVerifier.Deviation.Code] {
      guard case .object(var fields) = try CanonicalJSON(canonical: lastBytes) else { return [] }
      change(&fields)
      let forged = try EvidenceLeaf(bytes: CanonicalJSON.object(fields).bytes)
      return RotationRules(
        caseID: forged.caseID, leaves: revocation.dropLast() + [forged], authorities: authorities
      ).deviations.map(\.code)
    }
    #expect(try codes { _ in } == [])
    #expect(
      try codes { fields in
        guard case .object(var detail)? = fields["d"] else { return }
        detail["waiver"] = nil
        fields["d"] = .object(detail)
      } == [.verification])
    #expect(try codes { $0["actor"] = .string(revocation[0].actor) } == [.separation])
    #expect(try codes { $0["actor"] = .string("engine") } == [.approval])
    key.remove()
    try await world.close()
  }

  /// Both verifiers ask who waived a proof, and find the same.
  @Test(arguments: [nil, "engine", "9a3f7f64-6a0c-4a52-9d2f-6ad1f3a1c001", "9a3f7f64-6a0c-4a52-9d2f-6ad1f3a1c002"])
  func bothVerifiersAskForTheWaiver(of actor: String?) async throws {
    let requester = "9a3f7f64-6a0c-4a52-9d2f-6ad1f3a1c001"
    var detail: [String: CanonicalJSON] = [
      "action": "revoke", "fence": 2, "from": "planned",
      "moves": .array([.array(["quarantined", 2]), .array(["abandoned", 3])]),
    ]
    if actor != nil { detail["waiver"] = .object(["digest": .string(String(repeating: "a", count: 64))]) }
    let (bytes, signer, _) = try HostilePackageTests.make([
      .init(
        type: "rotation.opened", actor: requester,
        detail: ["action": "revoke", "authorization": .string(UUID().leafText)]),
      .init(type: "rotation.step", actor: actor ?? "engine", detail: detail),
    ])
    let folder = try TestFolder.make("keyturn-waiver")
    defer { _ = try? FileManager.default.removeItem(atPath: folder) }
    let package = folder + "/package.zip"
    try Data(bytes).write(to: URL(fileURLWithPath: package))
    let isMissing = actor == nil || actor == "engine" || actor == requester
    let (first, second) = (
      try await Program.verify([package, "--key", signer.key.vkey]),
      try await Program.secondVerifier([package, "--key", signer.key.vkey])
    )
    // The first one also says that nothing shows who granted the revocation.
    #expect(first.output.contains("waive") == isMissing, "\(first.output)")
    #expect(second.code == (isMissing ? 1 : 0) && second.output.contains("waiver") == isMissing, "\(second.output)")
  }
}
