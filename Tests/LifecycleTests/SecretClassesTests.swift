import Governance
import Targets
import Testing

@testable import Lifecycle

/// What the classes of secrets and the causes of a rotation change in the state machine.
@Suite struct SecretClassesTests {
  typealias Machine = RotationStateMachine

  private func situation(
    _ secretClass: SecretClass = .overwrite, mode: LoginMode = .alternating, slots: SecretSlots = .one,
    cause: Machine.Cause = .routine, action: GovernedAction = .rotate, hasOld: Bool = true, isSettled: Bool = true
  ) -> Machine.Situation {
    .init(
      action: action, mode: mode, secretClass: secretClass, slots: slots, cause: cause, hasOldVersion: hasOld,
      isSettled: isSettled)
  }

  private func isQuarantine(_ decision: Machine.Decision) -> Bool {
    switch decision {
    case .quarantine, .quarantineAndReturn: true
    default: false
    }
  }

  @Test func aWorkerThatEndedBetweenIntentAndOutcomeIsFollowedAsTheClassNeeds() {
    #expect(Machine.move(in: .applying, situation(.overwrite)) == .applyCandidate)
    #expect(Machine.move(in: .applying, situation(.keyPair)) == .applyCandidate)
    #expect(Machine.move(in: .applying, situation(.selfChange, mode: .single)) == .probeUnknown)
    #expect(Machine.move(in: .applying, situation(.minted, mode: .single)) == .destroyUnclaimed)
    #expect(Machine.move(in: .unknown, situation(.minted, mode: .single)) == .destroyUnclaimed)
    #expect(Machine.move(in: .unknown, situation(.keyPair, mode: .single)) == .probeUnknown)
  }

  @Test func whatNobodyHoldsIsDestroyedBeforeAnotherIsMinted() {
    let minted = situation(.minted, mode: .single, slots: .two)
    #expect(Machine.decide(.unclaimedGone, in: .applying, minted) == .enter(.prepared))
    #expect(Machine.decide(.unclaimedGone, in: .unknown, minted) == .enter(.prepared))
    #expect(isQuarantine(Machine.decide(.foreignKeys(1), in: .unknown, minted)))
    #expect(isQuarantine(Machine.decide(.noFreeSlot(2), in: .claimed, minted)))
    #expect(Machine.move(in: .oldRefused, minted) == .cleanUpOld)
  }

  @Test func aSelfChangeIsNeverRepeatedBeforeItIsKnownThatItDidNotHappen() {
    let own = situation(.selfChange, mode: .single)
    #expect(Machine.decide(.probed(.notApplied), in: .applying, own) == .enter(.prepared))
    #expect(Machine.decide(.probed(.applied), in: .applying, own) == .enter(.applied))
    #expect(isQuarantine(Machine.decide(.probed(.foreignChange), in: .unknown, own)))
    let wrongOld = Machine.Fact.effectRefused(.secretRejected, code: Machine.wrongOld)
    #expect(Machine.decide(wrongOld, in: .applying, own) == .enter(.unknown))
  }

  @Test func aLeakedSecretDiesBeforeTheNewOneIsMade() {
    for secretClass in [SecretClass.overwrite, .minted, .keyPair] {
      let leak = situation(secretClass, cause: .leak)
      #expect(Machine.move(in: .claimed, leak) == .containOld)
      #expect(Machine.decide(.effectApplied, in: .claimed, leak) == .enter(.contained))
      #expect(isQuarantine(Machine.decide(.moved, in: .claimed, leak)), "not contained")
    }
    #expect(Machine.move(in: .contained, situation(cause: .leak)) == .prepareCandidate)
    #expect(Machine.decide(.moved, in: .contained, situation(cause: .leak)) == .enter(.prepared))
    // The old secret is needed to make the new one, which replaces it at once.
    #expect(Machine.move(in: .claimed, situation(.selfChange, mode: .single, cause: .leak)) == .prepareCandidate)
    #expect(Machine.move(in: .claimed, situation(cause: .leak, hasOld: false)) == .prepareCandidate)
  }

