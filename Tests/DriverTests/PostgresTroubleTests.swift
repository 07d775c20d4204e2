import Foundation
import Logging
import Postgres
import Secrets
import Targets
import TestSupport
import Testing

@testable import Drivers

/// Servers that make it hard, and what the driver makes of them.
@Suite(.timeLimit(.minutes(3))) struct PostgresTroubleTests {
  // MARK: Fences by time

  @Test func givesUpAtTheDeadlineWhileALockIsHeld() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "first") == .done)
    let holder = try await PostgresConnection.connect(
      target.server.configuration(user: "keyturn_admin", password: TestServer.adminPassword),
      logger: Logger(label: "test"))
    try await holder.executeScript(
      "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('keyturn:\(target.identity.name)', 0))")
    let context = EffectContext(
      fence: 2, deadline: .now + .seconds(2), idempotencyKey: "k", ownershipMark: target.mark)
    let start = ContinuousClock.now
    let outcome = try await target.driver.apply(
      .setSecret(
        identity: target.identity, login: target.a, secret: SecretBytes("late"), rights: .none, mayCreate: false),
      context: context)
    guard case .unknown = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(ContinuousClock.now - start < .seconds(20))
    // The wait has ended on the server too: nobody stands in line for the lock.
    let waiting = try await target.server.texts(
      "SELECT pid::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    #expect(waiting == [])
    await holder.close()
    #expect(await target.probe(target.a, "first") == .accepted(identity: target.identity.name, sessionUser: target.a))
    #expect(try await target.set(target.a, "next", fence: 3) == .done)
  }

  /// What a worker leaves that is stopped in the middle of a transaction: the server ends it by itself.
  @Test func aTransactionThatWentSilentIsEndedByTheServer() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "first") == .done)
    let silent = try await PostgresConnection.connect(
      target.server.configuration(user: "keyturn_admin", password: TestServer.adminPassword),
      logger: Logger(label: "test"))
    try await silent.executeScript("BEGIN")
    _ = try await silent.execute(LimitTransaction(limit: .seconds(1)))
    try await silent.executeScript(
      """
      SELECT pg_advisory_xact_lock(hashtextextended('keyturn:\(target.identity.name)', 0));
      ALTER ROLE "\(target.a)" PASSWORD 'from a worker that was stopped'
      """)
    // Waits for the lock, and so for the end of the silent one.
    #expect(try await target.set(target.a, "second", fence: 2) == .done)
    await #expect(throws: PostgresError.self) { try await silent.executeScript("COMMIT") }
    await silent.close()
    #expect(await target.probe(target.a, "second") == .accepted(identity: target.identity.name, sessionUser: target.a))
  }

  // MARK: Password rules

  /// A module that sees what a server's module sees of us: a verifier, never a password. It refuses the first secret of each
  /// role called `…_picky…`, and every secret of roles called `…_never…`.
  @Test func aRefusedCandidateIsReportedAndTheNextOnePasses() async throws {
    let programs = try ServerPrograms.usual()
    let number = try await TestServer.shared().texts("SELECT current_setting('server_version_num')")
    let module = try PasswordModule.build(for: (Int(number[0]) ?? 0) / 10_000)
    let server = try await TestServer.start(in: programs, options: "-c shared_preload_libraries=\(module)")
    let mark = UUID().uuidString
    let driver = try TargetFixture.makeDriver(server)
    func target(_ name: String, _ mode: LoginMode) -> TargetFixture {
      TargetFixture(server: server, driver: driver, identity: TargetIdentity(name: name, mode: mode), mark: mark)
    }
    let picky = target("svc_picky", .single)
    #expect(try await picky.set("svc_picky", "first") == .refused(.secretRejected, code: "22023"))
    #expect(try await picky.residue() == [])
    #expect(try await picky.set("svc_picky", "second") == .done)
    #expect(await picky.probe("svc_picky", "second") == .accepted(identity: "svc_picky", sessionUser: "svc_picky"))
    let never = target("svc_never", .alternating)
    for candidate in 1...3 {
      #expect(try await never.set(never.a, "candidate-\(candidate)") == .refused(.secretRejected, code: "28P01"))
    }
    #expect(try await never.residue() == [])
    await driver.close()
  }

  /// The one in PostgreSQL's own distribution can refuse only a password that is the role's name, of what it sees.
  @Test func theServersOwnModuleRefusesASecretThatIsTheName() async throws {
    let programs = try ServerPrograms.usual()
    let server = try await TestServer.start(in: programs, options: "-c shared_preload_libraries=passwordcheck")
    let driver = try TargetFixture.makeDriver(server)
    let target = TargetFixture(
      server: server, driver: driver, identity: TargetIdentity(name: "svc_checked", mode: .single), mark: "m")
    #expect(try await target.set("svc_checked", "svc_checked") == .refused(.secretRejected, code: "22023"))
    #expect(try await target.set("svc_checked", "short") == .done)
    await driver.close()
  }

  // MARK: Poolers

  @Test(.enabled(if: Pooler.isThere), arguments: ["session", "transaction"])
  func refusesAPoolerAndSaysSo(mode: String) async throws {
    let server = try await TestServer.shared()
    for ignored in ["extra_float_digits", "extra_float_digits,options"] {
      let port = try await Pooler.start(
        before: server.port, user: "keyturn_admin", password: TestServer.adminPassword, mode: mode, ignoring: ignored)
      let driver = try TargetFixture.makeDriver(server, overriding: ["port": "\(port)"])
      let problems = await driver.examine(deadline: TargetFixture.deadline)
      #expect(problems.count == 1, "\(problems)")
      #expect(problems.first?.contains("a connection pooler") == true, "\(problems)")
      #expect(problems.first?.contains("name the server itself") == true)
      await driver.close()
    }
  }

  // MARK: The admin's own secret

  @Test func changesItsOwnSecretAndAnothersOnlyWhereItMay() async throws {
    let server = try await TestServer.start(in: try ServerPrograms.usual())
    let driver = try TargetFixture.makeDriver(server)
    let admin = try #require(driver.admin)
    #expect(admin.login == "keyturn_admin")
    let secret = SecretBytes("a-new-admin-password")
    #expect(
      try await admin.setSecret(secret, of: "keyturn_admin", deadline: TargetFixture.deadline) == .done)
    #expect(
      await driver.authenticate(login: "keyturn_admin", secret: secret, deadline: TargetFixture.deadline)
        == .accepted(identity: "keyturn_admin", sessionUser: "keyturn_admin"))
    #expect(
      await driver.authenticate(
        login: "keyturn_admin", secret: SecretBytes(TestServer.adminPassword), deadline: TargetFixture.deadline)
        == .refused(.wrongSecret, code: "28P01"))
    let other = try await admin.setSecret(secret, of: "spare_admin", deadline: TargetFixture.deadline)
    let version = try await server.texts("SELECT current_setting('server_version_num')").first.flatMap { Int($0) } ?? 0
    #expect(other == (version < 160_000 ? .done : .refused(.insufficientRights, code: "42501")))
    #expect(
      try await admin.setSecret(secret, of: "root_admin", deadline: TargetFixture.deadline)
        == .refused(.insufficientRights, code: "42501"))
    await driver.close()
  }
}
