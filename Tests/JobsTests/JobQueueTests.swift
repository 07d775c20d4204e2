import Foundation
import Postgres
import TestSupport
import Testing

@testable import Jobs

@Suite struct JobQueueTests {
  @Test func aSecondOrderMergesIntoTheWaitingJob() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let subject = SubjectID(UUID())
    #expect(try await queue.enqueue(queue.order(QueueFixture.weak, subject, group)) == .inserted)
    #expect(try await queue.enqueue(queue.order(QueueFixture.strong, subject, group, lane: .operator)) == .merged)
    #expect(try await queue.enqueue(queue.order(QueueFixture.middle, subject, group)) == .merged)
    let jobs = try await queue.claim([group])
    #expect(jobs.count == 1)
    #expect(jobs.first?.kind == "revoke")
    #expect(jobs.first?.lane == Lane.operator.rawValue)
    await queue.close()
  }

  @Test func manyOrdersForOneSubjectCountAsTheStrongest() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let subject = SubjectID(UUID())
    let orders = [
      queue.order(QueueFixture.weak, subject, group, lane: .leak),
      queue.order(QueueFixture.strong, subject, group, delay: 60, fence: 7),
      queue.order(QueueFixture.middle, SubjectID(UUID()), group),
    ]
    let counts = try await queue.database.client.withTransaction { try await queue.queue.enqueue(orders, in: $0) }
    #expect(counts == JobQueue.EnqueueCounts(inserted: 2))
    let job = try #require(try await queue.claim([group]).first { $0.subject == subject })
    #expect(job.kind == "revoke")
    #expect(job.lane == Lane.leak.rawValue)
    #expect(job.lease.fence == 8)
    await queue.close()
  }

  @Test func aStrongerOrderFollowsALeasedJobAndIsNeverLost() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let subject = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, subject, group))
    let job = try #require(try await queue.claim([group]).first)
    #expect(try await queue.enqueue(queue.order(QueueFixture.middle, subject, group)) == .unchanged)
    #expect(try await queue.enqueue(queue.order(QueueFixture.strong, subject, group)) == .followUp)
    #expect(try await queue.enqueue(queue.order(QueueFixture.weak, subject, group)) == .followUp)
    // The job ends where the claim left it, but the order has moved the row since.
    #expect(await queue.settle(job, .archive(.done, reason: nil), location: TupleID(block: 0, offset: 1)))
    #expect(try await queue.count("SELECT count(*) FROM jobs.job_archive") == 0)
    let next = try #require(try await queue.claim([group]).first)
    #expect(next.kind == "revoke")
    #expect(next.lease.fence > job.lease.fence)
    await queue.close()
  }

  @Test func aWorkerWithoutItsLeaseChangesNothing() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    try await queue.enqueue(1, group)
    let zombie = try #require(try await queue.claim([group], lease: 0.01).first)
    try await queue.database.eventually { try await queue.reap() == 1 }
    let heir = try #require(try await queue.claim([group]).first)
    #expect(heir.lease.fence == zombie.lease.fence + 2)

    let before = try await queue.count("SELECT sum(hashtextextended(j::text, 0) % 1000000)::bigint FROM jobs.job AS j")
    for end in [
      Settlement.Kind.archive(.done, reason: nil), .giveBack(GiveBack()), .giveBack(GiveBack(hold: .quarantined)),
    ] {
      #expect(await !queue.settle(zombie, end))
    }
    var step = Step(zombie.lease)
    step.add(RecordOperatorAction(action: .init(actor: "zombie", verb: .pause, jobs: 0, reason: "late")))
    await #expect(throws: JobsError(code: .leaseLost, message: "")) { try await queue.writer.commit(step) }
    #expect(
      try await queue.database.client.query(RenewLeases(leases: [zombie.lease], leaseSeconds: 30)).isEmpty)
    #expect(try await queue.count("SELECT count(*) FROM jobs.operator_action") == 0)
    #expect(
      try await queue.count("SELECT sum(hashtextextended(j::text, 0) % 1000000)::bigint FROM jobs.job AS j") == before)
    #expect(await queue.settle(heir, .archive(.done, reason: nil)))
    await queue.close()
  }

  @Test func aJobThatKillsThreeWorkersIsQuarantinedAndARelentlessOneIsNot() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let poison = SubjectID(UUID())
    let revocation = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, poison, group))
    try await queue.enqueue(queue.order(QueueFixture.strong, revocation, group))
    // Its neighbours are untouched.
    let neighbour = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, neighbour, group, delay: 3600))
    for _ in 1...3 {
      #expect(try await queue.claim([group], lease: 0.01).count == 2)
      try await queue.database.eventually {
        _ = try await queue.reap(relentless: ["revoke"])
        return try await queue.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL") == 0
      }
    }
    let left = try await queue.claim([group])
    #expect(left.map(\.subject) == [revocation])
    #expect(left.first?.abandonments == 3)
    #expect(try await queue.count("SELECT count(*) FROM jobs.job WHERE hold = 'waiting' AND abandonments = 0") == 1)
    #expect(try await queue.database.client.withTransaction { try await queue.queue.retryNow(poison, in: $0) })
    #expect(try await queue.claim([group]).map(\.subject) == [poison])
    await queue.close()
  }

  @Test func oneBadStepFailsAloneInItsBatch() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 100)
    try await queue.enqueue(30, group)
    let jobs = try await queue.claim([group])
    #expect(jobs.count == 30)
    let failures = await withTaskGroup(of: JobsError?.self) { tasks in
      for (index, job) in jobs.enumerated() {
        tasks.addTask {
          var step = Step(job.lease)
          // The thirteenth breaks a constraint of the table.
          step.add(
            RecordOperatorAction(
              action: .init(actor: index == 12 ? "" : "\(index)", verb: .retry, jobs: 1, reason: "test")))
          do throws(JobsError) {
            try await queue.writer.commit(step)
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
    #expect(try await queue.count("SELECT count(*) FROM jobs.operator_action") == 29)
    await queue.close()
  }

  @Test func aStepWhoseGuardFailsLeavesTheOthersOfItsBatch() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 100)
    try await queue.enqueue(20, group)
    let jobs = try await queue.claim([group])
    let stolen = try #require(jobs.last)
    _ = try await queue.count(
      "WITH x AS (UPDATE jobs.job SET fence = fence + 1 WHERE subject = '\(stolen.subject.rawValue)' RETURNING 1) SELECT count(*) FROM x"
    )
    let codes = await withTaskGroup(of: JobsError.Code?.self) { tasks in
      for job in jobs {
        tasks.addTask {
          var step = Step(job.lease)
          step.add(RecordOperatorAction(action: .init(actor: "a", verb: .retry, jobs: 1, reason: "test")))
          do throws(JobsError) {
            try await queue.writer.commit(step)
            return nil
          } catch {
            return error.code
          }
        }
      }
      var codes: [JobsError.Code] = []
      for await code in tasks { if let code { codes.append(code) } }
      return codes
    }
    #expect(codes == [.leaseLost])
    #expect(try await queue.count("SELECT count(*) FROM jobs.operator_action") == 19)
    await queue.close()
  }

  @Test func anEarlierFenceOfTheSubjectSeedsTheNewJob() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    try await queue.enqueue(queue.order(QueueFixture.middle, SubjectID(UUID()), group, fence: 41))
    #expect(try await queue.claim([group]).first?.lease.fence == 42)
    await queue.close()
  }

  @Test func aBlockedJobWaitsUntilItIsRetried() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let subject = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, subject, group))
    try await queue.database.client.withTransaction {
      try await queue.queue.block([subject], reason: "voided", in: $0)
    }
    #expect(try await queue.claim([group]).isEmpty)
    #expect(try await queue.enqueue(queue.order(QueueFixture.middle, subject, group)) == .merged)
    #expect(try await queue.claim([group]).isEmpty)
    #expect(try await queue.database.client.withTransaction { try await queue.queue.retryNow(subject, in: $0) })
    #expect(try await queue.claim([group]).count == 1)
    await queue.close()
  }

  @Test func whatIsNotDueIsNotInTheLine() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let subject = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, subject, group, delay: 3600))
    #expect(try await queue.claim([group]).isEmpty)
    #expect(try await queue.database.client.queryFirst(WakeJobs(after: .distantPast))?.count == 0)
    _ = try await queue.count(
      "WITH x AS (UPDATE jobs.job SET run_at = now() RETURNING 1) SELECT count(*) FROM x")
    #expect(try await queue.database.client.queryFirst(WakeJobs(after: .distantPast))?.count == 1)
    #expect(try await queue.claim([group]).map(\.subject) == [subject])
    await queue.close()
  }

  @Test func anOrderForNowWakesAWaitingJob() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let subject = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, subject, group, delay: 3600))
    #expect(try await queue.enqueue(queue.order(QueueFixture.middle, subject, group)) == .merged)
    #expect(try await queue.claim([group]).count == 1)
    await queue.close()
  }

  @Test func lanesGoInTheirOrderAndWithinALaneFirstComesFirst() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 100)
    var expected: [SubjectID] = []
    for lane in Lane.allCases.reversed() {
      let orders = (0..<3).map { _ in queue.order(QueueFixture.middle, SubjectID(UUID()), group, lane: lane) }
      for order in orders { try await queue.enqueue(order) }
      expected = orders.map(\.subject) + expected
    }
    var found: [SubjectID] = []
    while let job = try await queue.claim([group], limit: 1, lanes: [.leak]).first { found.append(job.subject) }
    while let job = try await queue.claim([group], limit: 1, lanes: [.ordinary]).first { found.append(job.subject) }
    #expect(found == expected)
    await queue.close()
  }

  @Test func theLeakLaneHasASlotOfItsOwn() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 2)
    try await queue.enqueue(5, group)
    #expect(try await queue.claim([group]).count == 2)
    try await queue.enqueue(2, group, lane: .leak)
    let leaks = try await queue.claim([group])
    #expect(leaks.map(\.lane) == [0])
    #expect(try await queue.claim([group]).isEmpty)
    // An ordinary job that ends gives its slot to the other leak, not to both.
    await queue.close()
  }

  @Test func aRateLetsABurstAndThenNoMoreThanTheRate() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 100, perMinute: 60, burst: 5)
    try await queue.enqueue(50, group)
    #expect(try await queue.claim([group]).count == 5)
    #expect(try await queue.claim([group]).isEmpty)
    // Three seconds later.
    _ = try await queue.count(
      "WITH x AS (UPDATE jobs.limit_group SET tokens_at = tokens_at - interval '3 s' RETURNING 1) SELECT count(*) FROM x"
    )
    #expect(try await queue.claim([group]).count == 3)
    try await queue.enqueue(1, group, lane: .leak)
    #expect(try await queue.claim([group]).map(\.lane) == [0])
    await queue.close()
  }

  @Test func aPausedGroupKeepsItsWorkAndOthersGoOn() async throws {
    let queue = try await QueueFixture.make()
    let (paused, open) = (try await queue.group(), try await queue.group())
    try await queue.enqueue(3, paused)
    try await queue.enqueue(3, open)
    let client = queue.database.client
    #expect(try await client.withTransaction { try await queue.queue.pause(paused, reason: "upgrade", in: $0) })
    #expect(try await client.withTransaction { try await !queue.queue.pause(paused, reason: "again", in: $0) })
    #expect(Set(try await queue.claim([paused, open]).map(\.group)) == [open])
    #expect(try await client.withTransaction { try await queue.queue.resume(paused, in: $0) })
    #expect(try await queue.claim([paused, open]).count == 3)
    await queue.close()
  }

  @Test func cancellingEndsAJobAndTakesItFromItsWorker() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    try await queue.enqueue(1, group)
    let job = try #require(try await queue.claim([group]).first)
    let client = queue.database.client
    #expect(try await client.withTransaction { try await queue.queue.cancel(job.subject, reason: "mistake", in: $0) })
    #expect(await !queue.settle(job, .archive(.done, reason: nil)))
    #expect(try await queue.count("SELECT count(*) FROM jobs.job_archive WHERE outcome = 'cancelled'") == 1)
    #expect(try await client.withTransaction { try await !queue.queue.cancel(job.subject, reason: "x", in: $0) })
    await queue.close()
  }

  @Test func aJobCanChangeItsLane() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let (first, second) = (SubjectID(UUID()), SubjectID(UUID()))
    try await queue.enqueue(queue.order(QueueFixture.middle, first, group))
    try await queue.enqueue(queue.order(QueueFixture.middle, second, group))
    let moved = try await queue.database.client.withTransaction {
      try await queue.queue.changeLane([second], to: .narrowing, in: $0)
    }
    #expect(moved == 1)
    #expect(try await queue.claim([group], limit: 1, lanes: [.ordinary]).map(\.subject) == [second])
    await queue.close()
  }

  @Test func whatComesNearItsDeadlineIsPromoted() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let urgent = SubjectID(UUID())
    try await queue.enqueue(queue.order(QueueFixture.middle, SubjectID(UUID()), group, deadline: .now + 86_400))
    try await queue.enqueue(queue.order(QueueFixture.middle, urgent, group, deadline: .now + 600))
    #expect(try await queue.database.client.execute(PromoteUrgentJobs(seconds: 3600)) == 1)
    #expect(try await queue.claim([group], limit: 1, lanes: [.ordinary]).map(\.subject) == [urgent])
    await queue.close()
  }

  @Test func badInputIsRefusedByName() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    let nonsense: [(JobQueue.Order, String)] = [
      (queue.order(QueueFixture.middle, SubjectID(UUID()), group, delay: -1), "delay"),
      (queue.order(QueueFixture.middle, SubjectID(UUID()), group, delay: .infinity), "delay"),
      (queue.order(QueueFixture.middle, SubjectID(UUID()), group, delay: .nan), "delay"),
      (queue.order(JobKind(name: "", precedence: 1), SubjectID(UUID()), group), "kind"),
      (queue.order(JobKind(name: String(repeating: "x", count: 41), precedence: 1), SubjectID(UUID()), group), "kind"),
      (queue.order(QueueFixture.middle, SubjectID(UUID()), group, fence: -1), "fence"),
    ]
    for (order, word) in nonsense {
      await #expect {
        try await queue.enqueue(order)
      } throws: { error in
        "\(error)".contains(word)
      }
    }
    let limits: [(GroupLimit, String)] = [
      (GroupLimit(maximumRunning: 0), "at once"), (GroupLimit(maximumRunning: 10_001), "at once"),
      (GroupLimit(maximumRunning: 1, perMinute: -5), "rate"), (GroupLimit(maximumRunning: 1, perMinute: 0), "rate"),
      (GroupLimit(maximumRunning: 1, perMinute: 1, burst: 0), "burst"),
    ]
    for (limit, word) in limits {
      await #expect {
        try await queue.queue.setLimit(group, limit, in: queue.database.client)
      } throws: { error in
        "\(error)".contains(word)
      }
    }
    await #expect {
      try await queue.enqueue(queue.order(QueueFixture.middle, SubjectID(UUID()), LimitGroupID(UUID())))
    } throws: { error in
      "\(error)".contains("limit group")
    }
    #expect(try await queue.count("SELECT count(*) FROM jobs.job") == 0)
    await queue.close()
  }
}
