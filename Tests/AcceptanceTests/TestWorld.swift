import Daemon
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Testing

/// A control database, a target, three people and a short policy, wired by the product's own composition.
struct TestWorld: Sendable {
  let database: TestDatabase
  let target: TestTarget
  let daemon: DaemonConfiguration
  let composition: Composition

  static func make(
    hbaLines: [String]? = nil, settings: [String: String] = [:], binaries: String? = nil, addTarget: Bool = true,
    overlap: Double = 0
  ) async throws -> TestWorld {
    let database = try await TestDatabase.make()
    let target = try await TestTarget.make(hbaLines: hbaLines, settings: settings, binaries: binaries)
    let daemon = DaemonConfiguration(databaseURL: database.url, dataDirectory: target.folder, maximumConnections: 8)
    let composition = try await Composition.open(daemon, .prepare, logger: TestDatabase.logger)
    let world = TestWorld(database: database, target: target, daemon: daemon, composition: composition)
    for person in ["alice", "bob", "carol"] {
      _ = try await composition.governance.addPerson(person, in: composition.client)
    }
    try await world.addPolicy("short", overlap: overlap)
    if addTarget { try await world.addTarget() }
    return world
  }

  func addPolicy(
    _ name: String, period: Double = 3600, overlap: Double = 0, onExpiry: Policy.OnExpiry = .rotate
  ) async throws {
    try await composition.governance.addPolicy(
      Policy(
        name: name, rotationPeriod: period, rotationJitter: 0, overlap: overlap, settle: 1, retryReserve: 1,
        onExpiry: onExpiry), in: composition.client)
  }

  func addTarget(_ further: [String: String] = [:]) async throws {
    _ = try await composition.lifecycle.addTarget(
      name: "db", kind: "postgresql", environment: "test", settings: target.settings.merging(further) { $1 },
      adminSecret: target.adminSecret, limit: GroupLimit(maximumRunning: 8))
  }

  func addIdentity(
    _ name: String, policy: String = "short", mode: String = "alternating", expires: Double = 86_400
  ) async throws {
    _ = try await composition.governance.addIdentity(
      IdentityDraft(
        target: "db", name: name, loginMode: mode, owner: "alice", backupOwner: "carol", purpose: "test",
        environment: "test", workload: "test", rights: ["member:\(TestTarget.readers)"], policy: policy,
        expiresAt: Date(timeIntervalSinceNow: expires)),
      now: Date(), in: composition.client)
  }

  func submit(_ actions: [GovernedAction], _ name: String, by: String = "alice") async throws -> Request {
    try await composition.client.withTransaction { transaction in
      let identity = try await composition.governance.identity(name, on: nil, in: transaction)
      return try await composition.governance.submit(
        actions, for: identity, requester: by, beneficiary: nil, ticket: "T-1", now: Date(), in: transaction)
    }
  }

  @discardableResult
  func approve(_ request: Request, by: String = "bob") async throws -> CredentialID? {
    try await composition.lifecycle.decide(request.id, approve: true, by: by, sawDigest: request.digest)
  }

  func issue(_ name: String, policy: String = "short", mode: String = "alternating", expires: Double = 86_400)
    async throws
  {
    try await addIdentity(name, policy: policy, mode: mode, expires: expires)
    try await approve(submit([.issue, .rotate], name))
  }

  func rotate(_ name: String) async throws {
    let client = composition.client
    let identity = try await composition.governance.identity(name, on: nil, in: client)
    let person = try await composition.governance.person("alice", in: client)
    _ = try await composition.lifecycle.requestRotation(
      identity.id, trigger: .requested(by: person.id, ticket: "T-2"))
  }

  func secret(_ name: String) async throws -> CurrentSecret {
    let identity = try await composition.governance.identity(name, on: nil, in: composition.client)
    return try await composition.lifecycle.currentSecret(of: identity.id)
  }

  /// Runs a worker while `body` runs.
  /// - Parameter observer: called at each crash point of the worker's runs.
  func withWorker<Result: Sendable>(
    observer: CrashPointObserver? = nil, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    let service = try composition.makeWorker(
      WorkerConfiguration(
        name: "test", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.03, shutdownGrace: 10,
        retry: RetryPolicy(base: 0.05, cap: 0.5, maximumFailures: 500)), planEvery: 0.1, observer: observer)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        await service.run()
        return nil
      }
      do {
        let result = try await body()
        service.worker.stop()
        try await group.waitForAll()
        return result
      } catch {
        service.worker.stop()
        throw error
      }
    }
  }

  /// Waits until no saga is open.
  func settled() async throws {
    try await database.eventually {
      try await database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE finished_at IS NULL") == 0
    }
  }

  func eventually(_ sql: String, is wanted: Int) async throws {
    try await database.eventually { try await database.count(sql) == wanted }
  }

  func close() async throws {
    #expect(try await database.unrecordedTransitions() == 0, "something that a saga did is in no leaf")
    await composition.close()
    await database.close()
    try await target.stop()
  }
}
