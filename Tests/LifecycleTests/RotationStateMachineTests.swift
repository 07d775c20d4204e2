import Governance
import Targets
import Testing

@testable import Lifecycle

@Suite struct RotationStateMachineTests {
  typealias Machine = RotationStateMachine

  private func situation(
    _ action: GovernedAction = .rotate, mode: LoginMode = .alternating, hasOld: Bool = true, candidates: Int32 = 1,
    isSettled: Bool = true, hasGranted: Bool = false, resume: RotationState? = nil
  ) -> Machine.Situation {
    .init(
      action: action, mode: mode, hasOldVersion: hasOld, candidates: candidates, isSettled: isSettled,
      hasGranted: hasGranted, resumeState: resume)
  }

  /// Follows the facts and returns the states that were entered.
  private func walk(_ facts: [Machine.Fact], _ situation: Machine.Situation) -> [RotationState] {
    var state = RotationState.planned
    var entered: [RotationState] = []
    for fact in facts {
      // Intent and permit are committed with the move into `applying`.
      if state == .prepared {
        state = .applying
        entered.append(state)
      }
      guard case .enter(let next) = Machine.decide(fact, in: state, situation) else { return entered }
      state = next
      entered.append(next)
    }
    return entered
  }

  @Test func onlyATargetThatDoesNotAnswerIsBlamed() {
    #expect(RotationStateMachine.Fact.inconclusive(cause: "target_unreachable").blamesTarget)
    #expect(RotationStateMachine.Fact.effectUnknown(cause: "timeout").blamesTarget)
    #expect(!RotationStateMachine.Fact.effectUnknown(cause: "no_time_left").blamesTarget)
    #expect(!RotationStateMachine.Fact.oldAccepted.blamesTarget)
    #expect(!RotationStateMachine.Fact.sessionsRemain(2).blamesTarget)
  }

