import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Jobs

/// Many at once: caps hold, nothing is lost, nothing is done twice. `KEYTURN_HEAVY=1` makes them long.
@Suite(.serialized) struct QueueStormTests {
  static let isHeavy = ProcessInfo.processInfo.environment["KEYTURN_HEAVY"] == "1"

  @Test func manyClaimersNeverExceedTheCap() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 4)
    let end = ContinuousClock.now + .seconds(Self.isHeavy ? 60 : 4)
    let claims = Shared(0)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        while ContinuousClock.now < end {
          try await queue.enqueue(20, group)
          if try await queue.count("SELECT count(*) FROM jobs.job") > 500 { await TestWorker.breathe(milliseconds: 20) }
        }
      }
      for _ in 0..<2 {
        tasks.addTask {
          while ContinuousClock.now < end {
            let leased = try await queue.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL")
            #expect(leased <= 4)
          }
        }
      }
      for _ in 0..<24 {
        tasks.addTask {
          while ContinuousClock.now < end {
            for job in try await queue.claim([group], limit: 8, lanes: [.ordinary]) {
              claims.withLock { $0 += 1 }
              // Half of them go back into the line instead of ending.
              _ = await queue.settle(
                job, Bool.random() ? .archive(.done, reason: nil) : .giveBack(GiveBack(attemptsTakenBack: 1)))
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    #expect(claims.withLock { $0 } > 50)
    print("cap race: \(claims.withLock { $0 }) claims by 24 claimers, never more than 4 at once")
    await queue.close()
  }

  @Test func inAStormOfOrdersNoRevokeIsLost() async throws {
    let queue = try await QueueFixture.make()
    let groups = try await [queue.group(cap: 20), queue.group(cap: 20), queue.group(cap: 20)]
    let subjects = (0..<(Self.isHeavy ? 2000 : 200)).map { _ in SubjectID(UUID()) }
    /// Revokes that were ordered, and the runs of a revoke that began after each subject's last order.
    let ordered = Shared<[SubjectID: Int]>([:])
    let revoked = Shared<[SubjectID: Int]>([:])
    let worker = try TestWorker(queue.database.client, concurrency: 50) { job, _ in
      let seen = ordered.withLock { $0[job.subject] ?? 0 }
      await TestWorker.breathe(milliseconds: Int.random(in: 0...3))
      switch Int.random(in: 0..<10) {
      case 0: return .retry(JobFailure(code: "storm"))
      case 1: return .snooze(seconds: 0.02, reason: "storm")
      default:
        if job.kind == "revoke" { revoked.withLock { $0[job.subject] = max($0[job.subject] ?? 0, seen) } }
        return .done
      }
    }
    try await worker.run {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<6 {
          tasks.addTask {
            for _ in 0..<(Self.isHeavy ? 2000 : 200) {
              let index = Int.random(in: 0..<subjects.count)
              let kind = [QueueFixture.weak, QueueFixture.middle, QueueFixture.strong].randomElement()!
              try await queue.enqueue(queue.order(kind, subjects[index], groups[index % 3]))
              // Counted once it is durable: a run that began before need not have seen it.
              if kind == QueueFixture.strong { ordered.withLock { $0[subjects[index], default: 0] += 1 } }
            }
          }
        }
        try await tasks.waitForAll()
      }
      try await queue.database.eventually { try await queue.count("SELECT count(*) FROM jobs.job") == 0 }
    }
    let wanted = ordered.withLock { $0 }
    let found = revoked.withLock { $0 }
    #expect(!wanted.isEmpty)
    for subject in wanted.keys { #expect(found[subject] != nil, "a revoke was lost") }
    #expect(try await queue.count("SELECT count(*) FROM jobs.job_archive WHERE kind = 'revoke'") >= wanted.count)
    await queue.close()
  }

  @Test func aBulkOrderThatCommitsLateIsFoundThoughClaimsAreFurther() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group(cap: 50)
    let done = Shared<Set<SubjectID>>([])
    let worker = try TestWorker(queue.database.client, concurrency: 50) { job, _ in
      _ = done.withLock { $0.insert(job.subject) }
      return .done
    }
    let late = (0..<300).map { _ in queue.order(QueueFixture.middle, SubjectID(UUID()), group) }
    try await worker.run {
      try await queue.database.client.withTransaction { transaction in
        try await queue.queue.enqueue(late, in: transaction)
        // Much later positions are claimed and finished while this one is open.
        for _ in 0..<10 {
          try await queue.enqueue(50, group)
          await TestWorker.breathe(milliseconds: 60)
        }
        try await queue.database.eventually { done.withLock { $0.count } == 500 }
      }
      try await queue.database.eventually { done.withLock { $0.count } == 800 }
    }
    #expect(done.withLock { $0.isSuperset(of: late.map(\.subject)) })
    await queue.close()
  }

  @Test func manyWorkersFinishEachJobOnce() async throws {
    let queue = try await QueueFixture.make()
    var groups: [LimitGroupID] = []
    for _ in 0..<20 { groups.append(try await queue.group(cap: 10)) }
    let count = Self.isHeavy ? 20_000 : 3000
    for group in groups { try await queue.enqueue(count / groups.count, group) }
    let runs = Shared<[SubjectID: Int]>([:])
    let most = Shared(0)
    let workers = try (0..<8).map { number in
      try TestWorker(queue.database.client, name: "w\(number)", concurrency: 40) { job, _ in
        runs.withLock { $0[job.subject, default: 0] += 1 }
        return .done
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for worker in workers {
        tasks.addTask {
          try await worker.run {
            try await queue.database.eventually {
              let now = try await queue.count(
                "SELECT COALESCE(max(n), 0) FROM (SELECT count(*) AS n FROM jobs.job WHERE lease_owner IS NOT NULL GROUP BY limit_group) AS g"
              )
              most.withLock { $0 = max($0, now) }
              return try await queue.count("SELECT count(*) FROM jobs.job_archive") == count
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    #expect(most.withLock { $0 } <= 10)
    #expect(runs.withLock { $0.count } == count)
    #expect(runs.withLock { $0.values.max() } == 1)
    await queue.close()
  }
}
