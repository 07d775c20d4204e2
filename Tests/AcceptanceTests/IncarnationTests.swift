import Daemon
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import TestSupport
import Testing

@Suite struct IncarnationTests {
  private static func run(_ program: String, _ arguments: [String]) async throws {
    let process = Process()
    let version = try #require(
      try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").compactMap(Int.init).max())
    process.executableURL = URL(fileURLWithPath: "/usr/lib/postgresql/\(version)/bin/\(program)")
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    #expect(process.terminationStatus == 0, "\(program)")
  }

  private func withWorker(_ composition: Composition, _ body: () async throws -> Void) async throws {
    let service = try composition.makeWorker(
      WorkerConfiguration(name: "restored", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.03), planEvery: 0.1)
    async let running: Void = service.run()
    do { try await body() } catch {
      service.worker.stop()
      await running
      throw error
    }
    service.worker.stop()
    await running
  }

  @Test func aRestoredDatabaseIsObservedUntilAPersonConfirmsIt() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_kept")
      try await world.settled()
    }
    let dump = world.target.folder + "/dump.sql"
    try await Self.run("pg_dump", ["--dbname", world.database.url, "--file", dump])
    // Life goes on after the backup: what it holds is not current any more.
    try await world.withWorker {
      try await world.rotate("svc_kept")
      try await world.settled()
    }
    let live = try await world.secret("svc_kept")
    let roles = try await world.target.roles()
    let trials = try world.target.serverLog.ranges(of: "CREATE ROLE \"keyturn_trial_").count
    #expect(trials > 0)

    let restored = try await TestDatabase.makeEmpty()
    try await Self.run("psql", ["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", restored.url, "--file", dump])
    let daemon = DaemonConfiguration(
      databaseURL: restored.url, dataDirectory: world.daemon.dataDirectory, maximumConnections: 8)
    let composition = try await Composition.open(daemon, .requireSchema, logger: TestDatabase.logger)
    #expect(await composition.incarnation.doubt() == .otherPlace)
    let identity = try await composition.governance.identity("svc_kept", on: nil, in: composition.client)
    // Reading goes on.
    #expect(try await composition.lifecycle.currentSecret(of: identity.id).version == live.version - 1)

    let before = try await restored.count("SELECT count(*)::text FROM lifecycle.effect")
    let permits = try await restored.count("SELECT count(*)::text FROM governance.permit")
    let person = try await composition.governance.person("alice", in: composition.client)
    _ = try await composition.lifecycle.requestRotation(
      identity.id, trigger: .requested(by: person.id, ticket: "T-9"))
    try await withWorker(composition) {
      try await restored.eventually {
        try await restored.count(
          "SELECT count(*)::text FROM jobs.job WHERE hold = 'waiting' AND hold_reason = 'observe_only'") == 1
      }
    }
    #expect(try await restored.count("SELECT count(*)::text FROM lifecycle.effect") == before)
    #expect(try await restored.count("SELECT count(*)::text FROM governance.permit") == permits)
    #expect(try await world.target.roles() == roles)
    #expect(try await world.target.logIn(live.login, live.secret))

    // A trial would make roles on the target.
    for what in ["test", "add"] {
      let refused = await #expect(throws: LifecycleError.self) {
        if what == "test" {
          _ = try await composition.lifecycle.testTarget("db")
        } else {
          _ = try await composition.lifecycle.addTarget(
            name: "again", kind: "postgresql", environment: "test", settings: world.target.settings,
            adminSecret: world.target.adminSecret, limit: GroupLimit(maximumRunning: 1))
        }
      }
      #expect(refused?.code == .refused, "\(what)")
      #expect(refused?.message.contains("keyturn incarnation confirm") == true, "\(what)")
    }
    #expect(try world.target.serverLog.ranges(of: "CREATE ROLE \"keyturn_trial_").count == trials)

    await #expect(throws: GovernanceError.self) {
      _ = try await composition.incarnation.confirm(
        by: "alice", reason: " ", host: "h", governance: composition.governance)
    }
    let confirmed = try await composition.incarnation.confirm(
      by: "alice", reason: "restored on purpose", host: "h", governance: composition.governance)
    #expect(confirmed.beganAnew)
    #expect(await composition.incarnation.doubt() == nil)
    #expect(try await composition.lifecycle.testTarget("db").isSound)
    try await withWorker(composition) {
      try await restored.eventually {
        try await restored.count("SELECT count(*)::text FROM lifecycle.effect") > before
      }
    }
    // This host works on the restored one now, and no longer on the other.
    await world.composition.incarnation.refresh()
    #expect(await world.composition.incarnation.doubt() == .other)
    await composition.close()
    await restored.close()
    try await world.close()
  }

  @Test func aDatabaseThatWasSetBackIsNoticedByWhoeverRunsAndWhoeverStarts() async throws {
    let cluster = try await OwnCluster.make()
    let folder = try TestFolder.make("keyturn-incarnation")
    let daemon = DaemonConfiguration(databaseURL: cluster.url, dataDirectory: folder)
    let composition = try await Composition.open(daemon, .prepare, logger: TestDatabase.logger)
    _ = try await composition.governance.addPerson("alice", in: composition.client)
    #expect(await composition.incarnation.doubt() == nil)
    let subject = SubjectID(UUID())
    func held(by keeper: IncarnationKeeper) async throws -> [ReasonCode] {
      try await composition.client.queryFirst(
        ExplainHold(subject: subject, incarnation: await keeper.claim(), need: .writable)) ?? []
    }
    #expect(try await held(by: composition.incarnation) == [])

    let (data, backup) = (cluster.folder + "/postgres", cluster.folder + "/backup")
    try await cluster.embedded.stop()
    try await Self.copy(data, to: backup)
    try await cluster.restart()
    // The engine works on; its marks go beyond the backup.
    for _ in 0..<3 { await composition.incarnation.refresh() }
    #expect(try await held(by: composition.incarnation) == [])
    try await cluster.embedded.stop()
    try FileManager.default.removeItem(atPath: data)
    try await Self.copy(backup, to: data)
    try await cluster.restart()

    // Who runs already is refused by the database itself, before it has looked again.
    #expect(try await held(by: composition.incarnation) == [.observeOnly])
    let other = try await Composition.open(daemon, .requireSchema, logger: TestDatabase.logger)
    #expect(await other.incarnation.doubt() == .older)
    _ = try await other.incarnation.confirm(
      by: "alice", reason: "restored", host: "h", governance: other.governance)
    #expect(try await held(by: other.incarnation) == [])
    await composition.incarnation.refresh()
    #expect(await composition.incarnation.doubt() == nil)
    await other.close()
    await composition.close()
    try FileManager.default.removeItem(atPath: folder)
    try await cluster.stop()
  }

  private static func copy(_ source: String, to destination: String) async throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/cp")
    process.arguments = ["-a", source, destination]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  @Test func aHostThatDoesNotKnowTheDatabaseObservesUntilItIsTold() async throws {
    let world = try await TestWorld.make(addTarget: false)
    let daemon = DaemonConfiguration(
      databaseURL: world.database.url, dataDirectory: world.daemon.dataDirectory,
      incarnationFile: world.target.folder + "/another-host")
    let host = try await Composition.open(daemon, .requireSchema, logger: TestDatabase.logger)
    #expect(await host.incarnation.doubt() == .unknownHere)
    let confirmed = try await host.incarnation.confirm(
      by: "bob", reason: "a new host", host: "h2", governance: host.governance)
    #expect(!confirmed.beganAnew)
    #expect(await host.incarnation.doubt() == nil)
    // The first host is not concerned.
    await world.composition.incarnation.refresh()
    #expect(await world.composition.incarnation.doubt() == nil)
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM governance.incarnation_adoption WHERE host = 'h2' AND reason = 'a new host'") == 1)
    await host.close()
    try await world.close()
  }

  @Test func noPermitIsWrittenAroundIt() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_direct")
      try await world.settled()
    }
    let authorization = try await world.text("SELECT authorization_id::text FROM lifecycle.credential")
    for (incarnation, mark) in [
      ("NULL", "NULL"), ("gen_random_uuid()", "1"),
      ("(SELECT id FROM governance.incarnation)", "(SELECT mark + 1 FROM governance.incarnation)"),
    ] {
      await #expect {
        try await world.change(
          """
          INSERT INTO governance.permit (id, authorization_id, action, subject, fence, incarnation, mark)
          VALUES (gen_random_uuid(), '\(authorization)', 'rotate', gen_random_uuid(), 1, \(incarnation), \(mark))
          """)
      } throws: { ($0 as? PostgresError)?.sqlState == .insufficientPrivilege }
    }
    try await world.close()
  }

  @Test func theCommandsSayItAndConfirmIt() async throws {
    let world = try await TestWorld.make(addTarget: false)
    let shown = try await world.keyturn("incarnation", "--json")
    #expect(try shown.object()["state"] as? String == "holds", "\(shown.errors)")
    try await world.change("UPDATE governance.incarnation SET place = 'elsewhere/1'")
    let doubted = try await world.keyturn("incarnation", "show", "--json")
    #expect(try doubted.object()["doubt"] as? String == "other_place")
    #expect(try await world.keyturn("incarnation", "confirm", "--by", "alice").code == 64)
    #expect(try await world.keyturn("incarnation", "confirm", "--by", "nobody", "--reason", "r").code == 4)
    let confirmed = try await world.keyturn("incarnation", "confirm", "--by", "alice", "--reason", "moved", "--json")
    #expect(confirmed.code == 0, "\(confirmed.errors)")
    #expect(try confirmed.object()["began"] as? String == "now")
    #expect(try await world.keyturn("incarnation", "--json").object()["state"] as? String == "holds")
    try "nonsense".write(
      toFile: world.daemon.incarnationFilePath, atomically: true, encoding: .utf8)
    let broken = try await world.keyturn("incarnation", "show")
    #expect(broken.code == 1)
    #expect(broken.errors.contains("incarnation confirm"))
    #expect(try await world.keyturn("incarnation", "confirm", "--by", "alice", "--reason", "file was broken").code == 0)
    try await world.close()
  }
}
