import Targets
import Testing

@testable import Lifecycle

@Suite struct AdminRotationDecisionTests {
  @Test(arguments: [
    (AdminRotation.Phase.idle, false, 0.0, AdminRotation.Move.look),
    (.first, false, 0, .seal), (.first, true, 0, .apply), (.first, true, 9, .apply),
    (.second, false, 9, .wait(seconds: 9)), (.second, false, 0, .seal), (.second, true, 9, .apply),
  ])
  func knowsWhatComesNext(
    phase: AdminRotation.Phase, hasCandidate: Bool, wait: Double, move: AdminRotation.Move
  ) {
    #expect(AdminRotation.move(in: phase, hasCandidate: hasCandidate, secondsToWait: wait) == move)
  }

  @Test(arguments: [
    (AdminRotation.Answer.accepted, AdminRotation.Answer.refused, AdminRotation.Decision.begin),
    (.accepted, .cannotTell, .begin), (.refused, .accepted, .changePlaces),
    (.refused, .cannotTell, .retry(code: "target_unreachable")),
    (.cannotTell, .accepted, .retry(code: "target_unreachable")),
  ])
  func neverGivesUpTheOneThatWorks(
    active: AdminRotation.Answer, standby: AdminRotation.Answer, decision: AdminRotation.Decision
  ) {
    #expect(AdminRotation.decide(active: active, standby: standby) == decision)
  }

  @Test func asksForAPersonWhenNeitherWorks() {
    guard case .quarantine(let reason) = AdminRotation.decide(active: .refused, standby: .refused) else {
      Issue.record("both are refused")
      return
    }
    #expect(reason.contains("target standby"))
  }

  @Test func believesOnlyTheLoginItAskedFor() {
    #expect(AdminRotation.Answer(.accepted(identity: "a", sessionUser: "a"), as: "a") == .accepted)
    #expect(AdminRotation.Answer(.accepted(identity: "b", sessionUser: "b"), as: "a") == .cannotTell)
    #expect(AdminRotation.Answer(.refused(.blocked, code: "28000"), as: "a") == .refused)
  }
}
