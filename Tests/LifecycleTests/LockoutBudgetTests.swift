import Foundation
import Targets
import Testing

@testable import Lifecycle

@Suite struct LockoutBudgetTests {
  private let start = Date(timeIntervalSince1970: 1_000_000)
  private let budget = LockoutBudget(rule: LockoutRule(threshold: 3, window: 600))

  private func allowed(_ tries: LoginTries, _ now: Date) -> LoginTries? {
    if case .allowed(let counted) = budget.ask(tries, at: now) { counted } else { nil }
  }

  @Test func oneFailureLessThanTheThresholdIsAllowedAndCountedBefore() throws {
    let first = try #require(allowed(LoginTries(), start))
    #expect(first.failures == 1)
    let second = try #require(allowed(first, start.addingTimeInterval(1)))
    #expect(second.failures == 2)
    #expect(budget.ask(second, at: start.addingTimeInterval(2)) == .wait(seconds: 689))
  }

  @Test func theWindowBeginsWithTheLastFailure() throws {
    let spent = LoginTries(failures: 2, lastFailureAt: start)
    #expect(budget.ask(spent, at: start.addingTimeInterval(600)) == .wait(seconds: 90))
    #expect(try #require(allowed(spent, start.addingTimeInterval(690))).failures == 1)
  }

  @Test func roomForSeveralIsAskedForBeforehand() {
    #expect(budget.wait(for: 2, LoginTries(), at: start) == 0)
    #expect(budget.wait(for: 2, LoginTries(failures: 1, lastFailureAt: start), at: start.addingTimeInterval(90)) == 600)
    #expect(budget.wait(for: 1, LoginTries(failures: 1, lastFailureAt: start), at: start) == 0)
    #expect(budget.wait(for: 9, LoginTries(), at: start) == 0)
  }

  /// A worker that stood still after it counted makes no login later than the budget knows of.
  @Test func aLoginBeginsSoonAfterItWasCountedOrNotAtAll() {
    let counted = ContinuousClock.now
    let latest = counted + .seconds(LockoutBudget.patience)
    #expect(LockoutBudget.deadline(countedAt: counted, probe: counted + .seconds(3600)) == latest)
    #expect(LockoutBudget.deadline(countedAt: counted, probe: counted + .seconds(1)) == counted + .seconds(1))
    // With the minute that a server gives to a login at most.
    #expect(LockoutBudget.patience + 60 < LockoutBudget.margin)
  }

  @Test func aSuccessGivesItsTryBack() throws {
    let counted = try #require(allowed(LoginTries(), start))
    #expect(budget.giveBack(counted).failures == 0)
    #expect(budget.giveBack(LoginTries()).failures == 0)
  }

  @Test func whereOneFailureLocksNothingIsTried() {
    let harsh = LockoutBudget(rule: LockoutRule(threshold: 1, window: 600))
    #expect(harsh.ask(LoginTries(), at: start) == .never)
  }
}

@Suite struct QuarantineActionTests {
  private func allowed(
    _ state: RotationState, cause: RotationStateMachine.Cause = .routine, hasOld: Bool = true,
    mode: LoginMode = .alternating
  ) -> [QuarantineAction] {
    QuarantineAction.allowed(in: state, .init(action: .rotate, mode: mode, cause: cause, hasOldVersion: hasOld))
  }

  @Test func backIsAllowedUntilTheNewVersionIsPublishedAndNeverForALeak() {
    for state in RotationState.allCases {
      let unpublished: [RotationState] = [.applying, .unknown, .applied, .verified, .rightsEqual, .rollingBack]
      #expect(allowed(state).contains(.rollback) == unpublished.contains(state), "\(state)")
      #expect(!allowed(state, cause: .leak).contains(.rollback))
      #expect(!allowed(state, hasOld: false).contains(.rollback))
      #expect(allowed(state).contains(.release) && allowed(state).contains(.abandon))
      // One slot: the candidate may be the only secret that works.
      #expect(allowed(state, mode: .single).contains(.abandon) != unpublished.contains(state), "\(state)")
    }
    // Which ends with proof, or with somebody's signature.
    let revocation = RotationStateMachine.Situation(
      action: .revoke, mode: .alternating, cause: .routine, hasOldVersion: false)
    #expect(RotationState.allCases.allSatisfy { QuarantineAction.allowed(in: $0, revocation) == [.release] })
  }
}

@Suite struct VerificationTests {
  private func mark(_ mark: String?, _ fence: Int64?) -> TargetMark { TargetMark(mark: mark, fence: fence) }

  private func note(_ mark: TargetMark?, fencesOnTarget: Bool = true, in found: inout Verification) {
    found.noteMark(
      mark, ours: "ours", fence: 4, traits: TargetTraits(secretClass: .overwrite, fencesOnTarget: fencesOnTarget))
  }

  @Test func nothingThatDiffersIsSound() {
    var found = Verification()
    found.noteControl(.refused(.wrongSecret, code: "x"))
    found.noteLogin(.accepted(identity: "svc", sessionUser: "svc_a"), identity: "svc", login: "svc_a")
    found.noteRights(found: PrivilegeSet(["b", "a"]), approved: PrivilegeSet(["a", "b"]))
    note(mark("ours", 4), in: &found)
    #expect(found.result == .sound)
    #expect(found.detail["approved_digest"] == found.detail["found_digest"])
  }

  @Test func eachDifferenceHasItsWord() {
    var found = Verification()
    found.noteControl(.accepted(identity: "svc", sessionUser: "svc"))
    found.noteLogin(.refused(.blocked, code: "x"), identity: "svc", login: "svc_a")
    found.noteRights(found: PrivilegeSet(["a", "c"]), approved: PrivilegeSet(["a", "b"]))
    note(mark("theirs", 1), in: &found)
    #expect(found.drifts == [.controlAccepted, .loginRefused, .rightsExtra, .rightsMissing, .foreignWriter])
    #expect(found.detail["extra"] == "c" && found.detail["missing"] == "b")
  }

  @Test func aFenceThatWeNeverHadIsSomebodyElses() {
    var found = Verification()
    note(mark("ours", 5), in: &found)
    #expect(found.drifts == [.foreignWriter])
  }

  @Test func whereMarksAreKeptNoneMeansThatTheIdentityIsGone() {
    var (kept, none) = (Verification(), Verification())
    note(nil, in: &kept)
    note(nil, fencesOnTarget: false, in: &none)
    #expect(kept.drifts == [.vanished] && none.drifts == [])
    kept.noteMissing(login: "svc_a")
    #expect(kept.drifts == [.vanished] && kept.detail["missing_login"] == "svc_a")
  }

  @Test func whatCannotBeToldIsNeverSoundAndDriftOutweighsIt() {
    var found = Verification()
    found.noteControl(.cannotTell(cause: "timeout"))
    #expect(found.result == .cannotTell)
    found.noteRights(found: PrivilegeSet(["c"]), approved: .none)
    #expect(found.result == .drifted)
  }
}
