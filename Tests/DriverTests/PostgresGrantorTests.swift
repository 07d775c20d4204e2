import Postgres
import Targets
import Testing

/// A right that somebody else gave is taken where the server lets us, and named with its giver where it does not; on every
/// version that is there, because membership has had a row per giver only since 16.
@Suite(.timeLimit(.minutes(3))) struct PostgresGrantorTests {
  private static let versions = [nil] + [17, 18].filter { ServerPrograms.brought($0) != nil }.map { Optional($0) }

  private func makeTarget(_ version: Int?) async throws -> (target: TargetFixture, perGrantor: Bool) {
    let server: TestServer? = if let version { try await TestServer.version(version) } else { nil }
    let target = try await TargetFixture.make(on: server)
    let number = try await target.server.texts("SELECT current_setting('server_version_num')").first.flatMap { Int($0) }
    return (target, try #require(number) >= 160_000)
  }

  private func revoke(_ target: TargetFixture, _ rights: [String], fence: Int64 = 2) async throws -> EffectOutcome {
    try await target.apply(.revoke(identity: target.identity, rights: PrivilegeSet(rights)), fence: fence)
  }

  @Test(arguments: versions) func takesItsOwnAndNamesTheGiverOfTheRest(version: Int?) async throws {
    let (target, perGrantor) = try await makeTarget(version)
    let name = target.identity.name
    #expect(
      try await target.set(target.a, "first", rights: PrivilegeSet(["member:makers", "member:readers"])) == .done)
    // The same membership by somebody else, one of a login, and one that is only somebody else's.
    try await target.server.run(
      """
      CREATE ROLE \(name)_giver CREATEROLE; CREATE ROLE \(name)_team;
      GRANT makers, \(name)_team TO \(name)_giver WITH ADMIN OPTION;
      SET ROLE \(name)_giver; GRANT makers, \(name)_team TO \(name); GRANT \(name)_team TO \(target.a); RESET ROLE;
      """)
    let outcome = try await revoke(target, ["member:makers", "member:readers", "member:\(name)_team"])
    if perGrantor {
      #expect(outcome == .refused(.residue, code: "2BP01 member:\(name)_team by \(name)_giver"))
      #expect(try await target.rights() == PrivilegeSet(["member:makers", "member:\(name)_team"]))
      try await target.server.run(
        """
        SET ROLE \(name)_giver; REVOKE makers, \(name)_team FROM \(name); REVOKE \(name)_team FROM \(target.a)
        """)
      #expect(try await revoke(target, ["member:makers", "member:\(name)_team"]) == .done)
    } else {
      #expect(outcome == .done)
    }
    #expect(try await target.rights() == .none)
    #expect(try await target.revoke() == .done)
    try await target.server.run(
      "REVOKE makers FROM \(name)_giver CASCADE; DROP ROLE \(name)_team; DROP ROLE \(name)_giver")
  }

  @Test(arguments: versions) func namesWhatTheIdentityPassedOn(version: Int?) async throws {
    let (target, perGrantor) = try await makeTarget(version)
    let name = target.identity.name
    #expect(try await target.set(target.a, "first", rights: PrivilegeSet(["member:makers"])) == .done)
    let admin = try await PostgresConnection.connect(
      target.server.configuration(user: "keyturn_admin", password: TestServer.adminPassword),
      logger: .init(label: "test"))
    try await admin.executeScript("GRANT makers TO \(name) WITH ADMIN OPTION")
    await admin.close()
    try await target.server.run(
      "CREATE ROLE \(name)_friend; SET ROLE \(name); GRANT makers TO \(name)_friend; RESET ROLE")
    let outcome = try await revoke(target, ["admin:makers", "member:makers"])
    if perGrantor {
      #expect(outcome == .refused(.residue, code: "2BP01 member:\(name)_friend:makers by \(name)"))
      try await target.server.run("SET ROLE \(name); REVOKE makers FROM \(name)_friend")
      #expect(try await revoke(target, ["admin:makers", "member:makers"]) == .done)
    } else {
      // Up to 15 nobody's membership depends on the giver's.
      #expect(outcome == .done)
      try await target.server.run("REVOKE makers FROM \(name)_friend")
    }
    #expect(try await target.rights() == .none)
    #expect(try await target.revoke() == .done)
    try await target.server.run("DROP ROLE \(name)_friend")
  }

  @Test(arguments: versions) func namesWhoseAccessListItIs(version: Int?) async throws {
    let (target, _) = try await makeTarget(version)
    let name = target.identity.name
    #expect(try await target.set(target.a, "first", rights: PrivilegeSet(["member:makers"])) == .done)
    // Through the chain of one who was given it with the right to pass it on.
    try await target.server.run(
      """
      CREATE ROLE \(name)_giver; CREATE TABLE \(name)_t (n int);
      GRANT SELECT ON \(name)_t TO \(name)_giver WITH GRANT OPTION;
      SET ROLE \(name)_giver; GRANT SELECT ON \(name)_t TO \(name); RESET ROLE; ALTER ROLE \(name) CREATEDB;
      """)
    let right = "acl:app:table:public.\(name)_t:SELECT"
    #expect(
      try await revoke(target, [right, "member:makers"])
        == .refused(.residue, code: "2BP01 \(right) by \(name)_giver"))
    #expect(try await revoke(target, ["attribute:createdb"]) == .refused(.residue, code: "2BP01 attribute:createdb"))
    #expect(try await target.rights() == PrivilegeSet([right, "attribute:createdb"]), "what could be taken is taken")
    try await target.server.run("DROP TABLE \(name)_t")
    #expect(try await target.revoke() == .done)
    try await target.server.run("DROP ROLE \(name)_giver")
  }
}
