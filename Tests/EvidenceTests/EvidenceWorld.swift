import Daemon
import Drivers
import Evidence
import Foundation
import Governance
import Jobs
import Lifecycle
import MerkleLog
import Postgres
import Secrets
import TestSupport
import Testing

/// A control database with a simulated target, three people and a worker, and a log that can be sealed.
struct EvidenceWorld: Sendable {
  let database: TestDatabase
  let composition: Composition
  let folder: String
  let signer: NoteSigner

  var client: PostgresClient { composition.client }
  var reader: LogReader { LogReader(client: client) }

  /// - Parameter fault: how the target's calls go wrong.
  static func make(
    fault: @escaping @Sendable (SimulatedCall.Verb) -> SimulatedFault? = { _ in nil }
  ) async throws -> EvidenceWorld {
    let database = try await TestDatabase.make()
    let folder = try TestFolder.make("keyturn-evidence")
    let composition = try await Composition.open(
      DaemonConfiguration(databaseURL: database.url, dataDirectory: folder), .prepare,
      extraFactories: [SimulatedTargetFactory(targets: SimulatedTargets(), fault: fault)], logger: TestDatabase.logger)
    for person in ["alice", "bob", "carol"] {
      _ = try await composition.governance.addPerson(person, in: composition.client)
    }
    try await composition.governance.addPolicy(
      Policy(name: "short", rotationPeriod: 3600, rotationJitter: 0, overlap: 0, settle: 1, retryReserve: 1),
      in: composition.client)
    _ = try await composition.lifecycle.addTarget(
      name: "sim", kind: "simulated", environment: "test", settings: [:], adminSecret: SecretBytes("unused"),
      limit: GroupLimit(maximumRunning: 8))
    return EvidenceWorld(
      database: database, composition: composition, folder: folder,
      signer: try SigningKeyFile(path: folder + "/evidence.key").load())
  }

  func addIdentity(_ name: String, mode: String = "alternating") async throws {
    _ = try await composition.governance.addIdentity(
      IdentityDraft(
        target: "sim", name: name, loginMode: mode, owner: "alice", backupOwner: "carol", purpose: "test",
        environment: "test", workload: "test", rights: ["member:readers"], policy: "short",
        expiresAt: Date(timeIntervalSinceNow: 86_400)), now: Date(), in: client)
  }

  func submit(_ actions: [GovernedAction], _ name: String) async throws -> Request {
    try await client.withTransaction { transaction in
      let identity = try await composition.governance.identity(name, on: nil, in: transaction)
      return try await composition.governance.submit(
        actions, for: identity, requester: "alice", beneficiary: nil, ticket: "T-1", now: Date(), in: transaction)
    }
  }

  func approve(_ actions: [GovernedAction], _ name: String) async throws {
    let request = try await submit(actions, name)
    _ = try await composition.lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
  }

  func identity(_ name: String) async throws -> IdentityID {
    try await composition.governance.identity(name, on: nil, in: client).id
  }

  func rotate(_ names: [String]) async throws {
    var identities: [IdentityID] = []
    for name in names { identities.append(try await identity(name)) }
    let person = try await composition.governance.person("alice", in: client).id
    _ = try await composition.lifecycle.requestRotations(identities, trigger: .requested(by: person, ticket: "T-2"))
  }

  /// Runs a worker until no saga is open and no job is left.
  func work() async throws {
    let service = try composition.makeWorker(
      WorkerConfiguration(
        name: "test", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.03, shutdownGrace: 10,
        retry: RetryPolicy(base: 0.02, cap: 0.1, maximumFailures: 500)), planEvery: 3600)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await service.run() }
      defer { service.worker.stop() }
      try await database.eventually {
        try await database.count(
          "SELECT (SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL) + (SELECT count(*) FROM jobs.job)"
        )
          == 0
      }
    }
  }

  /// Issue, rotation and revocation of one identity, from request to proof.
  func live(_ name: String = "svc", mode: String = "alternating") async throws {
    try await addIdentity(name, mode: mode)
    try await approve([.issue, .rotate], name)
    try await work()
    try await rotate([name])
    try await work()
    try await approve([.revoke], name)
    try await work()
  }

  func sealer(name: String = "test", known: [any CheckpointSource] = [], maximumBatches: Int64 = 64) -> Sealer {
    var configuration = Sealer.Configuration(name: name)
    configuration.maximumBatches = maximumBatches
    return Sealer(
      client: client, signer: signer, known: known, configuration: configuration, logger: TestDatabase.logger)
  }

  /// Seals all that waits, and gives the lead up.
  @discardableResult
  func seal(known: [any CheckpointSource] = []) async throws -> LogHead {
    let sealer = sealer(known: known)
    guard var term = try await sealer.takeLead() else { throw EvidenceError(code: .damaged, message: "no lead") }
    while try await sealer.sealOnce(&term) > 0 {}
    await sealer.leave(term)
    return try #require(try await reader.head())
  }

  func owner(_ sql: String) async throws {
    try await database.withOwner { try await $0.executeScript(sql) }
  }

  func close() async throws {
    await composition.close()
    await database.close()
    try FileManager.default.removeItem(atPath: folder)
  }
}
