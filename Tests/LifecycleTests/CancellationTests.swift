import Foundation
import Governance
import Jobs
import Testing

@testable import Lifecycle

@Suite struct CancellationTests {
  private func saga(
    _ state: RotationState, _ action: GovernedAction = .rotate, hasEffects: Bool = false
  ) -> FindCancellableSagas.Row {
    FindCancellableSagas.Row(
      id: .make(), action: action, state: state, newVersion: nil, oldVersion: nil, candidates: 0, fence: 1,
      hasEffects: hasEffects, now: Date(), enteredAt: Date())
  }

  private func job(_ kind: String = "rotate", followUp: String? = nil) -> LockLiveJob.Row {
    LockLiveJob.Row(kind: kind, lane: 3, fence: 1, isLeased: false, followUpKind: followUp)
  }

  private func refusal(_ open: [FindCancellableSagas.Row], _ job: LockLiveJob.Row?) -> LifecycleError.Code? {
    do {
      _ = try Cancellation.check(open, job)
      return nil
    } catch {
      return error.code
    }
  }

  @Test(arguments: RotationState.allCases.filter { !$0.isFinal })
  func onlyBeforeTheFirstEffect(state: RotationState) {
    let isEarly = [.planned, .claimed, .prepared].contains(state)
    #expect(refusal([saga(state)], job()) == (isEarly ? nil : .refused))
    #expect(refusal([saga(state, .issue)], job()) == (isEarly ? nil : .refused))
    #expect(refusal([saga(state, hasEffects: true)], job()) == .refused)
    #expect(refusal([saga(state)], nil) == (isEarly ? nil : .refused))
  }

  @Test func neverARevocation() {
    #expect(refusal([saga(.planned, .revoke)], job("revoke")) == .refused)
    #expect(refusal([saga(.planned), saga(.planned, .revoke)], job()) == .refused)
    #expect(refusal([saga(.planned)], job("rotate", followUp: "revoke")) == .refused)
    #expect(refusal([], job("revoke")) == .refused)
  }

  @Test func aJobAloneMayGo() throws {
    #expect(try Cancellation.check([], job())?.id == nil)
    #expect(refusal([], nil) == .wrongState)
  }
}

@Suite struct LimitChangeTests {
  private let before = GroupLimit(maximumRunning: 8, perMinute: 60, burst: 2)

  @Test func whatIsNotNamedStays() {
    #expect(LimitChange().applied(to: before) == before)
    #expect(
      LimitChange(maximumRunning: 3).applied(to: before) == GroupLimit(maximumRunning: 3, perMinute: 60, burst: 2))
    #expect(
      LimitChange(rate: .perMinute(5), burst: 9).applied(to: before)
        == GroupLimit(maximumRunning: 8, perMinute: 5, burst: 9))
  }

  @Test func theRateCanBeTakenAway() {
    #expect(LimitChange(rate: .unlimited).applied(to: before).perMinute == nil)
  }
}
