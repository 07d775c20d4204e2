import Foundation
import Postgres
import Secrets
import Targets
import Testing

/// Somebody else changes what is ours, by hand or by another engine: it is named and not fought, and what takes access away
/// still does.
@Suite(.timeLimit(.minutes(2))) struct PostgresForeignWriterTests {
  @Test func namesALoginThatWasRenamedInMidRotation() async throws {
    let target = try await TargetFixture.make()
    let name = target.identity.name
    #expect(try await target.set(target.a, "first") == .done)
    try await target.server.run("ALTER ROLE \(target.a) RENAME TO \(name)_moved")
    let renamed = EffectOutcome.refused(.foreignWriter, code: "42704 a role of ours is now called \(name)_moved")
    #expect(try await target.set(target.b, "second", fence: 2, mayCreate: false) == renamed)
    #expect(try await target.apply(.grant(identity: target.identity, rights: .none), fence: 2) == renamed)
    // Which of the two logins it was cannot be told, so that one alone is not touched; all together are.
    #expect(try await target.apply(.blockLogins([target.a], of: target.identity), fence: 2) == renamed)
    let session = try await target.connect(name + "_moved", "first")
    #expect(try await target.apply(.blockLogins(target.identity.logins, of: target.identity), fence: 2) == .done)
    #expect(try await target.apply(.endSessions(target.identity.logins, of: target.identity), fence: 2) == .done)
    await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
    await session.close()
    #expect(await target.probe(name + "_moved", "first") == .refused(.blocked, code: "28000"))
    #expect(try await target.revoke() == renamed)
    try await target.server.run("ALTER ROLE \(name)_moved RENAME TO \(target.a)")
    #expect(try await target.revoke() == .done)
    #expect(try await target.residue() == [])
  }

  @Test func namesAnIdentityThatWasRenamed() async throws {
    for mode in LoginMode.allCases {
      let target = try await TargetFixture.make(mode)
      let name = target.identity.name
      let login = target.identity.login(besides: nil)
      #expect(try await target.set(login, "first") == .done)
      try await target.server.run("ALTER ROLE \(name) RENAME TO \(name)_moved")
      let renamed = EffectOutcome.refused(.foreignWriter, code: "42704 a role of ours is now called \(name)_moved")
      #expect(try await target.set(login, "second", fence: 2, mayCreate: false) == renamed)
      #expect(try await target.apply(.drop(names: target.identity.names, of: target.identity), fence: 2) == renamed)
      #expect(try await target.apply(.blockLogins(target.identity.logins, of: target.identity), fence: 2) == .done)
      let canLogIn = try await target.server.texts(
        "SELECT rolname::text FROM pg_roles WHERE rolcanlogin AND starts_with(rolname, \(literal: name))")
      #expect(canLogIn == [])
      try await target.server.run("ALTER ROLE \(name)_moved RENAME TO \(name)")
      #expect(try await target.revoke() == .done)
    }
  }

  @Test func namesWhoseMarkARoleCarriesNow() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "first") == .done)
    try await target.server.run("COMMENT ON ROLE \(target.a) IS 'keyturn:another-engine:fence=3'")
    #expect(
      try await target.set(target.a, "second", fence: 2, mayCreate: false)
        == .refused(.foreignWriter, code: "42710 \(target.a) is marked by another-engine"))
    try await target.server.run("COMMENT ON ROLE \(target.a) IS 'ours, hands off'")
    #expect(
      try await target.revoke() == .refused(.foreignWriter, code: "42710 \(target.a) no longer carries our mark"))
    #expect(await target.probe(target.a, "first") == .accepted(identity: target.identity.name, sessionUser: target.a))
  }

  @Test func containsWhatCarriesTheMarkUnderWhateverName() async throws {
    let (target, single) = (try await TargetFixture.make(), try await TargetFixture.make(.single))
    let whole = try await TargetFixture.make()
    let names = [target, single, whole].map(\.identity.name)
    #expect(try await target.set(target.a, "first") == .done)
    #expect(try await target.set(target.b, "second") == .done)
    #expect(try await single.set(names[1], "first", fence: 3) == .done)
    #expect(try await whole.set(whole.a, "first") == .done)
    // A decoy under the old name, an identity that is its own login, and the role that others are members of.
    try await target.server.run(
      """
      ALTER ROLE \(target.a) RENAME TO \(names[0])_moved; CREATE ROLE \(target.a) LOGIN;
      ALTER ROLE \(names[1]) RENAME TO \(names[1])_moved; ALTER ROLE \(whole.identity.name) RENAME TO \(names[2])_moved
      """)
    let sessions = [
      try await target.connect(names[0] + "_moved", "first"), try await target.connect(target.b, "second"),
      try await single.connect(names[1] + "_moved", "first"), try await whole.connect(whole.a, "first"),
    ]
    func orders(fence: Int64) -> [ContainmentOrder] {
      [target, single, whole].map { ContainmentOrder(identity: $0.identity, context: $0.context(fence: fence)) }
    }
    // The fence is where the mark is.
    let early = await target.driver.contain(orders(fence: 2))
    #expect(early[1] == .refused(.fenced, code: "55000"))
    #expect(await single.probe(names[1] + "_moved", "first") != .refused(.blocked, code: "28000"))
    let outcomes = await target.driver.contain(orders(fence: 4))
    #expect(outcomes == [.refused(.nameConflict, code: "42710"), .done, .done])
    for session in sessions {
      await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
      await session.close()
    }
    for (login, secret) in [
      (names[0] + "_moved", "first"), (target.b, "second"), (names[1] + "_moved", "first"), (whole.a, "first"),
    ] {
      #expect(await target.probe(login, secret) == .refused(.blocked, code: "28000"), "\(login)")
    }
    let decoy = try await target.server.texts(
      "SELECT rolcanlogin::text FROM pg_roles WHERE rolname = \(literal: target.a)")
    #expect(decoy == ["true"], "what is somebody else's is not touched")
    let kept = try await target.server.texts(
      "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = \(literal: names[1] + "_moved")")
    #expect(kept == ["keyturn:\(single.mark):fence=4"])
    try await target.server.run(
      """
      DROP ROLE \(target.a); ALTER ROLE \(names[0])_moved RENAME TO \(target.a);
      ALTER ROLE \(names[1])_moved RENAME TO \(names[1]); ALTER ROLE \(names[2])_moved RENAME TO \(names[2])
      """)
    for fixture in [target, single, whole] { #expect(try await fixture.revoke() == .done) }
  }

  @Test func readsTheMarkAndTheFence() async throws {
    let target = try await TargetFixture.make()
    func mark() async throws -> TargetMark? {
      try await target.driver.readMark(of: target.identity, deadline: TargetFixture.deadline)
    }
    #expect(try await mark() == nil)
    #expect(try await target.set(target.a, "first", fence: 5) == .done)
    #expect(try await mark() == TargetMark(mark: target.mark, fence: 5))
    try await target.server.run("COMMENT ON ROLE \(target.a) IS 'keyturn:another-engine'")
    #expect(try await mark()?.mark == ["another-engine", target.mark].sorted().joined(separator: ", "))
    try await target.server.run("COMMENT ON ROLE \(target.identity.name) IS NULL; COMMENT ON ROLE \(target.a) IS NULL")
    #expect(try await mark() == TargetMark(mark: nil, fence: nil))
    try await target.server.run("DROP ROLE \(target.a); DROP ROLE \(target.identity.name)")
    #expect(try await mark() == nil)
  }

  @Test func saysThatADroppedIdentityIsNotThere() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "first") == .done)
    try await target.server.run("DROP ROLE \(target.a); DROP ROLE \(target.identity.name)")
    #expect(
      try await target.set(target.b, "second", fence: 2, mayCreate: false) == .refused(.nameConflict, code: "42704"))
    #expect(try await target.revoke() == .done)
  }

  @Test func listsLoginsWithWhoseTheyAre() async throws {
    let target = try await TargetFixture.make()
    let name = target.identity.name
    #expect(try await target.set(target.a, "first", rights: PrivilegeSet(["member:readers"]), fence: 5) == .done)
    try await target.server.run(
      "CREATE ROLE \(name)_other LOGIN CREATEDB VALID UNTIL '2001-01-01'; CREATE ROLE \(name)_quiet")
    let session = try await target.connect(target.a, "first")
    let all = try #require(
      try await target.driver.listLogins(named: ["\(name)_quiet"], deadline: TargetFixture.deadline))
    func login(_ name: String) throws -> ObservedLogin { try #require(all.first { $0.name == name }) }
    #expect(
      try login(name)
        == ObservedLogin(name: name, canLogin: false, mark: target.mark, fence: 5, notes: ["member:readers"]))
    #expect(try login(target.a).mark == target.mark)
    #expect(try login(target.a).canLogin)
    #expect(try login(target.a).sessions == 1)
    #expect(try login("\(name)_other").mark == nil)
    #expect(try login("\(name)_other").notes == ["createdb"])
    #expect(try login("\(name)_other").validUntil.map { $0 < Date() } == true)
    #expect(try !login("\(name)_quiet").canLogin)
    #expect(try login("root_admin").notes.contains("superuser"))
    #expect(!all.contains { $0.name.hasPrefix("pg_") })
    #expect(!all.contains { $0.name == "readers" })
    await session.close()
    try await target.server.run("DROP ROLE \(name)_other, \(name)_quiet")
  }
}
