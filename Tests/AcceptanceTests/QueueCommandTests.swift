import Foundation
import Postgres
import TestSupport
import Testing

@testable import CLI

@Suite struct QueueCommandTests {
  @Test func showsWhatRanAndWhatMayRun() async throws {
    let world = try await TestWorld.make()
    let idle = try await world.keyturn("queue")
    #expect(idle.code == 0, "\(idle.errors)")
    #expect(idle.output.contains("No job ran in the last 10 minutes."))
    try await world.issue("svc_seen")
    try await world.withWorker {
      try await world.settled()
      try await world.database.eventually {
        try await world.database.count("SELECT COALESCE(sum(done), 0)::text FROM jobs.statistic") == 1
      }
      let shown = try await world.keyturn("queue", "--minutes", "5", "--json").object()
      #expect(shown["workers_alive"] as? String == "1")
      let minutes = try #require(shown["minutes"] as? [[String: Any]])
      #expect(minutes.contains { $0["kind"] as? String == "rotate" && $0["done"] as? String == "1" })
      let targets = try #require(shown["targets"] as? [[String: Any]])
      #expect(targets[0]["maximum_running"] as? String == "8")
      #expect(targets[0]["breaker"] as? String == "closed")
    }
    #expect(try await world.keyturn("queue", "--minutes", "0").code == 64)
    #expect(try await world.keyturn("queue", "actions").output.contains("No operator has changed anything."))
    #expect(try await world.keyturn("queue", "actions", "--limit", "0").code == 64)
    try await world.close()
  }

  // MARK: Doctor

  @Test func theDoctorWarnsOfAnArchiveWithoutItsPartition() async throws {
    let world = try await TestWorld.make()
    let healthy = try await world.keyturn("doctor")
    #expect(!healthy.output.contains("warning"), "\(healthy.output)")
    try await world.withWorker {
      try await world.eventually("SELECT count(*)::text FROM jobs.worker", is: 1)
      try await world.eventually(
        "SELECT count(*)::text FROM jobs.maintenance WHERE name = 'archive-partitions' AND last_run_at IS NOT NULL",
        is: 1)
      try await world.change(
        """
        INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures,
          abandonments, created_at, finished_at)
        SELECT 0, gen_random_uuid(), 'rotate', gen_random_uuid(), gen_random_uuid(), 4, 'done', 1, 1, 0, 0, now(),
          '2001-01-01';
        DO $$ BEGIN
          EXECUTE 'DROP TABLE jobs.job_archive_' || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD');
        END $$
        """)
      let ended = try await world.keyturn("doctor")
      #expect(ended.code == 0, "\(ended.output)")
      #expect(ended.output.contains("finished jobs lie in the default partition"))
      #expect(ended.output.contains("its partition is missing"))
    }
    try await world.close()
  }

  @Test func theDoctorNamesWhoHoldsTheHorizonBack() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { writer in
      try await writer.executeScript("BEGIN; SELECT pg_current_xact_id()")
      let young = try await QueueHealth.read(database.client)
      #expect(young.findings.allSatisfy { $0.detail == nil })
      let old = try await QueueHealth.read(database.client, preparedAge: 0, writerAge: 0)
      let detail = try #require(old.findings.first { $0.check == "long transactions" }?.detail)
      #expect(detail.contains(database.name))
      #expect(detail.contains("pg_terminate_backend"))
      try await writer.executeScript("ROLLBACK; BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'left behind'")
      let prepared = try await QueueHealth.read(database.client, preparedAge: 0, writerAge: 0)
      let remedy = try #require(prepared.findings.first { $0.check == "prepared transactions" }?.detail)
      #expect(remedy.contains("'left behind' in database \(database.name)"))
      try await writer.executeScript("ROLLBACK PREPARED 'left behind'")
    }
    let after = try await QueueHealth.read(database.client, preparedAge: 0, writerAge: 300)
    #expect(after.prepared.isEmpty)
    await database.close()
  }

  /// A login without rights of its own sees that others write, but not since when.
  @Test func hiddenAgesAreSaidToBeHidden() {
    let health = QueueHealth(writers: [.init(process: 1, user: "u", database: "d", age: nil)])
    #expect(health.findings.contains { $0.detail?.contains("pg_read_all_stats") == true })
  }
}
