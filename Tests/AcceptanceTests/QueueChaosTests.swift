import Foundation
import Jobs
import Postgres
import TestSupport
import Testing

/// Worker processes killed, and stopped past their lease. Long: only with `KEYTURN_HEAVY=1`.
@Suite(
  .serialized, .enabled(if: ProcessInfo.processInfo.environment["KEYTURN_HEAVY"] == "1"))
struct QueueChaosTests {
  /// Worker processes of one database; killed by process id.
  final class Processes {
    private(set) var running: [Process] = []
    private let database: TestDatabase
    private let arguments: [String]

    init(_ database: TestDatabase, _ arguments: [String]) {
      self.database = database
      self.arguments = arguments
    }

    @discardableResult
    func start() throws -> Process {
      let process = Process()
      process.executableURL = CommandTests.program
      process.arguments =
        ["bench-worker", "--url", database.url, "--name", "chaos-\(running.count)"] + arguments
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      running.append(process)
      return process
    }

    /// A random one.
    func kill(_ signal: Int32) {
      let index = Int.random(in: 0..<running.count)
      Foundation.kill(running[index].processIdentifier, signal)
      running.remove(at: index)
    }

    func stop() async throws {
      for process in running {
        Foundation.kill(process.processIdentifier, SIGCONT)
        Foundation.kill(process.processIdentifier, SIGTERM)
      }
      for process in running {
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
      }
    }
  }

  private func enqueue(_ count: Int, groups: Int, cap: Int32, _ database: TestDatabase) async throws {
    let queue = JobQueue()
    let groups = (0..<groups).map { _ in LimitGroupID(UUID()) }
    try await database.client.withTransaction { transaction in
      for group in groups { try await queue.setLimit(group, GroupLimit(maximumRunning: cap), in: transaction) }
      try await queue.enqueue(
        (0..<count).map {
          JobQueue.Order(
            kind: JobKind(name: "rotate", precedence: 2), subject: SubjectID(UUID()), group: groups[$0 % groups.count],
            lane: .routine, fence: 0)
        }, in: transaction)
    }
  }

  @Test func workersKilledWhileLeasedLoseNothingAndFinishNothingTwice() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(20_000, groups: 50, cap: 8, database)
    let processes = Processes(
      database, ["--concurrency", "64", "--connections", "3", "--work", "400", "--lease", "4"])
    for _ in 0..<16 { try processes.start() }
    var kills = 0
    let deadline = ContinuousClock.now + .seconds(240)
    var ended = 0
    while ended < 20_000, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(400))
      let abandoned = try await database.count(
        "SELECT (SELECT COALESCE(sum(abandonments), 0) FROM jobs.job_archive) + (SELECT COALESCE(sum(abandonments), 0) FROM jobs.job)"
      )
      if abandoned < 1000 {
        for _ in 1...3 {
          processes.kill(SIGKILL)
          kills += 1
          try processes.start()
        }
      }
      ended = try await database.count(
        "SELECT (SELECT count(*) FROM jobs.job_archive) + (SELECT count(*) FROM jobs.job WHERE hold = 'quarantined')")
    }
    try await processes.stop()
    let archived = try await database.count("SELECT count(*) FROM jobs.job_archive")
    let distinct = try await database.count("SELECT count(DISTINCT subject) FROM jobs.job_archive")
    let quarantined = try await database.count("SELECT count(*) FROM jobs.job WHERE hold = 'quarantined'")
    let abandoned = try await database.count("SELECT COALESCE(sum(abandonments), 0) FROM jobs.job_archive")
    let deadlocks = try await database.count(
      "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    print("chaos: \(kills) kills, \(abandoned) leases abandoned, \(quarantined) quarantined, \(deadlocks) deadlocks")
    #expect(archived + quarantined == 20_000)
    #expect(distinct == archived)
    #expect(abandoned >= 1000)
    #expect(deadlocks == 0)
    await database.close()
  }

  @Test func aWorkerStoppedPastItsLeaseChangesNothingWhenItWakes() async throws {
    let database = try await TestDatabase.make()
    try await enqueue(40, groups: 1, cap: 100, database)
    let processes = Processes(database, ["--concurrency", "40", "--work", "3000", "--lease", "4"])
    let zombie = try processes.start()
    try await database.eventually {
      try await database.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL") == 40
    }
    kill(zombie.processIdentifier, SIGSTOP)
    try processes.start()
    // Its heartbeat stops, the heir takes all it had, and holds it when the zombie wakes.
    try await database.eventually {
      try await database.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL AND fence >= 3") == 40
    }
    kill(zombie.processIdentifier, SIGCONT)
    try await database.eventually { try await database.count("SELECT count(*) FROM jobs.job_archive") == 40 }
    try await processes.stop()
    let byZombie = try await database.count(
      "SELECT count(*) FROM jobs.job_archive AS a JOIN jobs.worker AS w ON w.id = a.finished_by WHERE w.name = 'chaos-0'"
    )
    #expect(byZombie == 0)
    #expect(
      try await database.count("SELECT count(*) FROM jobs.job_archive WHERE fence = 3 AND abandonments = 1") == 40)
    await database.close()
  }
}
