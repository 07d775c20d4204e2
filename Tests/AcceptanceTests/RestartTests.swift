import Foundation
import Lifecycle
import Postgres
import TestSupport
import Testing

/// Worker processes that come and go, and a queue that is emptied under them. `KEYTURN_HEAVY=1`: 100 times instead of a few.
@Suite(.timeLimit(.minutes(15))) struct RestartTests {
  private static let isHeavy = ProcessInfo.processInfo.environment["KEYTURN_HEAVY"] == "1"

  private func start(_ name: String, _ world: TestWorld) throws -> Process {
    try WorkerProcess.start(name, url: world.database.url, folder: world.target.folder)
  }

  @Test func aWorkerThatIsRestartedAgainAndAgainOverASettledSystemHasNoEffect() async throws {
    let world = try await TestWorld.make()
    let names = (1...8).map { "svc\($0)" }
    try await world.withWorker {
      for name in names { try await world.issue(name) }
      try await world.settled()
      for name in names { try await world.rotate(name) }
      try await world.settled()
      for name in names.suffix(2) { try await world.approve(world.submit([.revoke], name)) }
      try await world.settled()
    }
    let everything =
      "SELECT (SELECT count(*) FROM lifecycle.effect) + (SELECT count(*) FROM governance.permit) + (SELECT count(*) FROM lifecycle.rotation_step) + (SELECT sum(fence)::bigint FROM lifecycle.credential)"
    let rows = try await world.database.count(everything)
    let roles = try await world.targetCount(Self.roles)
    let log = try world.target.serverLog.utf8.count

    let restarts = Self.isHeavy ? 100 : 5
    for number in 1...restarts {
      // Each plans once, so that what is stalled or due would be found.
      try await world.change(
        "UPDATE jobs.maintenance SET next_run_at = now(), last_run_at = NULL WHERE name = 'plan-due'")
      let process = try start("restart-\(number)", world)
      try await world.eventually(
        "SELECT count(*)::text FROM jobs.maintenance WHERE name = 'plan-due' AND last_run_at IS NOT NULL", is: 1)
      try await world.eventually(
        "SELECT count(*)::text FROM jobs.worker WHERE name = 'restart-\(number)'", is: 1)
      try await WorkerProcess.end(process, number % 2 == 0 ? SIGTERM : SIGKILL)
    }
    #expect(try await world.database.count(everything) == rows)
    #expect(try await world.targetCount(Self.roles) == roles)
    let said = try world.target.serverLog.utf8.dropFirst(log)
    let changes = String(decoding: said, as: UTF8.self).split(separator: "\n").filter {
      $0.contains(/\b(CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|REASSIGN|pg_terminate_backend)\b/)
    }
    #expect(changes == [])
    print("restarts: \(restarts), the target heard \(said.count) bytes, none of them a change")
    try await world.close()
  }

  /// One number that is another when any role is: the rows' transactions.
  private static let roles =
    "SELECT (sum(hashtextextended(a::text || a.xmin::text, 0)::numeric) % 1000000007)::text FROM pg_authid AS a"

  @Test func whatIsUnderWayGoesOnWhenTheJobTablesAreEmptied() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    let names = (1...(Self.isHeavy ? 24 : 8)).map { "svc\($0)" }
    var old: [String: [CurrentSecret]] = [:]
    let workers = [try start("first", world), try start("second", world)]
    for name in names { try await world.issue(name) }
    try await empty(world)
    try await world.settled()
    var emptied = 1
    var rounds = 0
    var met = 0
    while emptied < (Self.isHeavy ? 100 : 5) {
      rounds += 1
      for name in names { old[name, default: []].append(try await world.secret(name)) }
      // The last is a leak, whose containment is a job of its own.
      for name in names.dropLast() { try await world.rotate(name) }
      let containment = try await world.contain("identity=\(names[names.count - 1])")
      while try await !isOver(world) {
        try await Task.sleep(for: .milliseconds(Int.random(in: 5...250)))
        met += try await world.database.count("SELECT count(*)::text FROM jobs.job")
        try await empty(world)
        emptied += 1
        // Now and then they get somewhere.
        if emptied % 4 == 0 { try await Task.sleep(for: .milliseconds(700)) }
      }
      let status = try await world.over(containment)
      #expect(status.contained == 1 && status.followUpsDone == 1)
      try await world.settled()
    }
    #expect(met > 0)
    print("emptied \(emptied) times in \(rounds) rounds, \(met) jobs lost their rows")
    for process in workers { try await WorkerProcess.end(process, SIGTERM) }

    for name in names {
      let current = try await world.secret(name)
      #expect(current.version == Int32(rounds + 1), "\(name)")
      #expect(try await world.target.logIn(current.login, current.secret), "\(name)")
      for former in old[name] ?? [] {
        #expect(try await !world.target.logIn(former.login, former.secret), "\(name) version \(former.version)")
      }
    }
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.rotation WHERE state <> 'done'") == 0)
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.effect WHERE permit_id IS NULL OR state = 'intended'") == 0)
    try await world.close()
  }

  private func isOver(_ world: TestWorld) async throws -> Bool {
    try await world.database.count(
      """
      SELECT (SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL)
        + (SELECT count(*) FROM lifecycle.containment_target WHERE ended_at IS NULL)
      """) == 0
  }

  /// Takes the tables one after the other, and so may be the one that gives way to a worker.
  private func empty(_ world: TestWorld) async throws {
    while true {
      do {
        return try await world.change(
          "TRUNCATE jobs.job, jobs.job_archive, jobs.worker, jobs.statistic, jobs.maintenance")
      } catch let error as PostgresError where error.sqlState == .deadlockDetected {
        continue
      }
    }
  }

  /// Its locks would hold up everybody else.
  @Test(.timeLimit(.minutes(1))) func aProcessThatStandsStillInATransactionLosesIt() async throws {
    let world = try await TestWorld.make()
    let reading = try await world.composition.client.queryFirst(ShowPatience())
    #expect(reading == "10s")
    try await world.close()
  }

  @Test func aQuarantinedSagaStaysSoWhenItsJobIsGone() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc")
      try await world.settled()
      // Somebody changed the role by hand.
      try await world.target.withSuperuser { try await $0.executeScript("COMMENT ON ROLE svc IS 'mine'") }
      try await world.rotate("svc")
      try await world.eventually(
        "SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'quarantined'", is: 1)
      let steps = try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation_step")
      try await empty(world)
      // The planner has looked twice since.
      for _ in 1...2 {
        try await world.change("UPDATE jobs.maintenance SET next_run_at = now(), last_run_at = NULL")
        try await world.eventually(
          "SELECT count(*)::text FROM jobs.maintenance WHERE name = 'plan-due' AND last_run_at IS NOT NULL", is: 1)
      }
      #expect(try await world.database.count("SELECT count(*)::text FROM jobs.job") == 0)
      #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation_step") == steps)
    }
    try await world.close()
  }
}

private struct ShowPatience: Statement {
  static let sql = "SELECT current_setting('idle_in_transaction_session_timeout')"
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
