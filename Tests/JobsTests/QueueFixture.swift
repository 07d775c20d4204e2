import Foundation
import Logging
import Postgres
import TestSupport

@testable import Jobs

/// What most tests of the queue need: kinds, groups, orders, and a claim without a worker.
struct QueueFixture: Sendable {
  static let weak = JobKind(name: "verify", precedence: 1)
  static let middle = JobKind(name: "rotate", precedence: 2)
  static let strong = JobKind(name: "revoke", precedence: 3, isRelentless: true)

  let database: TestDatabase
  let queue = JobQueue()
  let writer: StepWriter

  static func make() async throws -> QueueFixture {
    let database = try await TestDatabase.make()
    return QueueFixture(
      database: database, writer: StepWriter(client: database.client, logger: TestDatabase.logger))
  }

  func close() async { await database.close() }

  func group(cap: Int32 = 10, perMinute: Int32? = nil, burst: Int32 = 1) async throws -> LimitGroupID {
    let group = LimitGroupID(UUID())
    try await queue.setLimit(
      group, GroupLimit(maximumRunning: cap, perMinute: perMinute, burst: burst), in: database.client)
    return group
  }

  func order(
    _ kind: JobKind = Self.middle, _ subject: SubjectID = SubjectID(UUID()), _ group: LimitGroupID,
    lane: Lane = .routine, delay: Double = 0, deadline: Date? = nil, fence: Int64 = 0
  ) -> JobQueue.Order {
    JobQueue.Order(
      kind: kind, subject: subject, group: group, lane: lane, delay: delay, deadline: deadline, fence: fence)
  }

  @discardableResult
  func enqueue(_ order: JobQueue.Order) async throws -> JobQueue.Enqueued {
    try await database.client.withTransaction { try await queue.enqueue(order, in: $0) }
  }

  func enqueue(_ count: Int, _ group: LimitGroupID, kind: JobKind = Self.middle, lane: Lane = .routine) async throws {
    let orders = (0..<count).map { _ in order(kind, SubjectID(UUID()), group, lane: lane) }
    try await database.client.withTransaction { try await queue.enqueue(orders, in: $0) }
  }

  /// One claim as a worker sends it, from the beginning of every group's line.
  func claim(
    _ groups: [LimitGroupID], owner: UUID = UUID(), limit: Int64 = 100, lease: Double = 30,
    lanes: [ClaimLanes] = [.leak, .ordinary], after cursor: Int64 = 0
  ) async throws -> [ClaimedJob] {
    let candidates = groups.map {
      ClaimFrontier.Candidate(
        key: ClaimFrontier.Key(bucket: Bucket(of: $0).rawValue, id: $0.rawValue), cursor: cursor)
    }
    var statements = [AnyStatement(PreferKeys()), AnyStatement(LockGroups(groups: candidates))]
    for lanes in lanes {
      statements.append(
        AnyStatement(
          ClaimJobs(
            groups: candidates, lanes: lanes, share: Int32(limit), limit: limit, owner: owner, leaseSeconds: lease)))
    }
    let results = try await database.client.pipeline(statements)
    return try results.dropFirst(2).flatMap { result in
      try result.rows(of: ClaimJobs.self).compactMap { report, claim in claim?.job(of: report.key, owner: owner) }
    }
  }

  /// Writes a job's end and says whether the lease was still ours.
  func settle(_ job: ClaimedJob, _ kind: Settlement.Kind, location: TupleID? = nil) async -> Bool {
    await withCheckedContinuation { continuation in
      writer.settle(
        Settlement(lease: job.lease, location: location, kind: kind),
        term: LeaseTerm(deadline: .now + .seconds(30))
      ) { continuation.resume(returning: $0) }
    }
  }

  func reap(relentless: [String] = []) async throws -> Int {
    try await database.client.query(ReapLeases(relentlessKinds: relentless)).count
  }

  func count(_ sql: String) async throws -> Int { try await database.count(sql) }
}
