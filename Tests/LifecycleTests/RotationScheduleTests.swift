import Foundation
import Governance
import Testing

@testable import Lifecycle

@Suite struct RotationScheduleTests {
  private let anchor = Date(timeIntervalSince1970: 1_000_000)
  private let far = Date(timeIntervalSince1970: 1_000_000_000)

  private func schedule(jitter: Double = 0) -> RotationSchedule {
    RotationSchedule(
      policy: Policy(
        name: "p", rotationPeriod: 1000, rotationJitter: jitter, overlap: 10, settle: 0, retryReserve: 90),
      credential: .make())
  }

  @Test func isOnePeriodAfterTheAnchor() {
    #expect(
      schedule().nextDue(anchor: anchor, after: anchor, hardExpiry: far) == anchor.addingTimeInterval(1000))
  }

  @Test func aForcedRotationDoesNotMoveTheSchedule() {
    let due = schedule().nextDue(anchor: anchor, after: anchor.addingTimeInterval(400), hardExpiry: far)
    #expect(due == anchor.addingTimeInterval(1000))
  }

  @Test func missedPeriodsAreSkippedNotQueued() {
    let due = schedule().nextDue(anchor: anchor, after: anchor.addingTimeInterval(5500), hardExpiry: far)
    #expect(due == anchor.addingTimeInterval(6000))
  }

  @Test func isAlwaysInTheFuture() throws {
    for offset in stride(from: 0.0, to: 5000, by: 37) {
      let schedule = schedule(jitter: 900)
      let now = anchor.addingTimeInterval(offset)
      let due = try #require(schedule.nextDue(anchor: anchor, after: now, hardExpiry: far))
      #expect(due > now)
      #expect(due.timeIntervalSince(now) <= 1900)
    }
  }

  @Test func jitterDependsOnTheCredentialAloneAndSpreads() {
    let schedules = (0..<100).map { _ in schedule(jitter: 900) }
    for schedule in schedules { #expect(schedule.share == schedule.share) }
    let shares = schedules.map(\.share)
    #expect(shares.allSatisfy { (0..<1).contains($0) })
    #expect(shares.contains { $0 < 0.25 } && shares.contains { $0 > 0.75 })
  }

  @Test func isClampedToTheLatestStartAndNilAfterIt() {
    let expiry = anchor.addingTimeInterval(500)
    #expect(
      schedule().nextDue(anchor: anchor, after: anchor, hardExpiry: expiry) == anchor.addingTimeInterval(400))
    #expect(schedule().nextDue(anchor: anchor, after: anchor.addingTimeInterval(400), hardExpiry: expiry) == nil)
  }
}

@Suite struct DueDecisionTests {
  private func policy(_ onExpiry: Policy.OnExpiry) -> Policy {
    Policy(name: "p", rotationPeriod: 1000, rotationJitter: 0, overlap: 0, onExpiry: onExpiry)
  }

  @Test func theEndOfTheIdentityAlwaysRevokes() {
    let now = Date()
    #expect(
      DueDecision(policy: policy(.rotate), hardExpiresAt: now, now: now) == .revoke(.identityExpired))
  }

  @Test func theEndOfASecretFollowsThePolicy() {
    let now = Date()
    let later = now.addingTimeInterval(10)
    #expect(DueDecision(policy: policy(.rotate), hardExpiresAt: later, now: now) == .rotate(.due))
    #expect(DueDecision(policy: policy(.revoke), hardExpiresAt: later, now: now) == .revoke(.secretExpired))
    let leaked = DueDecision(policy: policy(.revoke), hardExpiresAt: later, now: now, isLeaked: true)
    #expect(leaked == .rotate(.leakFollowUp))
  }
}
