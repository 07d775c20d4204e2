import Drivers
import Secrets
import Targets
import Testing

/// The simulated target answers as a PostgreSQL server would; see `PostgresLifeTests` and `PostgresFencingTests`.
@Suite struct SimulatedTargetTests {
  private struct Fixture {
    let target: SimulatedTarget
    let driver: any TargetDriver
    let identity: TargetIdentity

    init(_ mode: LoginMode = .alternating, populate: Bool = false) throws {
      let targets = SimulatedTargets()
      driver = try SimulatedTargetFactory(targets: targets).makeDriver(
        for: TargetEndpoint(
          settings: ["name": "t", "populate": "\(populate)"], adminSecret: SecretBytes("unused")))
      target = targets.target("t")
      identity = TargetIdentity(name: "svc", mode: mode)
    }

    var a: String { identity.logins[0] }
    var b: String { identity.logins[1] }

    func apply(_ change: TargetChange, fence: Int64 = 1, mark: String = "mine") async throws -> EffectOutcome {
      try await driver.apply(
        change,
        context: EffectContext(fence: fence, deadline: .now + .seconds(5), idempotencyKey: "k", ownershipMark: mark))
    }

    func set(_ login: String, _ secret: String, fence: Int64 = 1, mayCreate: Bool = true) async throws -> EffectOutcome
    {
      try await apply(
        .setSecret(
          identity: identity, login: login, secret: SecretBytes(secret), rights: PrivilegeSet(["member:readers"]),
          mayCreate: mayCreate), fence: fence)
    }

    func probe(_ login: String, _ secret: String) async -> ProbeResult {
      await driver.authenticate(login: login, secret: SecretBytes(secret), deadline: .now + .seconds(5))
    }

    func residue(_ names: [String]) async throws -> [String] {
      try await driver.listResidue(of: names, deadline: .now + .seconds(5))
    }
  }

  @Test func rotatesBetweenTwoLoginsAndLeavesNothing() async throws {
    let fixture = try Fixture()
    let (a, b) = (fixture.a, fixture.b)
    #expect(try await fixture.set(a, "first") == .done)
    #expect(try await fixture.set(b, "second", fence: 2, mayCreate: false) == .done)
    #expect(await fixture.probe(a, "first") == .accepted(identity: "svc", sessionUser: a))
    #expect(await fixture.probe(b, "second") == .accepted(identity: "svc", sessionUser: b))
    #expect(await fixture.probe(b, "first") == .refused(.wrongSecret, code: "28P01"))

    #expect(fixture.target.openSession(a, SecretBytes("first")))
    #expect(try await fixture.apply(.blockLogins([a], of: fixture.identity), fence: 3) == .done)
    #expect(!fixture.target.openSession(a, SecretBytes("first")))
    #expect(await fixture.probe(a, "first") == .refused(.blocked, code: "28000"))
    #expect(await fixture.probe(a, "wrong") == .refused(.wrongSecret, code: "28P01"))
    #expect(try await fixture.driver.countSessions(of: [a], deadline: .now + .seconds(5)) == 1)
    let inUse = EffectOutcome.refused(.residue, code: "55006")
    #expect(try await fixture.apply(.drop(names: [a], of: fixture.identity), fence: 3) == inUse)
    #expect(try await fixture.apply(.endSessions([a], of: fixture.identity), fence: 3) == .done)
    #expect(try await fixture.apply(.drop(names: [a], of: fixture.identity), fence: 3) == .done)
    #expect(try await fixture.residue([a]) == [])
    #expect(fixture.target.roleNames == ["svc", b])
  }

