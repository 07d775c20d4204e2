import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import Jobs

@Suite struct JobQueueTests {
  let weak = JobKind(name: "verify", precedence: 1)
  let middle = JobKind(name: "rotate", precedence: 2)
  let strong = JobKind(name: "revoke", precedence: 3, isRelentless: true)
  let queue = JobQueue()

  private func order(
    _ kind: JobKind, _ subject: SubjectID, _ group: LimitGroupID, lane: Lane = .routine, delay: Double = 0,
    fence: Int64 = 0
  ) -> JobQueue.Order {
    JobQueue.Order(kind: kind, subject: subject, group: group, lane: lane, delay: delay, fence: fence)
  }

  private func enqueue(_ order: JobQueue.Order, _ database: TestDatabase) async throws -> JobQueue.Enqueued {
    try await database.client.withTransaction { try await queue.enqueue(order, in: $0) }
  }

  private func makeGroup(_ database: TestDatabase, cap: Int32 = 10) async throws -> LimitGroupID {
    let group = LimitGroupID(UUID())
    try await queue.setLimit(group, maximumRunning: cap, in: database.client)
    return group
  }

  private func claim(_ database: TestDatabase, owner: UUID = UUID(), limit: Int64 = 100, lease: Double = 30)
    async throws -> [ClaimedJob]
  {
    try await database.client.withTransaction { transaction in
      let groups = try await transaction.query(LockReadyGroups(limit: limit))
      return try await transaction.query(
        ClaimJobs(groups: groups, limit: limit, owner: owner, leaseSeconds: lease)
      ).map { $0.job(owner: owner) }
    }
  }

  private func writer(_ database: TestDatabase) -> StepWriter {
    StepWriter(client: database.client, logger: Logger(label: "test"))
  }

