import Postgres
import Secrets
import Targets
import Testing

/// From the first secret to nothing left, on a real server.
@Suite(.timeLimit(.minutes(2))) struct PostgresLifeTests {
  @Test func rotatesBetweenTwoLoginsAndLeavesNothing() async throws {
    let target = try await TargetFixture.make()
    let (a, b) = (target.a, target.b)
    #expect(try await target.set(a, "first-secret") == .done)
    #expect(await target.probe(a, "first-secret") == .accepted(identity: target.identity.name, sessionUser: a))

    #expect(try await target.set(b, "second-secret", fence: 2, mayCreate: false) == .done)
    #expect(await target.probe(b, "second-secret") == .accepted(identity: target.identity.name, sessionUser: b))
    #expect(await target.probe(a, "first-secret") == .accepted(identity: target.identity.name, sessionUser: a))

    let session = try await target.connect(a, "first-secret")
    #expect(try await target.sessions(become: 1))
    #expect(try await target.apply(.blockLogins([a], of: target.identity), fence: 3) == .done)
    #expect(try await target.apply(.endSessions([a], of: target.identity), fence: 3) == .done)
    #expect(try await target.sessions() == 0)
    await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
    await session.close()
    #expect(await target.probe(a, "first-secret") == .refused(.blocked, code: "28000"))
    #expect(await target.probe(a, "another") == .refused(.wrongSecret, code: "28P01"))

    #expect(try await target.apply(.strip(names: [a], of: target.identity), fence: 4) == .done)
    #expect(try await target.apply(.drop(names: [a], of: target.identity), fence: 4) == .done)
    #expect(try await target.driver.listResidue(of: [a], deadline: TargetFixture.deadline) == [])
    #expect(await target.probe(a, "first-secret") == .refused(.wrongSecret, code: "28P01"))
    #expect(await target.probe(b, "second-secret") == .accepted(identity: target.identity.name, sessionUser: b))
  }

  @Test func removesAnIdentityThatOwnsObjectsInTwoDatabases() async throws {
    let target = try await TargetFixture.make()
    let name = target.identity.name
    #expect(try await target.set(target.a, "first", rights: PrivilegeSet(["member:makers"])) == .done)
    #expect(try await target.set(target.b, "second", rights: PrivilegeSet(["member:makers"])) == .done)
    for database in ["app", "other"] {
      let session = try await target.connect(target.a, "first", database: database)
      try await session.executeScript("CREATE TABLE \(name)_owned (number int)")
      // What a login owns itself, having left the role it begins with.
      try await session.executeScript("RESET ROLE; SET ROLE none; CREATE TABLE \(name)_own_a (number int)")
      try await session.executeScript("GRANT SELECT ON \(name)_own_a TO \(target.b)")
      await session.close()
    }
    #expect(try await target.residue().contains("owner:\(name):app:table:public.\(name)_owned"))

    let identity = target.identity
    #expect(try await target.apply(.strip(names: [target.a], of: identity), fence: 2) == .done)
    let owner = try await target.server.texts(
      "SELECT tableowner::text FROM pg_tables WHERE tablename = \(literal: name + "_own_a")", in: "other")
    #expect(owner == [name])
    #expect(try await target.apply(.drop(names: [name], of: identity), fence: 2) == .refused(.residue, code: "2BP01"))

    #expect(try await target.apply(.blockLogins(identity.logins, of: identity), fence: 3) == .done)
    #expect(try await target.apply(.endSessions(identity.logins, of: identity), fence: 3) == .done)
    #expect(try await target.apply(.strip(names: identity.names, of: identity), fence: 3) == .done)
    #expect(try await target.apply(.drop(names: identity.names, of: identity), fence: 3) == .done)
    #expect(try await target.residue() == [])
    let heir = try await target.server.texts(
      "SELECT DISTINCT tableowner::text FROM pg_tables WHERE starts_with(tablename, \(literal: name))", in: "other")
    #expect(heir == ["keyturn_admin"])
  }

  @Test func treatsMissingRolesAsDone() async throws {
    let target = try await TargetFixture.make()
    let identity = target.identity
    #expect(try await target.apply(.blockLogins(identity.logins, of: identity)) == .done)
    #expect(try await target.apply(.endSessions(identity.logins, of: identity)) == .done)
    #expect(try await target.apply(.strip(names: identity.names, of: identity)) == .done)
    #expect(try await target.apply(.drop(names: identity.names, of: identity)) == .done)
  }

  @Test func replacesTheSecretOfASingleLogin() async throws {
    let target = try await TargetFixture.make(.single)
    let name = target.identity.name
    #expect(try await target.set(name, "first") == .done)
    #expect(await target.probe(name, "first") == .accepted(identity: name, sessionUser: name))
    #expect(try await target.set(name, "second", fence: 2) == .done)
    #expect(await target.probe(name, "first") == .refused(.wrongSecret, code: "28P01"))
    #expect(try await target.apply(.blockLogins([name], of: target.identity), fence: 3) == .done)
    #expect(await target.probe(name, "second") == .refused(.blocked, code: "28000"))
    #expect(try await target.set(name, "second", fence: 4) == .done)
    #expect(await target.probe(name, "second") == .accepted(identity: name, sessionUser: name))
    // The session of the last login may not have ended on the server yet.
    #expect(try await target.apply(.endSessions([name], of: target.identity), fence: 5) == .done)
    #expect(try await target.apply(.strip(names: [name], of: target.identity), fence: 5) == .done)
    #expect(try await target.apply(.drop(names: [name], of: target.identity), fence: 5) == .done)
    #expect(try await target.residue() == [])
  }

  @Test func repeatsASecretHarmlessly() async throws {
    let target = try await TargetFixture.make()
    let rights = PrivilegeSet(["member:readers"])
    for _ in 1...2 { #expect(try await target.set(target.a, "same", rights: rights) == .done) }
    #expect(
      await target.probe(target.a, "same") == .accepted(identity: target.identity.name, sessionUser: target.a))
    #expect(try await target.driver.readPrivileges(of: target.identity, deadline: TargetFixture.deadline) == rights)
  }
}
