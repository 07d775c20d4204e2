import Daemon
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Vault

/// A control database and a target that can both be restarted, a proxy between the workers and the target, and people who
/// ask for things meanwhile.
struct ChaosWorld: Sendable {
  static let target = "db"
  /// The same server, as one that locks a login after three failed ones.
  static let strictTarget = "db-strict"
  /// Seconds after which the strict one forgets failed logins.
  static let lockoutWindow = 5.0

  let control: OwnCluster
  let target: TestTarget
  let proxy: FaultProxy
  let composition: Composition

  static func make() async throws -> ChaosWorld {
    let control = try await OwnCluster.make(settings: ["log_statement": "all"])
    // What a server has answered must be there after a crash; the log is the witness of what was done to it.
    let target = try await TestTarget.make(settings: ["synchronous_commit": "on", "log_connections": "on"])
    let composition = try await Composition.open(
      DaemonConfiguration(databaseURL: control.url, dataDirectory: target.folder, maximumConnections: 4), .prepare,
      logger: TestDatabase.logger)
    let proxy = try FaultProxy(target: target.running.port)
    let world = ChaosWorld(control: control, target: target, proxy: proxy, composition: composition)
    for person in ["alice", "bob", "carol"] {
      _ = try await composition.governance.addPerson(person, in: composition.client)
    }
    _ = try await composition.governance.grantPermission(
      .contain, to: "alice", environment: nil, validUntil: nil, by: "bob", reason: "a test", in: composition.client)
    try await composition.governance.addPolicy(
      Policy(name: "short", rotationPeriod: 36_000, rotationJitter: 0, overlap: 0, settle: 1, retryReserve: 1),
      in: composition.client)
    try await world.addTarget(Self.target)
    try await world.addTarget(
      Self.strictTarget, ["lockout_threshold": "3", "lockout_window": "\(Int(Self.lockoutWindow))"])
    return world
  }

  private func addTarget(_ name: String, _ further: [String: String] = [:]) async throws {
    let settings = target.settings.merging(["port": "\(proxy.port)"]) { $1 }.merging(further) { $1 }
    _ = try await composition.lifecycle.addTarget(
      name: name, kind: "postgresql", environment: "test", settings: settings, adminSecret: target.adminSecret,
      limit: GroupLimit(maximumRunning: 12))
  }

  // MARK: People's work

  func issue(_ name: String, on target: String = Self.target, mode: String = "alternating") async throws {
    _ = try await composition.governance.addIdentity(
      IdentityDraft(
        target: target, name: name, loginMode: mode, owner: "alice", backupOwner: "carol", purpose: "test",
        environment: "test", workload: "test", rights: ["member:\(TestTarget.readers)"], policy: "short",
        expiresAt: Date(timeIntervalSinceNow: 86_400)), now: Date(), in: composition.client)
    try await approve([.issue, .rotate], name)
  }

  func rotate(_ name: String) async throws -> Bool {
    let client = composition.client
    let identity = try await composition.governance.identity(name, on: nil, in: client)
    let person = try await composition.governance.person("alice", in: client)
    return try await composition.lifecycle.requestRotation(
      identity.id, trigger: .requested(by: person.id, ticket: "T-2"))
  }

  func revoke(_ name: String) async throws { try await approve([.revoke], name) }

  func contain(_ name: String, then followUp: ContainmentFollowUp) async throws {
    let selector = try RotationSelector("identity=\(name)")
    let preview = try await composition.lifecycle.previewContainment(selector)
    _ = try await composition.lifecycle.contain(
      selector, expecting: "\(preview.digest)", followUp: followUp, authority: .permission, by: "alice",
      ticket: "INC-1", reason: "it leaked")
  }

  private func approve(_ actions: [GovernedAction], _ name: String) async throws {
    let request = try await composition.client.withTransaction { transaction in
      let identity = try await composition.governance.identity(name, on: nil, in: transaction)
      return try await composition.governance.submit(
        actions, for: identity, requester: "alice", beneficiary: nil, ticket: "T-1", now: Date(), in: transaction)
    }
    _ = try await composition.lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
  }

  /// What an operator on duty does: takes up what waits long or was put aside because its worker died too often, and closes
  /// the breakers. Returns how many jobs were put aside.
  func operate() async throws -> Int {
    let held = try await control.texts(
      """
      SELECT subject || ' ' || hold FROM jobs.job
      WHERE hold = 'quarantined' OR (hold = 'waiting' AND run_at > now() + interval '3 s' AND failures > 0)
      """
    ).map { $0.split(separator: " ") }
    for job in held {
      guard let subject = UUID(uuidString: String(job[0])) else { continue }
      _ = try await composition.client.withTransaction {
        try await composition.queue.retryNow(SubjectID(subject), in: $0)
      }
    }
    for target in [Self.target, Self.strictTarget] {
      _ = try await composition.lifecycle.resumeTarget(target, by: "alice", reason: "a test")
    }
    return held.count { $0[1] == "quarantined" }
  }

  // MARK: Secrets

  struct Version: Sendable {
    let credential: UUID
    let number: Int32
    let state: String
    let login: String
    let envelope: [UInt8]
  }

  /// Of the identity, as the rows have them now: with their sealed secret, newest first.
  func versions(of name: String) async throws -> [Version] {
    try await control.withOwner { try await $0.query(FindVersions(name: name)) }
  }

  func open(_ version: Version) async throws -> SecretBytes {
    try await composition.vault.open(
      Envelope(bytes: version.envelope),
      context: SealContext(record: version.credential, version: Int(version.number), purpose: "credential"))
  }

  func close() async throws {
    proxy.stop()
    await composition.close()
    try await target.stop()
    try await control.stop()
  }
}

extension OwnCluster {
  /// One column of texts. `sql` is written by the test.
  func texts(_ sql: String) async throws -> [String] {
    try await withOwner { connection in
      try await connection.query(UtilityStatement(stringLiteral: sql)).map { row in
        let text: String = try row[0]
        return text
      }
    }
  }
}

private struct FindVersions: Statement {
  static let sql = """
    SELECT v.credential_id, v.number, v.state, v.login, v.envelope
    FROM lifecycle.version AS v
    JOIN lifecycle.credential AS c ON c.id = v.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id
    WHERE i.name = $1 AND v.envelope IS NOT NULL
    ORDER BY v.number DESC
    """

  let name: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }

  static func decode(_ row: PostgresRow) throws -> ChaosWorld.Version {
    .init(
      credential: try row[0], number: try row[1], state: try row[2], login: try row[3], envelope: try row[4])
  }
}
