import Foundation
import Testing

@testable import Jobs

@Suite struct JobSettlementTests {
  private func settle(
    _ outcome: JobOutcome, failures: Int32 = 0, isRelentless: Bool = false, isStopping: Bool = false
  ) -> JobSettlement {
    let lease = Lease(job: JobID(UUID()), bucket: Bucket(rawValue: 1), fence: 1, owner: UUID())
    let job = ClaimedJob(
      id: lease.job, kind: "rotate", subject: SubjectID(UUID()), group: LimitGroupID(UUID()), lane: 4, attempt: 1,
      failures: failures, abandonments: 0, lease: lease)
    var generator = SystemRandomNumberGenerator()
    return JobSettlement(
      job: job, outcome: outcome, isRelentless: isRelentless, isStopping: isStopping,
      retry: RetryPolicy(base: 1, cap: 10, maximumFailures: 3), using: &generator)
  }

  private func statement(_ settlement: JobSettlement) throws -> SettleJob {
    guard case .giveBack(let statement) = settlement else {
      Issue.record("the job would be archived")
      throw CancellationError()
    }
    return statement
  }

  @Test func countsAFailureAndWaits() throws {
    let statement = try statement(settle(.retry(JobFailure(code: "x"))))
    #expect(statement.state == "ready")
    #expect(statement.failures == 1)
    #expect((0...2).contains(statement.delay))
  }

  @Test func quarantinesAfterTheLastFailureUnlessRelentless() throws {
    #expect(try statement(settle(.retry(JobFailure(code: "x")), failures: 2)).state == "quarantined")
    #expect(try statement(settle(.retry(JobFailure(code: "x")), failures: 99, isRelentless: true)).state == "ready")
  }

  @Test func aStoppingWorkerCountsNeitherAttemptNorFailure() throws {
    let statement = try statement(settle(.retry(JobFailure(code: "stopped")), failures: 2, isStopping: true))
    #expect(statement.state == "ready")
    #expect(statement.failures == 0)
    #expect(statement.attemptsTakenBack == 1)
  }

  @Test func snoozingIsNotAnAttempt() throws {
    let statement = try statement(settle(.snooze(seconds: 7, reason: "overlap")))
    #expect(statement.delay == 7)
    #expect(statement.attemptsTakenBack == 1)
  }

  @Test func blockingKeepsTheReason() throws {
    let statement = try statement(settle(.block(reason: "authorization_voided")))
    #expect(statement.state == "blocked")
    #expect(statement.reason == "authorization_voided")
  }
}
