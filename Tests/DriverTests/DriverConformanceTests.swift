import Drivers
import Foundation
import Logging
import Postgres
import Secrets
import Synchronization
import Targets
import TestSupport
import Testing

/// Every driver, real and simulated, by the same clauses.
@Suite(.timeLimit(.minutes(5))) struct DriverConformanceTests {
  @Test(arguments: DriverConformance.Clause.allCases)
  func theDriverForPostgreSQLKeeps(_ clause: DriverConformance.Clause) async throws {
    try await check(clause, try PostgresSubject(try await TestServer.shared()).subject)
  }

  @Test(.enabled(if: ServerPrograms.brought(17) != nil), arguments: DriverConformance.Clause.allCases)
  func theDriverForPostgreSQL17Keeps(_ clause: DriverConformance.Clause) async throws {
    try await check(clause, try PostgresSubject(try await TestServer.version(17)).subject)
  }

  @Test(.enabled(if: ServerPrograms.brought(18) != nil), arguments: DriverConformance.Clause.allCases)
  func theDriverForPostgreSQL18Keeps(_ clause: DriverConformance.Clause) async throws {
    try await check(clause, try PostgresSubject(try await TestServer.version(18)).subject)
  }

  @Test(arguments: DriverConformance.Clause.allCases)
  func theSimulatedTargetKeeps(_ clause: DriverConformance.Clause) async throws {
    try await check(clause, try Self.simulated())
  }

  private func check(_ clause: DriverConformance.Clause, _ subject: DriverConformance.Subject) async throws {
    try #require(clause.applies(to: subject.driver.traits), "\(clause) needs \(clause.trait)")
    do {
      try await DriverConformance(subject).check(clause)
    } catch {
      Issue.record("\(clause): \(error)")
    }
    await subject.driver.close()
  }

  private static func simulated() throws -> DriverConformance.Subject {
    let targets = SimulatedTargets()
    let driver = try SimulatedTargetFactory(targets: targets).makeDriver(
      for: TargetEndpoint(settings: ["name": "conformance"], adminSecret: SecretBytes("unused")))
    let target = targets.target("conformance")
    return DriverConformance.Subject(
      driver: driver, right: "member:readers", otherRight: "member:writers", makeName: uniqueName,
      openSession: { target.openSession($0, $1) }, addForeignRole: { target.addForeignRole($0) },
      giveOtherRight: { target.setRights(["member:readers", "member:writers"], of: $0) })
  }

  static func uniqueName() -> String { "c_" + UUID().uuidString.prefix(8).lowercased() }

  /// The suite can fail: a target that accepts every secret keeps none of the clauses about secrets.
  @Test func findsATargetThatLies() async throws {
    let subject = try Self.simulated()
    let lying = DriverConformance.Subject(
      driver: AcceptsEverything(driver: subject.driver), right: subject.right, otherRight: subject.otherRight,
      makeName: subject.makeName, openSession: subject.openSession, addForeignRole: subject.addForeignRole,
      giveOtherRight: subject.giveOtherRight)
    for clause in [
      DriverConformance.Clause.refusesARandomSecretAndAnUnknownLogin, .replacesTheSecretOfASingleLogin,
      .keepsBothSecretsOfAnAlternatingIdentity, .blocksReversiblyAndRefusesTheRightSecret,
      .stripsAndDropsWithoutResidue,
    ] {
      await #expect(throws: (any Error).self, "\(clause)") { try await DriverConformance(lying).check(clause) }
    }
  }
}

/// A driver on a real server, with the sessions that the suite opened.
private struct PostgresSubject {
  let subject: DriverConformance.Subject

  init(_ server: TestServer) throws {
    let held = Sessions()
    subject = DriverConformance.Subject(
      driver: try TargetFixture.makeDriver(server), right: "member:readers", otherRight: "member:makers",
      makeName: DriverConformanceTests.uniqueName,
      openSession: { login, secret in
        let password = secret.withBytes { String(decoding: $0, as: UTF8.self) }
        guard
          let session = try? await PostgresConnection.connect(
            server.configuration(user: login, password: password), logger: Logger(label: "test"))
        else { return false }
        held.keep(session)
        return true
      },
      addForeignRole: { try await server.run("CREATE ROLE \($0)") },
      giveOtherRight: { try await server.run("GRANT makers TO \($0)") })
  }

  private final class Sessions: Sendable {
    private let sessions = Mutex<[PostgresConnection]>([])
    func keep(_ session: PostgresConnection) { sessions.withLock { $0.append(session) } }
  }
}

private struct AcceptsEverything: TargetDriver {
  let driver: any TargetDriver

  var traits: TargetTraits { driver.traits }

  func apply(_ change: TargetChange, context: EffectContext) async throws -> EffectOutcome {
    try await driver.apply(change, context: context)
  }

  func authenticate(login: String, secret: SecretBytes, deadline: ContinuousClock.Instant) async -> ProbeResult {
    .accepted(identity: String(login.prefix { $0 != "_" }), sessionUser: login)
  }

  func readPrivileges(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> PrivilegeSet { try await driver.readPrivileges(of: identity, deadline: deadline) }

  func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int {
    try await driver.countSessions(of: logins, deadline: deadline)
  }

  func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String] {
    try await driver.listResidue(of: names, deadline: deadline)
  }

  func examine(deadline: ContinuousClock.Instant) async -> [String] { [] }

  func close() async {}
}
