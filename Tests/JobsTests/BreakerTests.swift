import Foundation
import Postgres
import TestSupport
import Testing

@testable import Jobs

@Suite struct BreakerTests {
  private func judge(_ group: LimitGroupID, failed: Bool, _ queue: QueueFixture) async throws {
    _ = try await queue.database.client.query(Batched(rows: [JudgeGroups(group: group, failed: failed)]))
  }

  private func expire(_ queue: QueueFixture) async throws {
    _ = try await queue.count(
      "WITH x AS (UPDATE jobs.limit_group SET breaker_until = now() - interval '1 s' RETURNING 1) SELECT count(*) FROM x"
    )
  }

  @Test func fiveFailuresInARowOpenItAndOneJobTriesItLater() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    try await queue.enqueue(10, group)
    for _ in 1...4 { try await judge(group, failed: true, queue) }
    #expect(try await queue.claim([group], limit: 1).first?.groupIsAiling == true)
    try await judge(group, failed: true, queue)
    #expect(try await queue.claim([group]).isEmpty)
    try await expire(queue)
    let probe = try await queue.claim([group])
    #expect(probe.count == 1)
    #expect(try await queue.claim([group]).isEmpty)
    // The one that tried it fails: open again, for longer.
    try await judge(group, failed: true, queue)
    #expect(
      try await queue.count(
        "SELECT count(*) FROM jobs.limit_group WHERE breaker = 'open' AND breaker_until > now() + interval '8 s'") == 1)
    try await expire(queue)
    #expect(try await queue.claim([group]).count == 1)
    try await judge(group, failed: false, queue)
    #expect(
      try await queue.count("SELECT count(*) FROM jobs.limit_group WHERE breaker = 'closed' AND breaker_failures = 0")
        == 1)
    #expect(try await queue.claim([group]).count == 7)
    await queue.close()
  }

  @Test func aSuccessInBetweenForgetsTheFailures() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    try await queue.enqueue(3, group)
    for _ in 1...4 { try await judge(group, failed: true, queue) }
    try await judge(group, failed: false, queue)
    try await judge(group, failed: true, queue)
    #expect(try await queue.claim([group]).count == 3)
    await queue.close()
  }

  @Test func aProbeThatIsNeverHeardOfLetsAnotherTry() async throws {
    let queue = try await QueueFixture.make()
    let group = try await queue.group()
    try await queue.enqueue(3, group)
    for _ in 1...5 { try await judge(group, failed: true, queue) }
    try await expire(queue)
    #expect(try await queue.claim([group]).count == 1)
    try await expire(queue)
    #expect(try await queue.claim([group]).count == 1)
    await queue.close()
  }
}