  @Test func thereIsNoWayBackToALeakedSecret() {
    for state in RotationState.allCases {
      for fact: Machine.Fact in [.newRefused, .effectRefused(.other, code: "x")] {
        #expect(Machine.decide(fact, in: state, situation(cause: .leak)) != .enter(.rollingBack), "\(state) \(fact)")
      }
    }
    #expect(Machine.decide(.newRefused, in: .applied, situation()) == .enter(.rollingBack))
    #expect(isQuarantine(Machine.decide(.newRefused, in: .applied, situation(cause: .leak))))
    #expect(isQuarantine(Machine.decide(.newRefused, in: .applied, situation(action: .issue, hasOld: false))))
  }

  @Test func whatMayBeRepeatedIsRepeatedAfterAPersonsWord() {
    func refused(_ secretClass: SecretClass) -> Machine.Decision {
      Machine.decide(.newRefused, in: .applied, situation(secretClass, cause: .leak))
    }
    func place(_ decision: Machine.Decision) -> RotationState? {
      if case .quarantineAndReturn(let state, _) = decision { state } else { nil }
    }
    #expect(place(refused(.overwrite)) == .prepared)
    #expect(place(refused(.keyPair)) == .prepared)
    #expect(place(refused(.selfChange)) == .unknown)
    #expect(refused(.minted) == .discardCandidate)
  }

  @Test func rightsThatAreNotApprovedAnyMoreGoFirst() {
    let narrowing = situation(cause: .narrowing)
    #expect(Machine.move(in: .claimed, narrowing) == .removeRights)
    #expect(Machine.decide(.effectApplied, in: .claimed, narrowing) == .enter(.narrowed))
    #expect(isQuarantine(Machine.decide(.rightsRemain(1), in: .claimed, narrowing)))
    #expect(Machine.decide(.moved, in: .narrowed, narrowing) == .enter(.prepared))
  }

  @Test func severalSlotsLetOldAndNewWorkTogether() {
    #expect(situation().holdsSeveral)
    #expect(!situation(mode: .single).holdsSeveral)
    #expect(situation(.minted, mode: .single, slots: .two).holdsSeveral)
    #expect(situation(.keyPair, mode: .single, slots: .many).holdsSeveral)
    #expect(
      UnknownOutcome.verdict(new: .accepted, old: .accepted, mode: .single, secretClass: .keyPair, slots: .many)
        == .applied)
    #expect(
      UnknownOutcome.verdict(new: .refused, old: .refused, mode: .single, secretClass: .keyPair, slots: .many)
        == .resetOnce)
  }
}

@Suite struct UnclaimedKeysTests {
  private func sort(_ keys: [TargetKey], held: Set<String> = [], before: Set<String>? = []) -> [[String]] {
    let (stray, foreign, kept) = UnclaimedKeys.sort(keys, held: held, before: before, marker: "ours")
    return [stray, foreign, kept]
  }

  @Test func whatIsHeldOrWasThereIsKept() {
    let keys = ["a", "b", "c"].map { TargetKey(id: $0, marker: nil) }
    #expect(sort(keys, held: ["a"], before: ["b"]) == [["c"], [], ["a", "b"]])
  }

  @Test func aMarkerTellsOursFromOthers() {
    let keys = [TargetKey(id: "a", marker: "ours"), TargetKey(id: "b", marker: "theirs")]
    #expect(sort(keys) == [["a"], ["b"], []])
  }

  @Test func withoutMarkerAndInventoryNothingIsOursToDestroy() {
    #expect(sort([TargetKey(id: "a", marker: nil)], before: nil) == [[], ["a"], []])
    #expect(sort([TargetKey(id: "a", marker: "ours")], before: nil) == [["a"], [], []])
  }
}
