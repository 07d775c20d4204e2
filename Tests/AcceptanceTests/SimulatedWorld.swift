import Daemon
import Drivers
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Secrets
import Synchronization
import TestSupport
import Testing

/// A control database and a simulated target whose calls a test can watch and interrupt.
struct SimulatedWorld: Sendable {
  let database: TestDatabase
  let composition: Composition
  let target: SimulatedTarget
  let calls: Calls
  let weather: Weather
  let folder: String

  /// Who watches the target's calls now.
  final class Calls: Sendable {
    typealias Watcher = @Sendable (SimulatedCall) async -> Void
    private let watcher = Mutex<Watcher?>(nil)

    func watch(_ body: Watcher?) { watcher.withLock { $0 = body } }
    func note(_ call: SimulatedCall) async { await watcher.withLock { $0 }?(call) }
  }

  /// How the target's calls go wrong now.
  final class Weather: Sendable {
    typealias Forecast = @Sendable (SimulatedCall.Verb) -> SimulatedFault?
    private let forecast = Mutex<Forecast?>(nil)

    func set(_ body: Forecast?) { forecast.withLock { $0 = body } }
    func fault(of verb: SimulatedCall.Verb) -> SimulatedFault? { forecast.withLock { $0 }?(verb) }
  }

  /// - Parameter settings: of the target, such as its class.
  static func make(
    mode: String = "alternating", identities: [String] = ["svc"], settings: [String: String] = [:],
    rights: [String] = ["member:readers"]
  ) async throws -> SimulatedWorld {
    let database = try await TestDatabase.make()
    let folder = try TestFolder.make("keyturn-simulated")
    let targets = SimulatedTargets()
    let calls = Calls()
    let weather = Weather()
    let composition = try await Composition.open(
      DaemonConfiguration(databaseURL: database.url, dataDirectory: folder), .prepare,
      extraFactories: [
        SimulatedTargetFactory(targets: targets, observer: { await calls.note($0) }, fault: { weather.fault(of: $0) })
      ], logger: TestDatabase.logger)
    for person in ["alice", "bob", "carol"] {
      _ = try await composition.governance.addPerson(person, in: composition.client)
    }
    try await composition.governance.addPolicy(
      Policy(name: "short", rotationPeriod: 3600, rotationJitter: 0, overlap: 0, settle: 1, retryReserve: 1),
      in: composition.client)
    _ = try await composition.lifecycle.addTarget(
      name: "sim", kind: "simulated", environment: "test", settings: settings, adminSecret: SecretBytes("unused"),
      limit: GroupLimit(maximumRunning: 8))
    let world = SimulatedWorld(
      database: database, composition: composition, target: targets.target("simulated"), calls: calls, weather: weather,
      folder: folder)
    for name in identities {
      _ = try await composition.governance.addIdentity(
        IdentityDraft(
          target: "sim", name: name, loginMode: mode, owner: "alice", backupOwner: "carol", purpose: "test",
          environment: "test", workload: "test", rights: rights, policy: "short",
          expiresAt: Date(timeIntervalSinceNow: 86_400)), now: Date(), in: composition.client)
      try await world.approve([.issue, .rotate], name)
    }
    return world
  }

  func approve(_ actions: [GovernedAction], _ name: String) async throws {
    let request = try await composition.client.withTransaction { transaction in
      let identity = try await composition.governance.identity(name, on: nil, in: transaction)
      return try await composition.governance.submit(
        actions, for: identity, requester: "alice", beneficiary: nil, ticket: "T-1", now: Date(), in: transaction)
    }
    _ = try await composition.lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
  }

  func identity(_ name: String = "svc") async throws -> IdentityID {
    try await composition.governance.identity(name, on: nil, in: composition.client).id
  }

  func requestRotations(_ names: [String] = ["svc"]) async throws -> Int {
    var identities: [IdentityID] = []
    for name in names { identities.append(try await identity(name)) }
    let person = try await composition.governance.person("alice", in: composition.client).id
    return try await composition.lifecycle.requestRotations(
      identities, trigger: .requested(by: person, ticket: "T-2"))
  }

  func secret(_ name: String = "svc") async throws -> CurrentSecret {
    try await composition.lifecycle.currentSecret(of: try await identity(name))
  }

  /// - Parameter observer: called at each crash point of the worker's runs.
  func withWorker<Result: Sendable>(
    planEvery period: Double = 3600, observer: CrashPointObserver? = nil,
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result? {
    let service = try composition.makeWorker(
      WorkerConfiguration(
        name: "test", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.03, shutdownGrace: 10,
        retry: RetryPolicy(base: 0.02, cap: 0.1, maximumFailures: 500)), planEvery: period, observer: observer)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        await service.run()
        return nil
      }
      defer { service.worker.stop() }
      return try await body()
    }
  }

  func settled() async throws {
    try await database.eventually {
      try await database.count(
        "SELECT (SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL) + (SELECT count(*) FROM jobs.job)")
        == 0
    }
  }

  /// As if this worker had been declared dead: the job is free again, and whatever it still writes is refused.
  func takeLeasesAway() async {
    do {
      try await database.withOwner { connection in
        try await connection.executeScript(
          """
          UPDATE jobs.job SET fence = fence + 1, lease_owner = NULL, lease_expires_at = NULL, run_at = now(),
            position = jobs.next_position()
          """)
      }
    } catch {
      Issue.record("the lease could not be taken away: \(error)")
    }
  }

  /// What must be true of one identity after any number of rotations, whatever happened on the way.
  func expectSound(versions: Int, _ place: String, mode: String = "alternating") async throws {
    func count(_ sql: String) async throws -> Int { try await database.count(sql) }
    #expect(try await count("SELECT count(*) FROM lifecycle.rotation WHERE state <> 'done'") == 0, "\(place)")
    // One candidate each, whatever was interrupted.
    #expect(try await count("SELECT count(*) FROM lifecycle.version") == versions, "\(place)")
    #expect(
      try await count("SELECT count(*) FROM lifecycle.version WHERE state = 'current' AND number = \(versions)") == 1,
      "\(place)")
    #expect(
      try await count("SELECT count(*) FROM lifecycle.version WHERE state = 'revoked' AND envelope IS NULL")
        == versions - 1, "\(place)")
    #expect(try await count("SELECT count(*) FROM lifecycle.effect WHERE state = 'intended'") == 0, "\(place)")
    #expect(
      try await count("SELECT count(*) FROM governance.permit") == count("SELECT count(*) FROM lifecycle.effect"),
      "\(place)")
    // History without a gap: each line begins where the one before ended.
    #expect(
      try await count(
        """
        SELECT count(*) FROM (
          SELECT s.from_state, s.sequence, lag(s.to_state, 1, 'planned') OVER w AS before, row_number() OVER w AS n
          FROM lifecycle.rotation_step AS s WINDOW w AS (PARTITION BY s.rotation_id ORDER BY s.sequence)) AS s
        WHERE s.from_state <> s.before OR s.sequence <> s.n
        """) == 0, "\(place)")
    let secret = try await secret()
    #expect(target.openSession(secret.login, secret.secret), "\(place)")
    target.endSessions(of: secret.login)
    #expect(target.roleNames == (mode == "single" ? ["svc"] : ["svc", secret.login]), "\(place)")
  }

  func close() async throws {
    #expect(try await database.unrecordedTransitions() == 0, "something that a saga did is in no leaf")
    await composition.close()
    await database.close()
    try FileManager.default.removeItem(atPath: folder)
  }
}
