import Foundation
import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Jobs

/// The database restarted, full, or without tomorrow's partition: work goes on and nothing is lost.
@Suite(.serialized) struct QueueTroubleTests {
  private func enqueue(_ count: Int, cap: Int32 = 200, in client: PostgresClient) async throws {
    let queue = JobQueue()
    let groups = (0..<5).map { _ in LimitGroupID(UUID()) }
    try await client.withTransaction { transaction in
      for group in groups { try await queue.setLimit(group, GroupLimit(maximumRunning: cap), in: transaction) }
      let orders = (0..<count).map {
        JobQueue.Order(
          kind: QueueFixture.middle, subject: SubjectID(UUID()), group: groups[$0 % 5], lane: .routine, fence: 0)
      }
      try await queue.enqueue(orders, in: transaction)
    }
  }

  private func eventually(_ condition: @Sendable () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < deadline {
      // The server may be away just now.
      do { if try await condition() { return } } catch {}
      try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record("it did not happen within 90 s")
  }

  @Test func theDatabaseRestartedDuringADrainLosesNothing() async throws {
    let cluster = try await OwnCluster.make()
    try await enqueue(4000, in: cluster.client)
    let runs = Shared<[SubjectID: Int]>([:])
    let worker = try TestWorker(cluster.client, concurrency: 200, lease: 6) { job, _ in
      runs.withLock { $0[job.subject, default: 0] += 1 }
      await TestWorker.breathe(milliseconds: 20)
      return .done
    }
    try await worker.run {
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") > 500 }
      try await cluster.restart()
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") > 2000 }
      try await cluster.restart()
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") == 4000 }
    }
    #expect(try await cluster.count("SELECT count(DISTINCT subject) FROM jobs.job_archive") == 4000)
    #expect(try await cluster.count("SELECT count(*) FROM jobs.job") == 0)
    #expect(runs.withLock { $0.count } == 4000)
    try await cluster.stop()
  }

  @Test func anOrderThatWasAcceptedSurvivesACrashRightAfter() async throws {
    // The server writes nothing by itself that nobody waits for.
    let cluster = try await OwnCluster.make(settings: ["wal_writer_delay": "10s"])
    let queue = JobQueue(notifier: JobNotifier(client: cluster.client, logger: TestDatabase.logger))
    let group = LimitGroupID(UUID())
    try await queue.setLimit(group, GroupLimit(maximumRunning: 1), in: cluster.client)
    for count in 1...5 {
      let order = JobQueue.Order(
        kind: QueueFixture.middle, subject: SubjectID(UUID()), group: group, lane: .routine, fence: 0)
      try await eventually { try await queue.enqueue([order], on: cluster.client).unchanged == 0 }
      try await cluster.crash()
      #expect(try await cluster.count("SELECT count(*) FROM jobs.job") == count)
    }
    try await cluster.stop()
  }

  /// An emptied line has no rows by the statistics, and every plan seems free.
  @Test func aLookReadsOnlyWhatIsNewHoweverManyDeadRowsASnapshotKeeps() async throws {
    let fixture = try await QueueFixture.make()
    let group = try await fixture.group()
    try await fixture.enqueue(3000, group)
    let lines = try await fixture.database.withOwner { reader in
      try await reader.executeScript("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM jobs.job")
      return try await fixture.database.withOwner { owner in
        try await owner.executeScript("DELETE FROM jobs.job")
        try await owner.executeScript("VACUUM (ANALYZE) jobs.job")
        let rows = try await owner.withTransaction { transaction in
          try await transaction.query(PreferOrder())
          try await transaction.execute(UtilityStatement(stringLiteral: "PREPARE look AS \(FindArrivals.sql)"))
          return try await transaction.query(UtilityStatement(stringLiteral: "EXPLAIN EXECUTE look (0)"))
        }
        return try rows.map { row -> String in try row[0] }
      }
    }
    #expect(lines.contains { $0.contains("job_arrival") })
    #expect(!lines.contains { $0.contains("job_line") })
    await fixture.close()
  }

  @Test func aFullArchiveDiskHoldsJobsUntilThereIsRoom() async throws {
    let cluster = try await OwnCluster.make()
    let disk = cluster.folder + "/small"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    guard try Self.command("mount", ["-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs", disk]) == 0 else {
      // Only root may mount; the rest of the suite still says what it can.
      print("no small disk could be mounted: the full disk was not tried")
      return try await cluster.stop()
    }
    _ = try Self.command("chown", ["postgres", disk])
    try await cluster.withOwner { connection in
      try await connection.execute("CREATE TABLESPACE small LOCATION \(literal: disk)")
      try await connection.executeScript(
        """
        DO $$ BEGIN EXECUTE format('ALTER TABLE jobs.%I SET TABLESPACE small',
          'job_archive_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')); END $$
        """)
    }
    let filler = disk + "/filler"
    let free = 1_500_000
    try Data(count: free).write(to: URL(fileURLWithPath: filler))
    try await enqueue(8000, cap: 1000, in: cluster.client)
    let worker = try TestWorker(cluster.client, concurrency: 500, lease: 6) { _, _ in .done }
    try await worker.run {
      // It comes to a halt with jobs still held, and goes on holding them past their first lease.
      try await self.eventually {
        let before = try await cluster.count("SELECT count(*) FROM jobs.job_archive")
        try await Task.sleep(for: .seconds(1))
        return try await cluster.count("SELECT count(*) FROM jobs.job_archive") == before && before > 0
      }
      #expect(try await cluster.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL") > 0)
      let total = try await cluster.count(
        "SELECT (SELECT count(*) FROM jobs.job) + (SELECT count(*) FROM jobs.job_archive)")
      #expect(total == 8000)
      try FileManager.default.removeItem(atPath: filler)
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") == 8000 }
    }
    #expect(try await cluster.count("SELECT count(DISTINCT subject) FROM jobs.job_archive") == 8000)
    #expect(try await cluster.count("SELECT count(*) FROM jobs.job_archive WHERE abandonments > 0") == 0)
    await cluster.client.close()
    try await cluster.embedded.stop()
    _ = try Self.command("umount", [disk])
    try FileManager.default.removeItem(atPath: cluster.folder)
  }

  private static func command(_ name: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test func withoutADaysPartitionRowsAreKeptAndMovedLater() async throws {
    let queue = try await QueueFixture.make()
    try await queue.database.withOwner { connection in
      try await connection.executeScript(
        """
        DO $$ DECLARE partition text; BEGIN
          FOR partition IN SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'jobs.job_archive'::regclass AND c.relname <> 'job_archive_default'
          LOOP EXECUTE format('DROP TABLE jobs.%I', partition); END LOOP;
        END $$
        """)
    }
    let group = try await queue.group()
    try await queue.enqueue(5, group)
    for job in try await queue.claim([group]) {
      #expect(await queue.settle(job, .archive(.done, reason: nil)))
    }
    #expect(try await queue.count("SELECT count(*) FROM ONLY jobs.job_archive_default") == 5)
    #expect(try await queue.database.client.queryFirst(MakeArchivePartitions()) == 8)
    #expect(try await queue.count("SELECT count(*) FROM ONLY jobs.job_archive_default") == 0)
    #expect(try await queue.count("SELECT count(*) FROM jobs.job_archive") == 5)
    await queue.close()
  }

  @Test func oldPartitionsAndRecordsAreDropped() async throws {
    let queue = try await QueueFixture.make()
    try await queue.database.withOwner { connection in
      try await connection.executeScript(
        """
        INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures,
          abandonments, created_at, finished_at)
        SELECT 0, gen_random_uuid(), 'rotate', gen_random_uuid(), gen_random_uuid(), 4, 'done', 1, 1, 0, 0, now(),
          now() - make_interval(days => n) FROM generate_series(1, 40) AS n;
        INSERT INTO jobs.statistic (minute, bucket, kind) VALUES (now() - interval '60 days', 0, 'rotate'), (now(), 0, 'rotate');
        """)
    }
    let client = queue.database.client
    #expect(try await client.queryFirst(MakeArchivePartitions()) == 40)
    #expect(try await client.queryFirst(DropArchivePartitions(keepDays: 30)) == 10)
    #expect(try await client.execute(DeleteOldRecords(keepDays: 30)) == 1)
    #expect(try await queue.count("SELECT count(*) FROM jobs.job_archive") == 30)
    await #expect(throws: PostgresError.self) { try await client.query(DropArchivePartitions(keepDays: 0)) }
    await queue.close()
  }

  @Test func twoWorkersOfOneNameBothWorkAndAreTold() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 50)
    try await queue.enqueue(200, group)
    let log = RecordedLog()
    var logger = Logger(label: "test") { _ in log.handler }
    logger.logLevel = .info
    let workers = try (0..<2).map { _ in
      try TestWorker(queue.database.client, name: "twin", concurrency: 10, logger: logger) { _, _ in
        await TestWorker.breathe(milliseconds: 2)
        return .done
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for worker in workers {
        tasks.addTask {
          try await worker.run {
            try await queue.database.eventually { log.text.contains("same name") }
            try await queue.database.eventually {
              try await queue.count("SELECT count(*) FROM jobs.job_archive") == 200
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    #expect(try await queue.count("SELECT count(DISTINCT finished_by) FROM jobs.job_archive") == 2)
    await queue.close()
  }

  @Test func withoutNotificationsWorkFlowsWithinThePollInterval() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let began = Shared<ContinuousClock.Instant?>(nil)
    let worker = try TestWorker(queue.database.client, listens: false, poll: 0.5) { _, _ in
      began.withLock { $0 = .now }
      return .done
    }
    try await worker.run {
      try await queue.database.eventually { try await queue.count("SELECT count(*) FROM jobs.worker") == 1 }
      let start = ContinuousClock.now
      // The fixture's queue notifies nobody.
      try await queue.enqueue(1, group)
      try await queue.database.eventually { try await queue.count("SELECT count(*) FROM jobs.job_archive") == 1 }
      let waited = try #require(began.withLock { $0 }) - start
      #expect(waited < .seconds(1.5))
    }
    await queue.close()
  }
}

/// Keeps what is logged.
final class RecordedLog: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }
  var handler: any LogHandler { Handler(log: self) }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      log.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
  }
}