  @Test func aRotationGoesThroughEveryState() {
    let states = walk(
      [
        .moved, .moved, .effectApplied, .loginProven, .rightsEqual, .moved, .moved, .overlapOver, .effectApplied,
        .oldRefused, .residueEmpty,
      ], situation())
    #expect(
      states == [
        .claimed, .prepared, .applying, .applied, .verified, .rightsEqual, .published, .overlap, .retiring,
        .sessionsEnded, .oldRefused, .done,
      ])
  }

  @Test func anIssueEndsAfterPublishing() {
    let states = walk(
      [.moved, .moved, .effectApplied, .loginProven, .rightsEqual, .moved, .moved], situation(.issue, hasOld: false))
    #expect(states.suffix(2) == [.published, .done])
  }

  @Test func aRevocationCutsTheStrongestFirst() {
    let revoke = situation(.revoke)
    let states = walk(
      [.moved, .effectApplied, .effectApplied, .effectApplied, .effectApplied, .oldRefused, .residueEmpty, .moved],
      revoke)
    #expect(
      states == [.claimed, .loginBlocked, .sessionsEnded, .stripped, .dropped, .refused, .residueZero, .done])
    #expect(Machine.move(in: .claimed, revoke) == .blockLogins)
  }

  @Test func anUnknownOutcomeNeverLeadsToASecondCandidate() {
    #expect(Machine.decide(.effectUnknown(cause: "cut"), in: .applying, situation()) == .enter(.unknown))
    #expect(Machine.move(in: .unknown, situation()) == .probeUnknown)
    #expect(Machine.decide(.probed(.applied), in: .unknown, situation()) == .enter(.applied))
    #expect(Machine.decide(.probed(.notApplied), in: .unknown, situation()) == .enter(.applying))
    #expect(Machine.decide(.probed(.cannotTell), in: .unknown, situation()) == .retry(code: "target_unreachable"))
    for state in RotationState.allCases {
      let move = Machine.move(in: state, situation())
      if move == .prepareCandidate { #expect([.claimed, .contained, .narrowed].contains(state)) }
    }
  }

  @Test func aTargetThatAcceptsAnythingIsNeverVerified() {
    guard case .quarantine(let reason) = Machine.decide(.controlAccepted, in: .applied, situation()) else {
      Issue.record("not quarantined")
      return
    }
    #expect(reason.contains("any password"))
  }

  @Test func aRefusedNewSecretWaitsForTheTargetThenRollsBack() {
    #expect(
      Machine.decide(.newRefused, in: .applied, situation(isSettled: false))
        == .wait(seconds: 1, reason: "the new secret is not accepted yet"))
    #expect(Machine.decide(.newRefused, in: .applied, situation()) == .enter(.rollingBack))
    #expect(Machine.decide(.rollbackProven, in: .rollingBack, situation()) == .enter(.rolledBack))
    #expect(Machine.decide(.candidateAccepted, in: .rollingBack, situation()) == .retry(code: "candidate_accepted"))
    guard case .quarantineAndReturn(to: .unknown, _) = Machine.decide(.oldNotAccepted, in: .rollingBack, situation())
    else {
      Issue.record("rolled back to a secret that does not work")
      return
    }
  }

  @Test func atMostThreeCandidatesAreTried() {
    let refused = Machine.Fact.effectRefused(.secretRejected, code: "22023")
    #expect(Machine.decide(refused, in: .applying, situation(candidates: 2)) == .discardCandidate)
    guard case .quarantine = Machine.decide(refused, in: .applying, situation(candidates: 3)) else {
      Issue.record("a fourth candidate")
      return
    }
  }

  @Test func extraRightsStopTheRotationAndMissingOnesAreGrantedOnce() {
    guard case .quarantine = Machine.decide(.rightsExtra(1), in: .verified, situation()) else {
      Issue.record("extra rights were accepted")
      return
    }
    #expect(Machine.decide(.rightsMissing(1), in: .verified, situation()) == .grantMissing)
    guard case .quarantine = Machine.decide(.rightsMissing(1), in: .verified, situation(hasGranted: true)) else {
      Issue.record("granted twice")
      return
    }
  }

  @Test func anOldSecretThatStillWorksIsRetiredAgain() {
    #expect(Machine.decide(.oldAccepted, in: .sessionsEnded, situation()) == .enter(.retiring))
    #expect(Machine.decide(.oldAccepted, in: .retiring, situation()) == .retry(code: "old_accepted"))
    let residue = Machine.Fact.effectRefused(.residue, code: "2BP01")
    #expect(Machine.decide(residue, in: .stripped, situation(.revoke)) == .enter(.loginBlocked))
    #expect(residue.repeatsCut == "residue")
    #expect(Machine.decide(residue, in: .oldRefused, situation()) == .retry(code: "residue"))
    #expect(Machine.decide(.oldAccepted, in: .dropped, situation(.revoke)) == .enter(.claimed))
  }

  @Test func aRefusedPermitBlocksInEveryState() {
    for state in RotationState.allCases where !state.isFinal {
      #expect(
        Machine.decide(.permitRefused([.authorizationVoided]), in: state, situation())
          == .block(reason: "authorization_voided"))
    }
  }

  @Test func cannotTellIsNeverAPass() {
    for state in RotationState.allCases where !state.isFinal {
      #expect(
        Machine.decide(.inconclusive(cause: "target_unreachable"), in: state, situation())
          == .retry(code: "target_unreachable"))
    }
  }

  @Test func everyIllegalPairIsQuarantinedAndNothingIsSkipped() {
    let legal: [RotationState: [Machine.Fact]] = [
      .planned: [.moved], .claimed: [.moved], .contained: [.moved], .narrowed: [.moved],
      .applying: [.effectApplied, .unclaimedGone], .unknown: [.unclaimedGone],
      .applied: [.loginProven, .newRefused, .controlAccepted, .identityMismatch], .verified: [.rightsEqual],
      .rightsEqual: [.moved], .published: [.moved], .overlap: [.overlapOver, .newRefused],
      .retiring: [.effectApplied, .oldAccepted],
      .sessionsEnded: [.oldRefused, .oldAccepted, .effectApplied], .oldRefused: [.residueEmpty, .moved],
      .loginBlocked: [.effectApplied], .stripped: [.effectApplied], .dropped: [.oldRefused, .oldAccepted],
      .refused: [.residueEmpty], .residueZero: [.moved], .rollingBack: [.rollbackProven], .quarantined: [.moved],
    ]
    let facts: [Machine.Fact] = [
      .moved, .effectApplied, .loginProven, .newRefused, .controlAccepted, .identityMismatch, .rightsEqual,
      .overlapOver,
      .oldRefused, .oldAccepted, .residueEmpty, .rollbackProven, .unclaimedGone,
    ]
    for state in RotationState.allCases where !state.isFinal {
      for fact in facts where !(legal[state] ?? []).contains(fact) {
        guard case .quarantine(let reason) = Machine.decide(fact, in: state, situation()) else {
          Issue.record("\(fact) is accepted in \(state)")
          continue
        }
        #expect(reason.contains("cannot be"))
      }
    }
  }

  @Test func aQuarantinedSagaGoesOnWhereItWas() {
    #expect(Machine.move(in: .quarantined, situation(resume: .verified)) == .resume(.verified))
    #expect(Machine.decide(.moved, in: .quarantined, situation(resume: .verified)) == .enter(.verified))
  }
}