  @Test func refusesALowerFenceAndForeignNames() async throws {
    let fixture = try Fixture()
    #expect(try await fixture.set(fixture.a, "kept", fence: 7) == .done)
    #expect(try await fixture.set(fixture.a, "late", fence: 6) == .refused(.fenced, code: "55000"))
    #expect(await fixture.probe(fixture.a, "kept") == .accepted(identity: "svc", sessionUser: fixture.a))
    let conflict = EffectOutcome.refused(.nameConflict, code: "42710")
    let block = TargetChange.blockLogins([fixture.a], of: fixture.identity)
    #expect(try await fixture.apply(block, fence: 8, mark: "yours") == conflict)
    fixture.target.addForeignRole(fixture.b)
    #expect(try await fixture.set(fixture.b, "mine", fence: 8) == conflict)
    let other = TargetChange.blockLogins(["somebody"], of: fixture.identity)
    #expect(try await fixture.apply(other, fence: 8) == .refused(.other, code: "42704"))
  }

  @Test func createsOnlyWhereItMay() async throws {
    let fixture = try Fixture()
    #expect(try await fixture.set(fixture.a, "secret", mayCreate: false) == .refused(.nameConflict, code: "42704"))
    #expect(fixture.target.roleNames == [])
  }

  @Test func replacesTheSecretOfASingleLogin() async throws {
    let fixture = try Fixture(.single)
    #expect(try await fixture.set("svc", "first") == .done)
    #expect(try await fixture.set("svc", "second", fence: 2) == .done)
    #expect(await fixture.probe("svc", "first") == .refused(.wrongSecret, code: "28P01"))
    #expect(await fixture.probe("svc", "second") == .accepted(identity: "svc", sessionUser: "svc"))
  }

  @Test func handsWhatADroppedLoginOwnsToTheIdentityAndThenToTheAdmin() async throws {
    let fixture = try Fixture()
    #expect(try await fixture.set(fixture.a, "secret") == .done)
    #expect(fixture.target.addObject("table", ownedBy: fixture.a))
    let drop = TargetChange.drop(names: [fixture.a], of: fixture.identity)
    #expect(try await fixture.apply(drop) == .refused(.residue, code: "2BP01"))
    #expect(try await fixture.apply(.strip(names: [fixture.a], of: fixture.identity)) == .done)
    #expect(try await fixture.apply(drop) == .done)
    #expect(try await fixture.residue(["svc"]) == ["role:svc", "member:readers:svc", "owner:svc:table"])
    let names = fixture.identity.names
    #expect(try await fixture.apply(.strip(names: names, of: fixture.identity)) == .done)
    #expect(try await fixture.apply(.drop(names: names, of: fixture.identity)) == .done)
    #expect(try await fixture.residue(names) == [])
    #expect(fixture.target.objectsOfAdmin == ["table"])
  }

  @Test func readsRightsAndGrantsWhatIsMissing() async throws {
    let fixture = try Fixture()
    #expect(try await fixture.set(fixture.a, "secret") == .done)
    fixture.target.setRights(["member:writers"], of: "svc")
    let grant = TargetChange.grant(identity: fixture.identity, rights: PrivilegeSet(["member:readers"]))
    #expect(try await fixture.apply(grant) == .done)
    let rights = try await fixture.driver.readPrivileges(of: fixture.identity, deadline: .now + .seconds(5))
    #expect(rights == PrivilegeSet(["member:readers", "member:writers"]))
  }

  @Test func takesOverWhatItHasNotSeenWithoutAcceptingAnything() async throws {
    let fixture = try Fixture(populate: true)
    #expect(await fixture.probe(fixture.a, "old") == .refused(.wrongSecret, code: "28P01"))
    #expect(try await fixture.set(fixture.b, "new", mayCreate: false) == .done)
    #expect(fixture.target.roleNames == ["svc", fixture.a, fixture.b])
    #expect(await fixture.probe(fixture.b, "new") == .accepted(identity: "svc", sessionUser: fixture.b))
    #expect(await fixture.probe(fixture.a, "old") == .refused(.wrongSecret, code: "28P01"))
  }

  @Test func aWrongLatencyIsNamed() {
    #expect(throws: TargetError(code: .invalidSetting, message: "")) {
      try SimulatedTargetFactory(targets: SimulatedTargets()).makeDriver(
        for: TargetEndpoint(settings: ["latency_ms": "soon"], adminSecret: SecretBytes("unused")))
    }
  }
}
