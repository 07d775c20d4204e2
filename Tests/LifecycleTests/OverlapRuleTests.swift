import Foundation
import Testing

@testable import Lifecycle

@Suite struct OverlapRuleTests {
  private static let now = Date(timeIntervalSinceReferenceDate: 1_000_000)

  private func rule(_ change: (inout OverlapRule) -> Void = { _ in }) -> OverlapRule {
    var rule = OverlapRule(
      now: Self.now, until: Self.now.addingTimeInterval(100), latest: Self.now.addingTimeInterval(1000), isOpen: true,
      isLeaked: false, consumers: 2, acknowledged: 0, moved: 0, oldSessions: nil, onUnacknowledged: .retire)
    change(&rule)
    return rule
  }

  @Test func aLeakOverlapsNeverWhateverConsumersSay() {
    #expect(rule { $0.isLeaked = true }.verdict == .over(.leaked, alarm: false))
  }

  @Test func oneLoginHasNoOverlapToWaitFor() {
    #expect(rule { $0.isOpen = false }.verdict == .over(.time, alarm: false))
  }

  @Test func itEndsWhenAllHaveAcknowledgedAndNotBefore() {
    #expect(rule { ($0.acknowledged, $0.moved) = (1, 1) }.verdict == .open(seconds: 15, alarm: false))
    #expect(rule { ($0.acknowledged, $0.moved) = (2, 2) }.verdict == .over(.acknowledged, alarm: false))
  }

  @Test func itEndsWhenAllHaveReadTheNewOneAndNobodyUsesTheOld() {
    #expect(rule { ($0.moved, $0.oldSessions) = (2, 0) }.verdict == .over(.unused, alarm: false))
    #expect(rule { ($0.moved, $0.oldSessions) = (2, 1) }.verdict == .open(seconds: 15, alarm: false))
    #expect(rule { ($0.moved, $0.oldSessions) = (2, nil) }.verdict == .open(seconds: 15, alarm: false))
    #expect(rule { ($0.moved, $0.oldSessions) = (1, 0) }.verdict == .open(seconds: 15, alarm: false))
  }

  @Test func withoutConsumersTimeAloneDecides() {
    #expect(rule { $0.consumers = 0 }.verdict == .open(seconds: 100, alarm: false))
    #expect(rule { ($0.consumers, $0.until) = (0, $0.now) }.verdict == .over(.time, alarm: false))
    #expect(
      rule { ($0.consumers, $0.until, $0.onUnacknowledged) = (0, $0.now, .extend) }.verdict
        == .over(.time, alarm: false))
  }

  @Test func atTheMaximumThePolicyDecidesAndAnAlarmIsRaised() {
    #expect(rule { $0.until = $0.now }.verdict == .over(.time, alarm: true))
    #expect(
      rule { ($0.until, $0.onUnacknowledged) = ($0.now, .extend) }.verdict == .open(seconds: 60, alarm: true))
    #expect(
      rule { ($0.until, $0.latest, $0.onUnacknowledged) = ($0.now, $0.now, .extend) }.verdict
        == .over(.time, alarm: true))
  }

  @Test func theWaitNeverGoesBeyondTheMaximum() {
    #expect(rule { $0.until = $0.now.addingTimeInterval(3) }.verdict == .open(seconds: 3, alarm: false))
  }
}
