import Secrets
import Targets
import Testing

/// Who may change a role: the newest fence, and only the credential it belongs to.
@Suite(.timeLimit(.minutes(2))) struct PostgresFencingTests {
  @Test func refusesALowerFenceAndChangesNothing() async throws {
    let target = try await TargetFixture.make()
    let identity = target.identity
    #expect(try await target.set(target.a, "kept", fence: 7) == .done)
    let session = try await target.connect(target.a, "kept")
    let before = try await snapshot(target)

    let fenced = EffectOutcome.refused(.fenced, code: "55000")
    #expect(try await target.set(target.a, "late", fence: 6) == fenced)
    #expect(
      try await target.apply(.grant(identity: identity, rights: PrivilegeSet(["member:readers"])), fence: 6) == fenced)
    #expect(try await target.apply(.blockLogins([target.a], of: identity), fence: 6) == fenced)
    #expect(try await target.apply(.endSessions([target.a], of: identity), fence: 6) == fenced)
    #expect(try await target.apply(.strip(names: identity.names, of: identity), fence: 6) == fenced)
    #expect(try await target.apply(.drop(names: identity.names, of: identity), fence: 6) == fenced)

    #expect(try await snapshot(target) == before)
    #expect(try await target.sessions() == 1)
    await session.close()
    #expect(await target.probe(target.a, "kept") == .accepted(identity: identity.name, sessionUser: target.a))
    #expect(try await target.set(target.a, "kept", fence: 7) == .done)
  }

  @Test func keepsTheFenceAlsoWhereNothingIsToBeDropped() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "first") == .done)
    #expect(try await target.apply(.drop(names: [target.b], of: target.identity), fence: 5) == .done)
    #expect(try await target.set(target.b, "late", fence: 4, mayCreate: false) == .refused(.fenced, code: "55000"))
    #expect(try await target.revoke() == .done)
  }

  @Test func leavesRolesOfOthersAlone() async throws {
    let target = try await TargetFixture.make()
    let identity = target.identity
    try await target.server.run("CREATE ROLE \(identity.name) NOLOGIN")
    let conflict = EffectOutcome.refused(.nameConflict, code: "42710")
    #expect(try await target.set(target.a, "secret") == conflict)
    #expect(
      try await target.apply(.drop(names: identity.names, of: identity))
        == .refused(.foreignWriter, code: "42710 \(identity.name) no longer carries our mark"))
    try await target.server.run("COMMENT ON ROLE \(identity.name) IS 'keyturn:somebody-else:fence=0'")
    #expect(try await target.set(target.a, "secret") == conflict)
    #expect(
      try await target.apply(.strip(names: identity.names, of: identity))
        == .refused(.foreignWriter, code: "42710 \(identity.name) is marked by somebody-else"))
    #expect(try await target.residue() == ["role:\(identity.name)"])
  }

  @Test func refusesALoginThatIsSomebodyElses() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "secret") == .done)
    try await target.server.run("CREATE ROLE \(target.b) LOGIN")
    #expect(try await target.set(target.b, "secret") == .refused(.nameConflict, code: "42710"))
  }

  @Test func createsOnlyWhereItMay() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "secret", mayCreate: false) == .refused(.nameConflict, code: "42704"))
    #expect(try await target.residue() == [])
  }

  @Test func changesManyIdentitiesAtOnce() async throws {
    let first = try await TargetFixture.make()
    try await withThrowingTaskGroup { group in
      for number in 1...40 {
        let identity = TargetIdentity(name: "\(first.identity.name)_\(number)", mode: .alternating)
        group.addTask {
          try await first.apply(
            .setSecret(
              identity: identity, login: identity.logins[0], secret: SecretBytes("secret"),
              rights: PrivilegeSet(["member:readers"]), mayCreate: true))
        }
      }
      for try await outcome in group { #expect(outcome == .done) }
    }
  }

  @Test func changesOneIdentityManyTimesAtOnce() async throws {
    let target = try await TargetFixture.make()
    try await withThrowingTaskGroup { group in
      for number in 1...20 {
        group.addTask { try await target.set(number % 2 == 1 ? target.a : target.b, "secret") }
      }
      for try await outcome in group { #expect(outcome == .done) }
    }
    #expect(
      await target.probe(target.b, "secret") == .accepted(identity: target.identity.name, sessionUser: target.b))
  }

  @Test func refusesNamesTheServerWouldShorten() async throws {
    let target = try await TargetFixture.make()
    let identity = TargetIdentity(name: String(repeating: "x", count: 62), mode: .alternating)
    #expect(
      try await target.apply(.drop(names: identity.names, of: identity)) == .refused(.other, code: "42622"))
    #expect(
      try await target.apply(.blockLogins(["keyturn_admin"], of: target.identity)) == .refused(.other, code: "42704"))
  }

  private func snapshot(_ target: TargetFixture) async throws -> [String] {
    try await target.server.texts(
      """
      SELECT concat_ws(' ', a.rolname, a.rolcanlogin, a.rolpassword, shobj_description(a.oid, 'pg_authid'))
      FROM pg_authid a
      WHERE starts_with(a.rolname, \(literal: target.identity.name))
      ORDER BY a.rolname
      """) + (try await target.residue())
  }
}
