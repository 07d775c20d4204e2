import Secrets
import Targets
import Testing

/// Whether a target can be used, and what is said when it cannot.
@Suite(.timeLimit(.minutes(2))) struct PostgresExamineTests {
  @Test func findsNothingWrongWithASoundTarget() async throws {
    let driver = try TargetFixture.makeDriver(try await TestServer.shared())
    #expect(await driver.examine(deadline: TargetFixture.deadline) == [])
    await driver.close()
  }

  @Test func detectsATrustLine() async throws {
    let driver = try TargetFixture.makeDriver(try await TestServer.shared(), database: "open")
    let problems = await driver.examine(deadline: TargetFixture.deadline)
    #expect(problems.count == 2)
    #expect(problems.allSatisfy { $0.contains("`trust`") && $0.contains("scram-sha-256") })
  }

  @Test func namesTheRightsTheAdminLacks() async throws {
    let server = try await TestServer.shared()
    try await server.run("CREATE ROLE weak_admin LOGIN PASSWORD '\(TestServer.adminPassword)'")
    let driver = try TargetFixture.makeDriver(server, overriding: ["user": "weak_admin"])
    let problems = await driver.examine(deadline: TargetFixture.deadline)
    #expect(problems.count == 2)
    #expect(problems.first?.contains("CREATEROLE") == true)
    #expect(problems.last?.contains("pg_signal_backend") == true)
    let identity = TargetIdentity(name: "never_made", mode: .single)
    let target = TargetFixture(server: server, driver: driver, identity: identity, mark: "mark")
    #expect(try await target.set("never_made", "secret") == .refused(.insufficientRights, code: "42501"))
  }

  @Test func cannotTellWhenTheTargetIsDown() async throws {
    let server = try await TestServer.shared()
    let driver = try TargetFixture.makeDriver(server, overriding: ["port": String(try freePort())])
    let target = TargetFixture(
      server: server, driver: driver, identity: TargetIdentity(name: "down", mode: .single), mark: "mark")
    let deadline = ContinuousClock.now + .seconds(3)
    #expect(await target.probe("down", "secret") == .cannotTell(cause: "the target cannot be reached"))
    await #expect(throws: TargetError(code: .unreachable, message: "")) {
      try await driver.countSessions(of: ["down"], deadline: deadline)
    }
    let context = EffectContext(fence: 1, deadline: deadline, idempotencyKey: "", ownershipMark: "mark")
    let outcome = try await driver.apply(.blockLogins(["down"], of: target.identity), context: context)
    guard case .unknown = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(await driver.examine(deadline: deadline).count == 1)
  }

  @Test func cannotTellWhenPgHbaRejects() async throws {
    let target = try await TargetFixture.make()
    guard case .cannotTell = await target.probe("unlisted", "secret") else {
      Issue.record("a rejection by pg_hba.conf says nothing about the secret")
      return
    }
  }

  @Test func reportsTheAdminsOwnRefusal() async throws {
    let server = try await TestServer.shared()
    let driver = try TargetFixture.makeDriver(server, overriding: ["user": "nobody_there"])
    let identity = TargetIdentity(name: "refused", mode: .single)
    let target = TargetFixture(server: server, driver: driver, identity: identity, mark: "mark")
    #expect(
      try await target.apply(.drop(names: ["refused"], of: identity)) == .refused(.insufficientRights, code: "28P01"))
    await #expect(throws: TargetError(code: .refused, message: "")) { try await target.residue() }
  }

  @Test(arguments: [
    ("host", ""), ("port", "70000"), ("user", ""), ("sslmode", "maybe"), ("database", ""), ("hots", "db"),
    ("lockout_threshold", "1"), ("lockout_window", "60"),
  ])
  func namesTheSettingThatIsWrong(key: String, value: String) async throws {
    let server = try await TestServer.shared()
    let error = #expect(throws: TargetError.self) {
      _ = try TargetFixture.makeDriver(server, overriding: [key: value])
    }
    #expect(error?.code == .invalidSetting)
    #expect(error?.message.hasPrefix(key + ":") == true)
  }
}
