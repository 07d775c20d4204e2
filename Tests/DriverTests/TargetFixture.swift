import Drivers
import Foundation
import Logging
import Postgres
import Secrets
import Targets
import Testing

/// A driver on the test server, an identity of its own, and the verbs in short.
struct TargetFixture: Sendable {
  let server: TestServer
  let driver: any TargetDriver
  let identity: TargetIdentity
  let mark: String

  var a: String { identity.logins[0] }
  var b: String { identity.logins[1] }

  static func make(
    _ mode: LoginMode = .alternating, database: String = "app", on other: TestServer? = nil
  ) async throws -> TargetFixture {
    let server: TestServer
    if let other { server = other } else { server = try await TestServer.shared() }
    let name = "id_" + UUID().uuidString.prefix(8).lowercased()
    return TargetFixture(
      server: server, driver: try makeDriver(server, database: database),
      identity: TargetIdentity(name: name, mode: mode), mark: UUID().uuidString)
  }

  static func makeDriver(
    _ server: TestServer, database: String = "app", overriding: [String: String] = [:]
  ) throws -> any TargetDriver {
    let settings = [
      "host": "127.0.0.1", "port": String(server.port), "database": database, "user": "keyturn_admin",
      "sslmode": "disable",
    ].merging(overriding) { $1 }
    return try PostgresTargetFactory(logger: Logger(label: "test")).makeDriver(
      for: TargetEndpoint(settings: settings, adminSecret: SecretBytes(TestServer.adminPassword)))
  }

  static var deadline: ContinuousClock.Instant { .now + .seconds(60) }

  func context(fence: Int64 = 1, mark: String? = nil) -> EffectContext {
    EffectContext(
      fence: fence, deadline: Self.deadline, idempotencyKey: UUID().uuidString, ownershipMark: mark ?? self.mark)
  }

  func apply(_ change: TargetChange, fence: Int64 = 1) async throws -> EffectOutcome {
    try await driver.apply(change, context: context(fence: fence))
  }

  /// A revocation, strongest cut first; the first outcome that is not `done`.
  func revoke(fence: Int64 = 9) async throws -> EffectOutcome {
    for change in [
      TargetChange.blockLogins(identity.logins, of: identity), .endSessions(identity.logins, of: identity),
      .strip(names: identity.names, of: identity), .drop(names: identity.names, of: identity),
    ] {
      let outcome = try await apply(change, fence: fence)
      if outcome != .done { return outcome }
    }
    return .done
  }

  func rights() async throws -> PrivilegeSet {
    try await driver.readPrivileges(of: identity, deadline: Self.deadline)
  }

  func set(
    _ login: String, _ secret: String, rights: PrivilegeSet = .none, fence: Int64 = 1, mayCreate: Bool = true
  ) async throws -> EffectOutcome {
    let change = TargetChange.setSecret(
      identity: identity, login: login, secret: SecretBytes(secret), rights: rights, mayCreate: mayCreate)
    return try await apply(change, fence: fence)
  }

  func probe(_ login: String, _ secret: String) async -> ProbeResult {
    await driver.authenticate(login: login, secret: SecretBytes(secret), deadline: Self.deadline)
  }

  func residue() async throws -> [String] {
    try await driver.listResidue(of: identity.names, deadline: Self.deadline)
  }

  func sessions() async throws -> Int {
    try await driver.countSessions(of: identity.logins, deadline: Self.deadline)
  }

  /// Waits until the sessions of logins that were only tried are gone: a server ends them a moment after the client has.
  func sessions(become count: Int) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while try await sessions() != count {
      guard ContinuousClock.now < end else { return false }
      try await Task.sleep(for: .milliseconds(10))
    }
    return true
  }

  /// A session of the login, open until closed or ended.
  func connect(_ login: String, _ secret: String, database: String = "app") async throws -> PostgresConnection {
    try await PostgresConnection.connect(
      server.configuration(user: login, password: secret, database: database), logger: Logger(label: "test"))
  }
}
