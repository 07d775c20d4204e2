import Foundation
import Postgres
import Secrets
import Targets
import Testing

/// What the driver learns from a target, and what it lets nobody learn.
@Suite(.timeLimit(.minutes(2))) struct PostgresObservationTests {
  @Test func endsASessionThatSetAnotherRole() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:readers"])) == .done)
    let session = try await target.connect(target.a, "secret")
    try await session.executeScript("SET ROLE readers")
    #expect(try await target.sessions() == 1)
    #expect(
      try await target.apply(.drop(names: target.identity.names, of: target.identity))
        == .refused(.residue, code: "55006"))
    #expect(try await target.apply(.blockLogins([target.a], of: target.identity)) == .done)
    #expect(try await target.apply(.endSessions([target.a], of: target.identity)) == .done)
    #expect(try await target.sessions() == 0)
    await #expect(throws: PostgresError.self) { try await session.executeScript("SELECT 1") }
    await session.close()
  }

  @Test func reportsRightsNobodyApproved() async throws {
    let target = try await TargetFixture.make()
    let (name, approved) = (target.identity.name, PrivilegeSet(["member:makers"]))
    #expect(try await target.set(target.a, "secret", rights: approved) == .done)
    try await target.server.run("GRANT SELECT ON shared_table TO \(name); GRANT readers TO \(target.a)")
    try await target.server.run("ALTER ROLE \(name) CREATEDB; GRANT TEMPORARY ON DATABASE app TO \(name)")
    try await target.server.run(
      "CREATE TABLE IF NOT EXISTS far_table (); GRANT SELECT ON far_table TO \(name)", in: "other")

    let found = try await target.driver.readPrivileges(of: target.identity, deadline: TargetFixture.deadline)
    #expect(
      found.subtracting(approved)
        == PrivilegeSet([
          "acl:app:table:public.shared_table:SELECT", "acl:other:table:public.far_table:SELECT",
          "acl:*:database:app:TEMPORARY", "attribute:createdb", "member:readers",
        ]))
    #expect(approved.subtracting(found).isEmpty)
  }

  @Test func refusesRightsItCannotGrant() async throws {
    let target = try await TargetFixture.make()
    for right in ["attribute:createdb", "acl:app:table:public.shared_table"] {
      #expect(
        try await target.set(target.a, "secret", rights: PrivilegeSet([right])) == .refused(.other, code: "0A000"))
    }
    #expect(
      try await target.set(target.a, "secret", rights: PrivilegeSet(["member:no_such_role"]))
        == .refused(.other, code: "42704"))
    #expect(try await target.residue() == [])
  }

  @Test func reportsWhatItCannotTakeBack() async throws {
    let target = try await TargetFixture.make()
    let identity = target.identity
    #expect(try await target.set(target.a, "secret") == .done)
    try await target.server.run("GRANT SELECT ON shared_table TO \(identity.name)")
    let outcome = try await target.apply(.strip(names: identity.names, of: identity))
    let left = "acl:\(identity.name):app:table:public.shared_table:SELECT by root_admin"
    #expect(outcome == .refused(.residue, code: "2BP01 \(left)"))
    #expect(try await target.residue().contains(left))
    try await target.server.run("REVOKE SELECT ON shared_table FROM \(identity.name)")
    #expect(try await target.apply(.strip(names: identity.names, of: identity)) == .done)
    #expect(try await target.apply(.drop(names: identity.names, of: identity)) == .done)
    #expect(try await target.residue() == [])
  }

  @Test func findsPreparedTransactions() async throws {
    let target = try await TargetFixture.make()
    #expect(try await target.set(target.a, "secret", rights: PrivilegeSet(["member:makers"])) == .done)
    let session = try await target.connect(target.a, "secret")
    let transaction = target.identity.name
    try await session.executeScript(
      "BEGIN; RESET ROLE; CREATE TABLE \(transaction) (); PREPARE TRANSACTION '\(transaction)'")
    await session.close()
    let lines = try await target.residue().filter { $0.hasPrefix("prepared:") }
    #expect(
      lines == ["prepared:\(target.identity.name):app:\(transaction)"]
        || lines == ["prepared:\(target.a):app:\(transaction)"])
    try await target.server.run("ROLLBACK PREPARED '\(transaction)'")
  }

  @Test func keepsTheSecretOutOfTheServersLog() async throws {
    let target = try await TargetFixture.make()
    let canary = "canary-\(UUID().uuidString)"
    #expect(try await target.set(target.a, canary) == .done)
    #expect(try await target.set(target.a, canary, fence: 2) == .done)
    #expect(await target.probe(target.a, canary + "x") == .refused(.wrongSecret, code: "28P01"))
    let log = try String(contentsOfFile: target.server.logPath, encoding: .utf8)
    #expect(log.contains("CREATE ROLE \"\(target.a)\""))
    #expect(!log.contains(canary))
  }

  @Test func keepsTheVerifierOutOfTheServersLogWhereItMay() async throws {
    let target = try await TargetFixture.make()
    let driver = try TargetFixture.makeDriver(target.server, overriding: ["user": "quiet_admin"])
    try await target.server.run(
      """
      CREATE ROLE quiet_admin LOGIN CREATEROLE PASSWORD '\(TestServer.adminPassword)';
      GRANT SET ON PARAMETER log_statement, log_min_duration_statement, log_min_error_statement TO quiet_admin;
      """)
    let change = TargetChange.setSecret(
      identity: target.identity, login: target.a, secret: SecretBytes("secret"), rights: .none, mayCreate: true)
    #expect(try await driver.apply(change, context: target.context()) == .done)
    let log = try String(contentsOfFile: target.server.logPath, encoding: .utf8)
    #expect(!log.contains("CREATE ROLE \"\(target.a)\""))
  }
}