  @Test func aSecondOrderMergesIntoTheWaitingJob() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    let subject = SubjectID(UUID())
    #expect(try await enqueue(order(weak, subject, group), database) == .inserted)
    #expect(try await enqueue(order(strong, subject, group, lane: .operator), database) == .merged)
    #expect(try await enqueue(order(middle, subject, group), database) == .merged)
    let jobs = try await claim(database)
    #expect(jobs.count == 1)
    #expect(jobs.first?.kind == "revoke")
    #expect(jobs.first?.lane == Lane.operator.rawValue)
    await database.close()
  }

  @Test func aStrongerOrderFollowsALeasedJobAndIsNeverLost() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    let subject = SubjectID(UUID())
    _ = try await enqueue(order(middle, subject, group), database)
    let job = try #require(try await claim(database).first)
    #expect(try await enqueue(order(middle, subject, group), database) == .unchanged)
    #expect(try await enqueue(order(strong, subject, group), database) == .followUp)
    #expect(try await enqueue(order(weak, subject, group), database) == .followUp)

    var done = Step(job.lease)
    done.add(ArchiveJob(lease: job.lease))
    await #expect(throws: JobsError(code: .guardFailed, message: "")) { try await writer(database).commit(done) }
    var settle = Step(job.lease)
    settle.add(SettleJob(lease: job.lease, always: false))
    try await writer(database).commit(settle)
    let next = try #require(try await claim(database).first)
    #expect(next.kind == "revoke")
    #expect(next.lease.fence > job.lease.fence)
    await database.close()
  }

  @Test func aWorkerWithoutItsLeaseChangesNothing() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    _ = try await enqueue(order(middle, SubjectID(UUID()), group), database)
    let zombie = try #require(try await claim(database, lease: 0.01).first)
    try await database.eventually { try await database.client.query(ReapLeases(relentlessKinds: [])).count == 1 }
    let heir = try #require(try await claim(database).first)
    #expect(heir.lease.fence == zombie.lease.fence + 2)

    let writer = writer(database)
    for statement in [SettleJob(lease: zombie.lease), SettleJob(lease: zombie.lease, state: "blocked")] {
      var step = Step(zombie.lease)
      step.add(statement)
      await #expect(throws: JobsError(code: .leaseLost, message: "")) { try await writer.commit(step) }
    }
    var finish = Step(zombie.lease)
    finish.add(ArchiveJob(lease: zombie.lease))
    await #expect(throws: JobsError(code: .leaseLost, message: "")) { try await writer.commit(finish) }
    let renewed = try await database.client.query(
      RenewLeases(leases: [zombie.lease], owner: zombie.lease.owner, leaseSeconds: 30))
    #expect(renewed.isEmpty)
    await database.close()
  }

  @Test func aJobThatKillsThreeWorkersIsQuarantinedAndARelentlessOneIsNot() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    let poison = SubjectID(UUID())
    let revocation = SubjectID(UUID())
    _ = try await enqueue(order(middle, poison, group), database)
    _ = try await enqueue(order(strong, revocation, group), database)
    for _ in 1...3 {
      #expect(try await claim(database, lease: 0.01).count == 2)
      try await database.eventually {
        _ = try await database.client.query(ReapLeases(relentlessKinds: ["revoke"]))
        return try await database.count("SELECT count(*) FROM jobs.job WHERE state = 'leased'") == 0
      }
    }
    let left = try await claim(database)
    #expect(left.map(\.subject) == [revocation])
    #expect(left.first?.abandonments == 3)
    #expect(try await queue.retryNow(poison, in: database.client))
    #expect(try await claim(database).map(\.subject) == [poison])
    await database.close()
  }

  @Test func claimsNeverExceedTheCapUnderConcurrency() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database, cap: 4)
    try await database.client.withTransaction { transaction in
      for _ in 0..<100 { try await queue.enqueue(order(middle, SubjectID(UUID()), group), in: transaction) }
    }
    let writer = writer(database)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 0..<6 {
        tasks.addTask {
          for _ in 0..<20 {
            for job in try await claim(database, limit: 8) {
              let leased = try await database.count("SELECT count(*) FROM jobs.job WHERE state = 'leased'")
              #expect(leased <= 4)
              var step = Step(job.lease)
              step.add(ArchiveJob(lease: job.lease))
              try await writer.commit(step)
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    let archived = try await database.count("SELECT count(*) FROM jobs.job_archive")
    let left = try await database.count("SELECT count(*) FROM jobs.job")
    #expect(archived + left == 100)
    await database.close()
  }

  @Test func oneBadStepFailsAloneInItsBatch() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database, cap: 100)
    try await database.client.withTransaction { transaction in
      for _ in 0..<30 { try await queue.enqueue(order(middle, SubjectID(UUID()), group), in: transaction) }
    }
    let jobs = try await claim(database)
    #expect(jobs.count == 30)
    let writer = writer(database)
    let failures = await withTaskGroup(of: JobsError?.self) { tasks in
      for (index, job) in jobs.enumerated() {
        tasks.addTask {
          var step = Step(job.lease)
          // The thirteenth breaks a constraint of the table.
          step.add(SettleJob(lease: job.lease, state: index == 12 ? "nonsense" : "ready"))
          do throws(JobsError) {
            try await writer.commit(step)
            return nil
          } catch {
            return error
          }
        }
      }
      var failures: [JobsError] = []
      for await failure in tasks { if let failure { failures.append(failure) } }
      return failures
    }
    #expect(failures.map(\.code) == [.rejected])
    #expect(try await database.count("SELECT count(*) FROM jobs.job WHERE state = 'leased'") == 1)
    await database.close()
  }

  @Test func anEarlierFenceOfTheSubjectSeedsTheNewJob() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    _ = try await enqueue(order(middle, SubjectID(UUID()), group, fence: 41), database)
    #expect(try await claim(database).first?.lease.fence == 42)
    await database.close()
  }

  @Test func aBlockedJobWaitsUntilItIsRetried() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    let subject = SubjectID(UUID())
    _ = try await enqueue(order(middle, subject, group), database)
    try await database.client.withTransaction { try await queue.block([subject], reason: "voided", in: $0) }
    #expect(try await claim(database).isEmpty)
    #expect(try await queue.retryNow(subject, in: database.client))
    #expect(try await claim(database).count == 1)
    await database.close()
  }

  @Test func anImpossibleDelayIsRefusedByName() async throws {
    let database = try await TestDatabase.make()
    let group = try await makeGroup(database)
    await #expect {
      _ = try await enqueue(order(middle, SubjectID(UUID()), group, delay: -1), database)
    } throws: { error in
      "\(error)".contains("delay")
    }
    await database.close()
  }
}
