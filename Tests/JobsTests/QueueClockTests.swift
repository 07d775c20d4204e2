import Foundation
import Postgres
import TestSupport
import Testing

@testable import Jobs

/// A library that the server is started with, and a file that tells it how far off its clock is.
struct FakeClock {
  static let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
  private let file: String

  /// The file can be read by the server's user, whoever that is.
  init() throws {
    file = "/tmp/keyturn-clock-\(UUID().uuidString.lowercased())"
    try set("+0")
  }

  var environment: [String: String] {
    [
      "LD_PRELOAD": Self.library, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
      "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    ]
  }

  /// Replaced in one step: the server reads it whenever it looks at its clock.
  func set(_ offset: String) throws {
    try Data((offset + "\n").utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
  }

  func remove() { unlink(file) }
}

/// The database's clock and the worker's, an hour apart or jumping: leases, heartbeats and due times are the database's,
/// and a worker's stopwatch is no clock. The server's clock is the one that is faked: to whom the difference belongs, neither
/// side can tell.
@Suite(.serialized, .enabled(if: FileManager.default.fileExists(atPath: FakeClock.library)))
struct QueueClockTests {
  private func skew(_ cluster: OwnCluster) async throws -> Int {
    try await cluster.count("SELECT round(extract(epoch FROM now()) - \(Date().timeIntervalSince1970))::bigint")
  }

  private func enqueue(_ count: Int, in client: PostgresClient) async throws {
    let queue = JobQueue()
    let group = LimitGroupID(UUID())
    try await client.withTransaction { transaction in
      try await queue.setLimit(group, GroupLimit(maximumRunning: 20), in: transaction)
      try await queue.enqueue(
        (0..<count).map { _ in
          JobQueue.Order(
            kind: QueueFixture.middle, subject: SubjectID(UUID()), group: group, lane: .routine, fence: 0)
        }, in: transaction)
    }
  }

  private func eventually(_ condition: @Sendable () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < deadline {
      if try await condition() { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record("it did not happen within 90 s")
  }

  @Test(arguments: [3600, -3600])
  func workersWhoseClockIsAnHourOffTheDatabasesKeepTheirLeases(seconds: Int) async throws {
    let clock = try FakeClock()
    try clock.set(seconds > 0 ? "+\(seconds)" : "\(seconds)")
    let cluster = try await OwnCluster.make(environment: clock.environment)
    #expect(abs(try await skew(cluster) - seconds) < 60)
    try await enqueue(60, in: cluster.client)
    let worker = try TestWorker(cluster.client, concurrency: 50, lease: 3) { _, _ in
      await TestWorker.breathe(milliseconds: 2000)
      return .done
    }
    try await worker.run {
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") == 60 }
    }
    #expect(try await cluster.count("SELECT COALESCE(sum(abandonments), 0)::bigint FROM jobs.job_archive") == 0)
    #expect(try await cluster.count("SELECT COALESCE(max(attempt), 0)::bigint FROM jobs.job_archive") == 1)
    try await cluster.stop()
    clock.remove()
  }

  /// All leases seem to have run out, and a worker to be dead until its next heartbeat: what is taken back meanwhile is done
  /// again under a higher fence, once, and what the first run writes after that changes nothing.
  @Test func aDatabaseClockThatJumpsAheadCostsAtMostARepetition() async throws {
    let clock = try FakeClock()
    let cluster = try await OwnCluster.make(environment: clock.environment)
    try await enqueue(80, in: cluster.client)
    let worker = try TestWorker(cluster.client, concurrency: 50, lease: 6) { _, _ in
      await TestWorker.breathe(milliseconds: 1500)
      return .done
    }
    try await worker.run {
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") > 10 }
      try clock.set("+3600")
      #expect(abs(try await self.skew(cluster) - 3600) < 60)
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") == 80 }
    }
    #expect(try await cluster.count("SELECT count(DISTINCT subject) FROM jobs.job_archive") == 80)
    #expect(try await cluster.count("SELECT count(*) FROM jobs.job") == 0)
    #expect(try await cluster.count("SELECT count(*) FROM jobs.job_archive WHERE outcome <> 'done'") == 0)
    #expect(try await cluster.count("SELECT COALESCE(max(abandonments), 0)::bigint FROM jobs.job_archive") <= 1)
    try await cluster.stop()
    clock.remove()
  }

  @Test func aDatabaseClockThatIsSetBackLosesNothing() async throws {
    let clock = try FakeClock()
    let cluster = try await OwnCluster.make(environment: clock.environment)
    try await enqueue(200, in: cluster.client)
    let worker = try TestWorker(cluster.client, concurrency: 50, lease: 6) { _, _ in
      await TestWorker.breathe(milliseconds: 150)
      return .done
    }
    try await worker.run {
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") > 20 }
      try clock.set("-3600")
      #expect(abs(try await self.skew(cluster) + 3600) < 60)
      try await self.eventually { try await cluster.count("SELECT count(*) FROM jobs.job_archive") == 200 }
    }
    #expect(try await cluster.count("SELECT count(DISTINCT subject) FROM jobs.job_archive") == 200)
    #expect(try await cluster.count("SELECT COALESCE(sum(abandonments), 0)::bigint FROM jobs.job_archive") == 0)
    try await cluster.stop()
    clock.remove()
  }
}
