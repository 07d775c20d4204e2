import Daemon
import EmbeddedPostgres
import Foundation
import Governance
import Jobs
import Lifecycle
import Logging
import Postgres
import Secrets

/// A control database, a separate PostgreSQL as target, three people and a policy, in a temporary folder. Everything in it
/// goes through the same gates as in production.
struct DemoWorld {
  static let targetName = "demo-target"
  static let requester = "alice", approver = "bob", backup = "carol"
  static let readers = "app_readers"

  let root: String
  let composition: Composition
  let target: EmbeddedPostgres
  let targetRunning: RunningPostgres
  /// As superuser, for the oracle's direct queries.
  let inspector: PostgresConfiguration
  let daemon: DaemonConfiguration

  struct Plan {
    var period: Double
    var jitter: Double
    var overlap: Double
    var maximumRunning: Int32 = 8
  }

  static func make(_ plan: Plan, logger: Logger, say: (String) -> Void) async throws -> DemoWorld {
    let root = try makeFolder()
    let daemon = DaemonConfiguration(dataDirectory: root + "/control", maximumConnections: 16)
    let composition = try await Composition.open(daemon, .prepare, logger: logger)
    for action in composition.database.running?.actions ?? [] { say("control: \(action)") }
    let superSecret = SecretGenerator().makeSecret(.standard)
    let target = EmbeddedPostgres(
      .init(
        dataDirectory: root + "/target", listenOnLoopback: true,
        authentication: .scram(adminUser: "postgres", adminPassword: superSecret.withBytes(Array.init)),
        settings: ["log_statement": "all", "log_connections": "on", "max_connections": "100"]))
    let running = try await target.start()
    for action in running.actions { say("target: \(action)") }
    let inspector = PostgresConfiguration(
      endpoints: [.tcp(host: "127.0.0.1", port: running.port)], database: "postgres", user: "postgres",
      password: superSecret.withBytes(PostgresPassword.init(copying:)))
    let world = DemoWorld(
      root: root, composition: composition, target: target, targetRunning: running, inspector: inspector,
      daemon: daemon)
    do {
      try await world.populate(plan, port: running.port, logger: logger)
    } catch {
      await world.close(keep: false)
      throw error
    }
    return world
  }

  /// Searchable by the servers' unprivileged user.
  static func makeFolder() throws -> String {
    var template = Array("/tmp/keyturn-demo.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o755)
    return path
  }

  private func populate(_ plan: Plan, port: Int, logger: Logger) async throws {
    let adminSecret = SecretGenerator().makeSecret(.standard)
    let connection = try await PostgresConnection.connect(inspector, logger: logger)
    let verifier = try await scram(adminSecret, user: "keyturn_admin", connection)
    try await connection.execute(
      "CREATE ROLE \(identifier: "keyturn_admin") LOGIN CREATEROLE PASSWORD \(literal: verifier)")
    try await connection.executeScript(
      """
      GRANT pg_signal_backend TO keyturn_admin;
      CREATE ROLE app_readers NOLOGIN;
      CREATE TABLE public.measurement (id bigint PRIMARY KEY, value text);
      INSERT INTO public.measurement SELECT n, 'value ' || n FROM generate_series(1, 100) AS n;
      GRANT SELECT ON public.measurement TO app_readers;
      """)
    await connection.close()

    let client = composition.client
    for person in [Self.requester, Self.approver, Self.backup] {
      _ = try await composition.governance.addPerson(person, in: client)
    }
    try await composition.governance.addPolicy(
      Policy(
        name: "demo", rotationPeriod: plan.period, rotationJitter: plan.jitter, overlap: plan.overlap, settle: 5,
        retryReserve: 60), in: client)
    _ = try await composition.lifecycle.addTarget(
      name: Self.targetName, kind: "postgresql", environment: "demo",
      settings: [
        "host": "127.0.0.1", "port": "\(port)", "database": "postgres", "user": "keyturn_admin", "sslmode": "disable",
      ],
      adminSecret: adminSecret, limit: GroupLimit(maximumRunning: plan.maximumRunning))
  }

  private func scram(_ secret: SecretBytes, user: String, _ connection: PostgresConnection) async throws -> String {
    guard let password = secret.withBytes(PostgresPassword.init(copying:)) else {
      throw DemoError(description: "a generated secret cannot be used as a password")
    }
    return try await connection.scramVerifier(user: user, password: password)
  }

  // MARK: People's work

  /// Registers the identity, asks for it, and has somebody else approve it.
  func requestAndApprove(_ name: String) async throws {
    let client = composition.client
    _ = try await composition.governance.addIdentity(
      IdentityDraft(
        target: Self.targetName, name: name, owner: Self.requester, backupOwner: Self.backup,
        purpose: "reads measurements", environment: "demo", workload: "demo client",
        rights: ["member:\(Self.readers)"], policy: "demo", expiresAt: Date(timeIntervalSinceNow: 86_400)),
      now: Date(), in: client)
    try await submitAndApprove([.issue, .rotate], name)
  }

  func submitAndApprove(_ actions: [GovernedAction], _ name: String) async throws {
    let request = try await composition.client.withTransaction { transaction in
      let identity = try await composition.governance.identity(name, on: Self.targetName, in: transaction)
      return try await composition.governance.submit(
        actions, for: identity, requester: Self.requester, beneficiary: nil, ticket: "DEMO-1", now: Date(),
        in: transaction)
    }
    _ = try await composition.lifecycle.decide(
      request.id, approve: true, by: Self.approver, sawDigest: request.digest)
  }

  func force(_ name: String) async throws -> Bool {
    let client = composition.client
    let identity = try await composition.governance.identity(name, on: Self.targetName, in: client)
    let person = try await composition.governance.person(Self.requester, in: client)
    return try await composition.lifecycle.requestRotation(
      identity.id, trigger: .requested(by: person.id, ticket: "DEMO-2"))
  }

  /// Of all in one transaction.
  func forceAll(_ names: [String]) async throws {
    let client = composition.client
    var identities: [IdentityID] = []
    for name in names {
      identities.append(try await composition.governance.identity(name, on: Self.targetName, in: client).id)
    }
    let person = try await composition.governance.person(Self.requester, in: client)
    let made = try await composition.lifecycle.requestRotations(
      identities, trigger: .requested(by: person.id, ticket: "DEMO-2"))
    guard made == names.count else { throw DemoError(description: "\(made) rotations of \(names.count)") }
  }

  func currentSecret(_ name: String) async throws -> CurrentSecret {
    let identity = try await composition.governance.identity(name, on: Self.targetName, in: composition.client)
    return try await composition.lifecycle.currentSecret(of: identity.id)
  }

  /// Stops both servers; removes the folder unless it is to be kept.
  func close(keep: Bool) async {
    await composition.close()
    do {
      try await target.stop()
      try await composition.database.embedded?.stop()
      if !keep { try FileManager.default.removeItem(atPath: root) }
    } catch {
      FileHandle.standardError.write(Data("warning: \(root) was not cleaned up: \(error)\n".utf8))
    }
  }
}
