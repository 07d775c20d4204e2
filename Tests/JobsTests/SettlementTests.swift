import Foundation
import Testing

@testable import Jobs

@Suite struct SettlementTests {
  private func job(failures: Int32 = 0, isAiling: Bool = false) -> ClaimedJob {
    let lease = Lease(subject: SubjectID(UUID()), bucket: Bucket(rawValue: 1), fence: 1, owner: UUID())
    return ClaimedJob(
      id: JobID(UUID()), kind: "rotate", group: LimitGroupID(UUID()), lane: 4, attempt: 1, failures: failures,
      abandonments: 0, waited: 0, groupIsAiling: isAiling, lease: lease)
  }

  private func settle(
    _ outcome: JobOutcome, failures: Int32 = 0, isRelentless: Bool = false, isStopping: Bool = false,
    isAiling: Bool = false
  ) -> Settlement {
    var generator = SystemRandomNumberGenerator()
    return Settlement(
      job: job(failures: failures, isAiling: isAiling), outcome: outcome, location: nil, isRelentless: isRelentless,
      isStopping: isStopping, retry: RetryPolicy(base: 1, cap: 10, maximumFailures: 3), using: &generator)
  }

  private func giveBack(_ settlement: Settlement) throws -> GiveBack {
    guard case .giveBack(let giveBack) = settlement.kind else {
      Issue.record("the job would be archived")
      throw CancellationError()
    }
    return giveBack
  }

  @Test func countsAFailureAndWaits() throws {
    let giveBack = try giveBack(settle(.retry(JobFailure(code: "x"))))
    #expect(giveBack.hold == .waiting)
    #expect(giveBack.failures == 1)
    #expect((0...2).contains(giveBack.delay))
  }

  @Test func quarantinesAfterTheLastFailureUnlessRelentless() throws {
    #expect(try giveBack(settle(.retry(JobFailure(code: "x")), failures: 2)).hold == .quarantined)
    #expect(try giveBack(settle(.retry(JobFailure(code: "x")), failures: 99, isRelentless: true)).hold == .waiting)
  }

  @Test func aStoppingWorkerCountsNeitherAttemptNorFailure() throws {
    let giveBack = try giveBack(settle(.retry(JobFailure(code: "stopped")), failures: 2, isStopping: true))
    #expect(giveBack.hold == nil)
    #expect(giveBack.failures == 0)
    #expect(giveBack.attemptsTakenBack == 1)
  }

  @Test func snoozingIsNotAnAttempt() throws {
    let giveBack = try giveBack(settle(.snooze(seconds: 7, reason: "overlap")))
    #expect(giveBack.hold == .waiting)
    #expect(giveBack.delay == 7)
    #expect(giveBack.attemptsTakenBack == 1)
    #expect(try self.giveBack(settle(.snooze(seconds: -1, reason: "x"))).hold == nil)
  }

  @Test func blockingKeepsTheReason() throws {
    let giveBack = try giveBack(settle(.block(reason: "authorization_voided")))
    #expect(giveBack.hold == .blocked)
    #expect(giveBack.reason == "authorization_voided")
  }

  @Test func onlyFailuresThatBlameTheGroupCountForItsBreaker() {
    #expect(settle(.retry(JobFailure(code: "x"))).groupVerdict == nil)
    #expect(settle(.retry(JobFailure(code: "x", blamesGroup: true))).groupVerdict?.failed == true)
    #expect(settle(.retry(JobFailure(code: "x", blamesGroup: true)), isStopping: true).groupVerdict == nil)
    #expect(settle(.done).groupVerdict == nil)
    #expect(settle(.done, isAiling: true).groupVerdict?.failed == false)
  }

  @Test func aDiscardedJobIsArchivedWithItsReason() {
    guard case .archive(.discarded, let reason) = settle(.discard(reason: "revoked meanwhile")).kind else {
      Issue.record("not archived")
      return
    }
    #expect(reason == "revoked meanwhile")
  }
}
