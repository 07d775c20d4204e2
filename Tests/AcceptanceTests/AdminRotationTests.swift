import Daemon
import Foundation
import Governance
import Jobs
import Postgres
import Secrets
import Synchronization
import TestSupport
import Testing
import Vault

@testable import Lifecycle

/// The engine's own admins get new secrets; wherever it is stopped, one of the two works.
@Suite(.timeLimit(.minutes(5))) struct AdminRotationTests {
  private static let standbySecret = "standby-password-of-the-test"

  /// Both admins act as one role.
  private func makeWorld(standby: Bool = true, overlap: Double = 0, role: String? = "keyturn_admins") async throws
    -> TestWorld
  {
    let world = try await TestWorld.make(addTarget: false)
    try await world.target.withSuperuser { connection in
      try await connection.executeScript(
        """
        CREATE ROLE keyturn_admins CREATEROLE; CREATE ROLE keyturn_spare LOGIN CREATEROLE PASSWORD '\(Self.standbySecret)';
        GRANT pg_signal_backend TO keyturn_admins, keyturn_spare; GRANT keyturn_admins TO keyturn_admin, keyturn_spare;
        GRANT app_readers TO keyturn_admins WITH ADMIN OPTION;
        """)
    }
    try await world.addTarget(role.map { ["role": $0] } ?? [:])
    if standby {
      try await world.composition.lifecycle.setStandbyAdmin(
        of: "db", login: "keyturn_spare", secret: SecretBytes(Self.standbySecret), period: nil, overlap: overlap,
        by: "alice", reason: "a test")
    }
    return world
  }

  /// From 16 on no admin may change another's secret.
  private func mayRepair(_ world: TestWorld) async throws -> Bool {
    try await world.target.withSuperuser { $0.serverVersion < 160_000 }
  }

  private func awaitRepair(_ world: TestWorld) async throws {
    if try await mayRepair(world) {
      try await world.eventually(idle, is: 1)
    } else {
      try await world.eventually(
        "SELECT count(*) FROM keyturn.v_job WHERE state = 'quarantined' AND state_reason LIKE '%may not change it%'",
        is: 1)
    }
  }

  /// The secrets that our rows hold for the target's two admins, in use first, by opening them.
  private func admins(_ world: TestWorld) async throws -> [(login: String, secret: SecretBytes)] {
    let target = try await world.composition.governance.target("db", in: world.composition.client)
    let found = try await world.composition.client.queryFirst(FindTargetAdmins(target: target.id))
    let admins = try #require(found)
    let vault = world.composition.vault
    return [
      (
        admins.activeLogin,
        try await vault.open(
          Envelope(bytes: admins.activeEnvelope), context: .admin(admins.activeVersion, of: target.id))
      ),
      (
        admins.login,
        try await vault.open(Envelope(bytes: admins.envelope), context: .admin(admins.version, of: target.id))
      ),
    ]
  }

  private func works(_ world: TestWorld) async throws -> [Bool] {
    var works: [Bool] = []
    for admin in try await admins(world) { works.append(try await world.target.logIn(admin.login, admin.secret)) }
    return works
  }

  private func ask(_ world: TestWorld) async throws {
    let asked = try await world.operate("target", "rotate-admin", "db", "--json")
    #expect(asked.code == 0, "\(asked.errors)")
  }

  private let idle = "SELECT count(*) FROM lifecycle.standby_admin WHERE phase = 'idle' AND rotated_at > '2000-01-02'"

  @Test func bothGetNewSecretsAndTheOldOnesAreRefused() async throws {
    let world = try await makeWorld()
    try await world.change("UPDATE lifecycle.standby_admin SET rotated_at = '2000-01-01'")
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
      try await ask(world)
      try await world.eventually(idle, is: 1)
      // Work goes on with the other admin.
      try await world.rotate("svc")
      try await world.settled()
    }
    #expect(try await works(world) == [true, true])
    #expect(try await admins(world).map(\.login) == ["keyturn_spare", "keyturn_admin"])
    #expect(try await !world.target.logIn("keyturn_admin", world.target.adminSecret))
    #expect(try await !world.target.logIn("keyturn_spare", SecretBytes(Self.standbySecret)))
    #expect(try await world.text("SELECT state FROM keyturn.v_credential WHERE identity = 'svc'") == "active")
    #expect(
      try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE state <> 'done'") == 0)
    #expect(try await world.actions().contains("enqueue"))
    let rotated = try await world.composition.lifecycle.rewrapAll(with: world.composition.vault) { _, _ in }
    #expect(rotated >= 3)
    #expect(try await works(world) == [true, true])
    await world.close(ignoringErrors: ())
  }

  /// Stopped at every step in turn, as if the process had died there.
  @Test func oneOfTheTwoWorksWhereverItIsStopped() async throws {
    let world = try await makeWorld()
    let target = try await world.composition.governance.target("db", in: world.composition.client)
    let stops = AdminRotationRunner.Point.allCases.flatMap { point in
      [AdminRotation.Phase.idle, .first, .second].map { (point, $0) }
    }
    var reached = 0
    for (point, phase) in stops {
      let hit = Mutex(false)
      var runner = try runner(world)
      runner.observer = { at, during in
        guard at == point, during == phase else { return }
        hit.withLock { $0 = true }
        throw Stopped()
      }
      try await enqueue(target, world)
      let interrupted = try await claimAndRun(runner, world)
      let wasHit = hit.withLock { $0 }
      #expect(interrupted == (wasHit ? .retry(JobFailure(code: "interrupted")) : .done), "\(point) \(phase)")
      reached += wasHit ? 1 : 0
      // At least one of the two works with what our rows say, whoever reads them now.
      #expect(try await works(world).contains(true), "\(point) \(phase)")
      let driverWorks = try await world.composition.lifecycle.examineTarget("db")
      #expect(driverWorks == [], "\(point) \(phase): the one in use works")
      if wasHit {
        #expect(try await claimAndRun(try self.runner(world), world) == .done, "\(point) \(phase)")
      }
      #expect(try await works(world) == [true, true], "\(point) \(phase)")
      try await world.eventually(
        "SELECT count(*) FROM lifecycle.standby_admin WHERE phase = 'idle' AND candidate_version IS NULL", is: 1)
    }
    // began and the first four of each phase are there to be stopped at.
    #expect(reached == 8)
    await world.close(ignoringErrors: ())
  }

  @Test func anOrderThatHasNotBegunOutlivesItsJob() async throws {
    let world = try await makeWorld()
    try await world.change("UPDATE lifecycle.standby_admin SET rotated_at = '2000-01-01'")
    try await ask(world)
    try await world.change("TRUNCATE jobs.job")
    try await world.withWorker { try await world.eventually(idle, is: 1) }
    #expect(try await works(world) == [true, true])
    #expect(try await !world.target.logIn("keyturn_admin", world.target.adminSecret))
    // And is no order any more.
    #expect(
      try await world.database.count("SELECT count(*) FROM lifecycle.standby_admin WHERE asked_at IS NOT NULL") == 0)
    await world.close(ignoringErrors: ())
  }

  /// After a restore the rows may hold secrets of yesterday: not even a login is tried with them.
  @Test func nothingIsTriedWhileTheHostOnlyObserves() async throws {
    let world = try await makeWorld()
    let stranger = try await Composition.open(
      DaemonConfiguration(
        databaseURL: world.database.url, dataDirectory: world.daemon.dataDirectory,
        incarnationFile: world.target.folder + "/another-host"), .requireSchema, logger: TestDatabase.logger)
    #expect(await stranger.incarnation.doubt() != nil)
    #expect(
      try await stranger.lifecycle.requestAdminRotation(of: "db", by: "alice", reason: "a test"))
    let before = try await world.text("SELECT (to_jsonb(s) - 'asked_at')::text FROM lifecycle.standby_admin AS s")
    func logins() throws -> Int {
      try world.target.serverLog.ranges(of: "connection authorized").count
        + world.target.serverLog.ranges(of: "authentication failed").count
    }
    _ = try await world.target.logIn("keyturn_spare", SecretBytes("wrong"))
    let known = try logins()
    #expect(known > 0)
    let service = try stranger.makeWorker(
      WorkerConfiguration(name: "stranger", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.03), planEvery: 0.1)
    async let running: Void = service.run()
    try await world.eventually(
      "SELECT count(*) FROM jobs.job WHERE hold = 'waiting' AND hold_reason = 'observe_only'", is: 1)
    service.worker.stop()
    await running
    #expect(try logins() == known)
    #expect(try await world.text("SELECT (to_jsonb(s) - 'asked_at')::text FROM lifecycle.standby_admin AS s") == before)
    await stranger.close()
    await world.close(ignoringErrors: ())
  }

  @Test func theStandbyTakesOverWhenTheAdminIsRefused() async throws {
    let world = try await makeWorld()
    try await world.target.withSuperuser {
      try await $0.executeScript("ALTER ROLE keyturn_admin PASSWORD 'by somebody else'")
    }
    try await world.change("UPDATE lifecycle.standby_admin SET rotated_at = '2000-01-01'")
    try await world.withWorker {
      try await ask(world)
      try await awaitRepair(world)
      try await world.issue("svc")
      try await world.settled()
    }
    #expect(try await admins(world).map(\.login) == ["keyturn_spare", "keyturn_admin"])
    #expect(try await works(world) == [true, mayRepair(world)])
    #expect(try await world.text("SELECT state FROM keyturn.v_credential WHERE identity = 'svc'") == "active")
    await world.close(ignoringErrors: ())
  }

  @Test func aStandbyThatIsRefusedIsRepairedByTheOneInUse() async throws {
    let world = try await makeWorld()
    try await world.target.withSuperuser {
      try await $0.executeScript("ALTER ROLE keyturn_spare PASSWORD 'by somebody else'")
    }
    try await world.change("UPDATE lifecycle.standby_admin SET rotated_at = '2000-01-01'")
    try await world.withWorker {
      try await ask(world)
      try await awaitRepair(world)
    }
    #expect(try await works(world) == [true, mayRepair(world)])
    await world.close(ignoringErrors: ())
  }

  @Test func twoAdminsThatCouldNotStandInForEachOtherAreNoPair() async throws {
    let world = try await makeWorld(standby: false, role: nil)
    let file = world.target.folder + "/password"
    try (Self.standbySecret + "\n").write(toFile: file, atomically: true, encoding: .utf8)
    let kept = try await world.operate("target", "standby", "db", "--user", "keyturn_spare", "--password-file", file)
    if try await mayRepair(world) {
      #expect(kept.code == 0, "\(kept.errors)")
    } else {
      #expect(kept.code == 5)
      #expect(kept.errors.contains("--set role=keyturn_admins"), "\(kept.errors)")
    }
    await world.close(ignoringErrors: ())
  }

  @Test func aPersonIsAskedWhenBothAreRefused() async throws {
    let world = try await makeWorld()
    try await world.target.withSuperuser {
      try await $0.executeScript("ALTER ROLE keyturn_spare PASSWORD 'x'; ALTER ROLE keyturn_admin PASSWORD 'y'")
    }
    try await world.withWorker {
      try await ask(world)
      try await world.eventually(
        "SELECT count(*) FROM keyturn.v_job WHERE kind = 'rotate-admin' AND state = 'quarantined' AND state_reason LIKE 'both admins%'",
        is: 1)
    }
    await world.close(ignoringErrors: ())
  }

  @Test func badOrdersAreRefusedWithTheRemedy() async throws {
    let world = try await makeWorld(standby: false)
    let none = try await world.operate("target", "rotate-admin", "db")
    #expect(none.code == 1)
    #expect(none.errors.contains("target standby"))
    let file = world.target.folder + "/password"
    try (Self.standbySecret + "\n").write(toFile: file, atomically: true, encoding: .utf8)
    let same = try await world.operate("target", "standby", "db", "--user", "keyturn_admin", "--password-file", file)
    #expect(same.code == 1)
    #expect(same.errors.contains("another login"))
    let wrong = try await world.operate("target", "standby", "db", "--user", "app_readers", "--password-file", file)
    #expect(wrong.code == 5)
    #expect(wrong.errors.contains("standby not kept"))
    let often = try await world.operate(
      "target", "standby", "db", "--user", "keyturn_spare", "--password-file", file, "--rotate-every", "1s")
    #expect(often.code == 1)
    #expect(often.errors.contains("one minute"))
    let kept = try await world.operate(
      "target", "standby", "db", "--user", "keyturn_spare", "--password-file", file, "--rotate-every", "30d")
    #expect(kept.code == 0, "\(kept.errors)")
    try await world.change("UPDATE lifecycle.standby_admin SET rotated_at = now() - interval '31 days', overlap = '0'")
    try await world.withWorker {
      try await world.eventually(
        "SELECT count(*) FROM lifecycle.standby_admin WHERE phase = 'idle' AND rotated_at > now() - interval '1 day'",
        is: 1)
    }
    #expect(try await works(world) == [true, true])
    await world.close(ignoringErrors: ())
  }

  // MARK: One run at a time, without a worker

  private struct Stopped: Error {}

  private func runner(_ world: TestWorld) throws -> AdminRotationRunner {
    AdminRotationRunner(
      client: world.composition.client,
      writer: StepWriter(client: world.composition.client, logger: TestDatabase.logger),
      vault: world.composition.vault, drivers: world.composition.drivers, incarnation: world.composition.incarnation,
      logger: TestDatabase.logger)
  }

  private func enqueue(_ target: TargetRecord, _ world: TestWorld) async throws {
    let admins = try await world.composition.client.queryFirst(FindTargetAdmins(target: target.id))
    let fence = try #require(admins).fence
    try await world.composition.client.withTransaction { transaction in
      try await world.composition.queue.enqueue(
        CredentialLifecycle.adminOrder(target.id, fence: fence, lane: .operator), in: transaction)
    }
  }

  /// Claims the job through a worker that does nothing else, runs it once, and gives it back.
  private func claimAndRun(_ runner: AdminRotationRunner, _ world: TestWorld) async throws -> JobOutcome {
    let outcome = Mutex<JobOutcome?>(nil)
    let once = Once(runner: runner) { result in outcome.withLock { $0 = result } }
    let writer = StepWriter(client: world.composition.client, logger: TestDatabase.logger)
    let worker = try Worker(
      client: world.composition.client,
      configuration: WorkerConfiguration(
        name: "once", lease: 20, leaseMargin: 2, heartbeat: 0.3, poll: 0.02, shutdownGrace: 10,
        retry: RetryPolicy(base: 0.01, cap: 0.02, maximumFailures: 500)),
      handlers: [(LifecycleJobs.rotateAdmin, once)], writer: writer, logger: TestDatabase.logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await worker.run() }
      try await world.database.eventually { outcome.withLock { $0 } != nil }
      worker.stop()
      try await group.waitForAll()
      return try #require(outcome.withLock { $0 })
    }
  }

  /// Only the first result counts; after it the job waits.
  private final class Once: JobHandler {
    let runner: AdminRotationRunner
    let report: @Sendable (JobOutcome) -> Void
    private let isUsed = Mutex(false)

    init(runner: AdminRotationRunner, report: @escaping @Sendable (JobOutcome) -> Void) {
      self.runner = runner
      self.report = report
    }

    func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
      let isFirst = isUsed.withLock { used in
        defer { used = true }
        return !used
      }
      guard isFirst else { return .retry(JobFailure(code: "not again")) }
      let outcome = await runner.handle(job, term: term)
      report(outcome)
      return outcome
    }
  }
}
