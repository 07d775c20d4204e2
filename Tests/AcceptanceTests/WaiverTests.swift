import Foundation
import Governance
import Lifecycle
import Postgres
import TestSupport
import Testing

/// Revocations that cannot be proven, and the people who end them all the same.
@Suite(.timeLimit(.minutes(5))) struct WaiverTests {
  private static let reason = "the target is scrapped"

  /// A revocation whose target says that it drops, and does not.
  private func stuck() async throws -> SimulatedWorld {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    world.weather.set { [.change(.drop), .change(.strip)].contains($0) ? .doesNothing : nil }
    try await world.approve([.revoke], "svc")
    try await fail(world)
    return world
  }

  private func fail(_ world: SimulatedWorld) async throws {
    let before = try await world.database.count("SELECT max(failures) FROM jobs.job")
    try await world.withWorker {
      try await world.database.eventually {
        try await world.database.count("SELECT max(failures) FROM jobs.job") >= before + 6
      }
    }
    try await world.database.eventually {
      try await world.database.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL") == 0
    }
  }

  private func allow(_ person: String, _ world: SimulatedWorld) async throws {
    _ = try await world.composition.governance.grantPermission(
      .waive, to: person, environment: "test", validUntil: nil, by: "bob", reason: "a test",
      in: world.composition.client)
  }

  private func sign(
    _ digest: RequestDigest, _ key: SSHKey, by person: String = "carol", for purpose: SignaturePurpose = .waiver,
    _ world: SimulatedWorld
  ) async throws -> VerifiedSignature {
    let (governance, client) = (world.composition.governance, world.composition.client)
    let person = try await governance.person(person, in: client)
    return try await SignatureCheck().verify(
      try key.sign(SignatureCheck.signedBytes(digest), namespace: purpose.namespace), over: digest, by: person.id,
      keys: try await governance.signingKeys(of: person.id, in: client), for: purpose)
  }

  @Test func aStuckRevocationEndsWithTheSignatureOverExactlyWhatIsLeft() async throws {
    let world = try await stuck()
    let (lifecycle, identity) = (world.composition.lifecycle, try await world.identity())
    let key = try SSHKey.make()
    try await world.composition.governance.addSigningKey(key.publicKey, of: "carol", in: world.composition.client)
    func offer(_ person: String = "carol", ticket: String = "W-1") async throws -> WaiverOffer {
      try await lifecycle.offerWaiver(of: identity, by: person, ticket: ticket, reason: Self.reason)
    }
    func waive(_ signature: VerifiedSignature, by person: String = "carol", ticket: String = "W-1") async throws {
      _ = try await lifecycle.waive(identity, by: person, ticket: ticket, reason: Self.reason, signature: signature)
    }
    func refused(_ words: String, _ body: () async throws -> Void) async {
      let error = await #expect(throws: LifecycleError.self) { try await body() }
      #expect(error?.code == .refused && error?.message.contains(words) == true, "\(String(describing: error))")
    }
    // Neither without a permission, nor who asked for it.
    await refused("permission grant waive") { _ = try await offer() }
    try await allow("alice", world)
    await refused("asked for this revocation") { _ = try await offer("alice") }
    try await allow("carol", world)
    let first = try await offer()
    #expect(
      first.statement.proofs.contains { $0.kind == "residue" && $0.result == "failed" && $0.detail["count"] == "3" })
    #expect(try await offer().digest == first.digest)
    #expect(try await offer(ticket: "W-2").digest != first.digest)
    // For something else, over something else, by somebody without a key.
    let approval = try await sign(first.digest, key, for: .approval, world)
    await #expect(throws: GovernanceError.refused([.signatureInvalid])) { try await waive(approval) }
    let other = try await sign(RequestDigest(of: [1]), key, world)
    await refused("look again") { try await waive(other) }
    await #expect(throws: GovernanceError.refused([.signatureInvalid])) {
      _ = try await sign(first.digest, key, by: "bob", world)
    }
    // The same failure again changes nothing; more that is left does.
    let signature = try await sign(first.digest, key, world)
    await refused("look again") { try await waive(signature, ticket: "W-2") }
    try await fail(world)
    #expect(try await offer().digest == first.digest)
    world.target.setRights(["member:admins"], of: "svc")
    try await fail(world)
    await refused("look again") { try await waive(signature) }
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.waiver") == 0)

    try await waive(try await sign(try await offer().digest, key, world))
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM lifecycle.credential AS c
        JOIN lifecycle.rotation AS r ON r.credential_id = c.id AND r.state = 'abandoned' AND r.action = 'revoke'
        JOIN lifecycle.waiver AS w ON w.rotation_id = r.id
        WHERE c.state = 'waived' AND r.finished_at IS NOT NULL AND r.state_reason = 'waived: \(Self.reason)'
        """) == 1)
    #expect(try await world.database.count("SELECT count(*) FROM jobs.job") == 0)
    // What proves it later is kept.
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.version WHERE envelope IS NOT NULL") == 1)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM jobs.operator_action WHERE action = 'waive' AND actor = 'carol'") == 1)
    await #expect(throws: LifecycleError(code: .wrongState, message: "")) { try await waive(signature) }

    // Revoked again when the target does what it says: then it is proven.
    world.weather.set(nil)
    try await world.approve([.revoke], "svc")
    try await world.withWorker { try await world.settled() }
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.credential WHERE state = 'revoked'") == 1)
    #expect(world.target.roleNames == [])
    key.remove()
    try await world.close()
  }

  @Test func whatIsUnderWayIsLeftToProveItself() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    try await allow("carol", world)
    let identity = try await world.identity()
    func offer() async throws {
      _ = try await world.composition.lifecycle.offerWaiver(
        of: identity, by: "carol", ticket: "W-1", reason: Self.reason)
    }
    let none = await #expect(throws: LifecycleError.self) { try await offer() }
    #expect(none?.message.contains("no revocation") == true)
    try await world.approve([.revoke], "svc")
    let early = await #expect(throws: LifecycleError.self) { try await offer() }
    #expect(early?.code == .wrongState && early?.message.contains("under way") == true)
    try await world.close()
  }

  /// By the program, on a real server, where a replication slot keeps the role.
  @Test func theProgramShowsSignsAndTellsWhatWasWaived() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_w1")
      try await world.settled()
      try await world.target.withSuperuser {
        try await $0.executeScript("SELECT pg_create_physical_replication_slot('svc_w1_a_slot')")
      }
      try await world.approve(world.submit([.revoke], "svc_w1"))
      try await world.database.eventually { try await world.database.count("SELECT max(failures) FROM jobs.job") >= 6 }
    }
    let key = try SSHKey.make()
    #expect(try await world.keyturn("person", "key", "carol", key.publicKeyFile).code == 0)
    let words = ["--by", "carol", "--reason", "slot of a vendor", "--ticket", "W-7", "--json"]
    let command = ["rotation", "waive", "svc_w1"] + words
    let early = try await world.keyturn(command)
    #expect(early.code == 3 && early.errors.contains("permission grant waive"), "\(early.errors)")
    #expect(
      try await world.keyturn("permission", "grant", "waive", "carol", "--by", "bob", "--reason", "on call").code == 0)
    let shown = try await world.keyturn(command)
    #expect(shown.code == 0, "\(shown.errors)")
    let object = try shown.object()
    #expect((object["statement"] as? String)?.contains("residue 55006") == true)
    let digest = try #require(object["digest"] as? String)
    // Unsigned, nothing happened.
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.waiver") == 0)
    let file = key.folder + "/waiver.sig"
    #expect(try await world.keyturn(command + ["--signature", file]).code == 64)
    try key.sign(Array("\(digest)\n".utf8), namespace: "keyturn-approval").write(
      toFile: file, atomically: true, encoding: .utf8)
    #expect(try await world.keyturn(command + ["--signature", file]).code == 3)
    try key.sign(Array("\(digest)\n".utf8), namespace: "keyturn-waiver").write(
      toFile: file, atomically: true, encoding: .utf8)
    let done = try await world.keyturn(command + ["--signature", file])
    #expect(done.code == 0, "\(done.errors)")

    let status = try await world.keyturn("status", "svc_w1", "--json").rows()[0]
    #expect(status["state"] as? String == "waived")
    #expect((status["waived"] as? String)?.contains("by carol") == true)
    #expect(try await world.keyturn("status", "svc_w1").output.contains("waived"))
    let why = try await world.keyturn("why", "svc_w1", "--json").object()
    #expect((why["waived"] as? String)?.contains("ended without proof by carol") == true)
    // It was shut off, and is there; then somebody opens it again.
    for (sql, words) in [("SELECT 1", "was waived, and it is there"), ("ALTER ROLE svc_w1_a LOGIN", "it can log in")] {
      try await world.target.withSuperuser { try await $0.executeScript(sql) }
      #expect(try await world.keyturn("discover", "db", "--json").output.contains(words))
    }
    key.remove()
    try await world.close()
  }
}
