import Governance
import Targets

/// What the saga's next move is, and what a fact means for it. Pure: no clock, no database, no target.
struct RotationStateMachine {
  /// What decides, besides the state.
  struct Situation: Sendable, Equatable {
    var action: GovernedAction
    var mode: LoginMode
    var secretClass: SecretClass = .overwrite
    /// Of a login in mode `single`.
    var slots: SecretSlots = .one
    var cause: Cause = .routine
    var hasOldVersion: Bool
    /// Candidates discarded so far because the target's rules refused them.
    var candidates: Int32 = 0
    /// The time that a target may need until a new secret works is over.
    var isSettled = false
    /// Missing rights were granted once in this saga.
    var hasGranted = false
    /// Where a quarantined saga goes on.
    var resumeState: RotationState?

    /// Old and new secret can work at the same time.
    var holdsSeveral: Bool { mode == .alternating || slots != .one }
    /// The old secret leaves something on the target that is not part of the new one.
    var leavesOldObject: Bool {
      mode == .alternating || secretClass == .minted || (secretClass == .keyPair && slots != .one)
    }
    /// Where a candidate is made.
    var preparation: RotationState {
      switch cause {
      case .leak where containsOld: .contained
      case .narrowing: .narrowed
      case .leak, .routine: .claimed
      }
    }
    /// A leaked secret is disabled first, except where it is needed to make the new one.
    var containsOld: Bool { cause == .leak && hasOldVersion && secretClass != .selfChange }
  }

  /// What makes a rotation more than the replacement of a secret.
  enum Cause: Sendable, Equatable {
    case routine
    /// The old secret is known to others: it dies first, and there is no way back to it.
    case leak
    /// Fewer rights were approved: the others go first.
    case narrowing
  }

  /// Candidates that one saga may try.
  static let maximumCandidates: Int32 = 3

  enum Move: Sendable, Equatable {
    case claim
    case containOld
    case removeRights
    case prepareCandidate
    case applyCandidate
    case probeUnknown
    case destroyUnclaimed
    case proveNewLogin
    case proveRights
    case publish
    case beginOverlap
    case awaitOverlap
    case retireOld
    case proveOldRefused
    case cleanUpOld
    case removeCandidate
    case blockLogins
    case endSessions
    case strip
    case drop
    case proveAllRefused
    case proveNoResidue
    case finish
    case resume(RotationState)
    case stop
  }

  enum Fact: Sendable, Equatable {
    case moved
    case permitRefused([ReasonCode])
    case effectApplied
    case effectRefused(RefusalReason, code: String)
    case effectUnknown(cause: String)
    case loginProven
    case controlAccepted
    case newRefused
    case identityMismatch
    case inconclusive(cause: String)
    case rightsEqual
    case rightsExtra(Int)
    case rightsMissing(Int)
    /// After taking away what is not approved.
    case rightsRemain(Int)
    /// The target holds as many keys of the identity as it can.
    case noFreeSlot(Int)
    /// Keys that neither we nor the target's state before explain.
    case foreignKeys(Int)
    /// No key is left that nobody holds.
    case unclaimedGone
    case rollbackProven
    case candidateAccepted
    /// The secret to which a rollback leads does not work.
    case oldNotAccepted
    case overlapOpen(seconds: Double)
    case overlapOver
    case sessionsRemain(Int)
    case oldRefused
    case oldAccepted
    case residueEmpty
    case residueFound(Int)
    /// What probing showed after an unknown outcome.
    case probed(UnknownOutcome.Verdict)
  }

  enum Decision: Sendable, Equatable {
    case enter(RotationState)
    /// Missing rights are granted, then the same state is tried again.
    case grantMissing
    case discardCandidate
    case wait(seconds: Double, reason: String)
    case retry(code: String)
    case block(reason: String)
    case quarantine(reason: String)
    /// Repeating it where it is would show the same; when a person lets it go on, it goes on there.
    case quarantineAndReturn(to: RotationState, reason: String)
  }

  // MARK: What to do

  static func move(in state: RotationState, _ situation: Situation) -> Move {
    switch state {
    case .planned: .claim
    case .claimed: claimed(situation)
    case .contained, .narrowed: .prepareCandidate
    case .prepared: .applyCandidate
    case .applying: applying(situation)
    case .applied: .proveNewLogin
    case .verified: .proveRights
    case .rightsEqual: .publish
    case .published: situation.hasOldVersion ? .beginOverlap : .finish
    case .overlap: .awaitOverlap
    case .retiring: .retireOld
    case .sessionsEnded: situation.action == .revoke ? .strip : .proveOldRefused
    case .oldRefused: situation.leavesOldObject ? .cleanUpOld : .finish
    case .loginBlocked: .endSessions
    case .stripped: .drop
    case .dropped: .proveAllRefused
    case .refused: .proveNoResidue
    case .residueZero: .finish
    case .unknown: situation.secretClass == .minted ? .destroyUnclaimed : .probeUnknown
    case .rollingBack: .removeCandidate
    case .quarantined: .resume(situation.resumeState ?? .claimed)
    case .done, .rolledBack, .cancelled, .abandoned: .stop
    }
  }

  private static func claimed(_ situation: Situation) -> Move {
    if situation.action == .revoke { return .blockLogins }
    return switch situation.preparation {
    case .contained: .containOld
    case .narrowed: .removeRights
    default: .prepareCandidate
    }
  }

  /// A worker ended between intent and outcome.
  private static func applying(_ situation: Situation) -> Move {
    switch situation.secretClass {
    case .overwrite, .keyPair: .applyCandidate
    case .selfChange: .probeUnknown
    case .minted: .destroyUnclaimed
    }
  }

  // MARK: What it means

  static func decide(_ fact: Fact, in state: RotationState, _ situation: Situation) -> Decision {
    switch fact {
    case .permitRefused(let reasons):
      let words = reasons.map(\.rawValue).joined(separator: ", ")
      if reasons.allSatisfy(\.passes) { return .wait(seconds: 3, reason: words) }
      // What data that arrives will cure is waited for, and who is away; everything else needs a person.
      let waits = reasons.allSatisfy { $0.severity == .wait || $0.isAbsence }
      return waits ? .wait(seconds: 60, reason: words) : .block(reason: words)
    case .inconclusive(let cause):
      return .retry(code: cause)
    case .effectUnknown(let cause):
      // Only the candidate's effect needs the probe table; the cuts are simply repeated.
      return state == .applying ? .enter(.unknown) : .retry(code: cause)
    case .effectRefused(let reason, let code):
      return refused(reason, code: code, in: state, situation)
    default:
      return progress(fact, in: state, situation)
    }
  }

  private static func refused(
    _ reason: RefusalReason, code: String, in state: RotationState, _ situation: Situation
  ) -> Decision {
    switch (reason, state) {
    case (.fenced, _): .retry(code: "fenced")
    case (.secretRejected, .applying) where situation.secretClass == .selfChange && code == wrongOld:
      // An earlier call may have got through.
      .enter(.unknown)
    case (.secretRejected, .applying):
      situation.candidates < maximumCandidates
        ? .discardCandidate : .quarantine(reason: "the target refused \(maximumCandidates) candidates (\(code))")
    // Narrowing: only who gave it can take it back.
    case (.residue, .claimed): .quarantine(reason: "a right that is not approved any more stays (\(code))")
    // Something came to it after it was stripped: again from its sessions on.
    case (.residue, .stripped): .enter(.loginBlocked)
    case (.residue, _): .retry(code: "residue")
    case (.nameConflict, _): .quarantine(reason: "the name on the target is not ours or is missing (\(code))")
    case (.foreignWriter, _): .quarantine(reason: "somebody else changed the role on the target (\(code))")
    case (.insufficientRights, _): .quarantine(reason: "the admin login lacks rights on the target (\(code))")
    case (_, .applying) where situation.secretClass != .minted: rollBack("refused (\(code))", situation)
    default: .quarantine(reason: "the target refused (\(code))")
    }
  }

  /// The code with which a target of the class `selfChange` says that the old secret is not accepted.
  static let wrongOld = "wrong_old"

  /// Only to a secret that still may live.
  private static func rollBack(_ why: String, _ situation: Situation) -> Decision {
    guard situation.action == .rotate, situation.hasOldVersion else { return .quarantine(reason: why) }
    guard situation.cause != .leak else {
      return .quarantine(reason: why + "; the old secret is known to others, so there is no way back")
    }
    return .enter(.rollingBack)
  }

  private static func progress(_ fact: Fact, in state: RotationState, _ situation: Situation) -> Decision {
    switch (state, fact) {
    case (.planned, .moved): .enter(.claimed)
    case (.claimed, .moved) where situation.preparation == .claimed && situation.action != .revoke: .enter(.prepared)
    case (.claimed, .effectApplied) where situation.action == .revoke: .enter(.loginBlocked)
    case (.claimed, .effectApplied) where situation.preparation != .claimed: .enter(situation.preparation)
    case (.claimed, .oldAccepted) where situation.preparation == .contained: .retry(code: "old_accepted")
    case (.claimed, .rightsRemain(let count)):
      .quarantine(reason: "\(count) rights that are not approved any more are still there after taking them away")
    case (.contained, .moved), (.narrowed, .moved): .enter(.prepared)
    case (_, .noFreeSlot(let count)):
      .quarantine(reason: "the target holds \(count) keys and can hold no more; destroy one that is not needed there")
    case (_, .foreignKeys(let count)):
      .quarantine(reason: "\(count) keys appeared on the target that nobody here asked for")
    case (.applying, .unclaimedGone), (.unknown, .unclaimedGone): .enter(.prepared)
    case (.applying, .effectApplied): .enter(.applied)
    case (.unknown, .probed(let verdict)), (.applying, .probed(let verdict)): unknown(verdict, situation)
    case (.applied, .loginProven): .enter(.verified)
    case (.applied, .controlAccepted):
      .quarantine(reason: "the target accepts any password (a trust rule?); nothing was verified")
    case (.applied, .identityMismatch): .quarantine(reason: "the new secret logs in as somebody else")
    case (.applied, .newRefused):
      if !situation.isSettled {
        .wait(seconds: 1, reason: "the new secret is not accepted yet")
      } else {
        newRefused(situation)
      }
    case (.verified, .rightsEqual): .enter(.rightsEqual)
    case (.verified, .rightsExtra(let count)): .quarantine(reason: "\(count) rights on the target were not approved")
    case (.verified, .rightsMissing(let count)):
      situation.hasGranted ? .quarantine(reason: "\(count) approved rights are missing after granting") : .grantMissing
    case (.rightsEqual, .moved): .enter(.published)
    case (.published, .moved): .enter(situation.hasOldVersion ? .overlap : .done)
    case (.overlap, .overlapOpen(let seconds)): .wait(seconds: seconds, reason: "both secrets work until then")
    case (.overlap, .overlapOver): .enter(.retiring)
    case (.overlap, .newRefused):
      .quarantine(reason: "the new secret is refused by now; the old one was left as it is")
    case (.retiring, .effectApplied): .enter(.sessionsEnded)
    case (.retiring, .oldAccepted): .retry(code: "old_accepted")
    case (_, .sessionsRemain(let count)): .retry(code: "\(count) sessions remain")
    case (.sessionsEnded, .oldRefused): .enter(.oldRefused)
    case (.sessionsEnded, .oldAccepted): .enter(.retiring)
    case (.oldRefused, .residueEmpty), (.oldRefused, .moved): .enter(.done)
    // Said to be gone, and is not: cut again from the strongest on.
    case (.refused, .residueFound): .enter(.sessionsEnded)
    case (_, .residueFound(let count)): .retry(code: "\(count) things left on the target")
    case (.rollingBack, .rollbackProven): .enter(.rolledBack)
    case (.rollingBack, .candidateAccepted): .retry(code: "candidate_accepted")
    case (.rollingBack, .oldNotAccepted):
      .quarantineAndReturn(
        to: situation.secretClass == .minted ? .applied : .unknown,
        reason: "the old secret is refused, so the new one was left as it is")
    case (.loginBlocked, .effectApplied): .enter(.sessionsEnded)
    case (.sessionsEnded, .effectApplied): .enter(.stripped)
    case (.stripped, .effectApplied): .enter(.dropped)
    case (.dropped, .oldRefused): .enter(.refused)
    case (.dropped, .oldAccepted): .enter(.claimed)
    case (.refused, .residueEmpty): .enter(.residueZero)
    case (.residueZero, .moved): .enter(.done)
    case (.quarantined, .moved): .enter(situation.resumeState ?? .claimed)
    default: .quarantine(reason: "a fact that cannot be: \(Self.word(fact)) in \(state.rawValue)")
    }
  }

  /// For good. Where there is no way back, what may be repeated is repeated by a person's word.
  private static func newRefused(_ situation: Situation) -> Decision {
    let why = "the new secret is refused"
    let back = rollBack(why, situation)
    guard case .quarantine(let reason) = back else { return back }
    switch situation.secretClass {
    case .overwrite, .keyPair: return .quarantineAndReturn(to: .prepared, reason: reason)
    case .selfChange: return .quarantineAndReturn(to: .unknown, reason: reason)
    case .minted: return situation.candidates < maximumCandidates ? .discardCandidate : back
    }
  }

  private static func unknown(_ verdict: UnknownOutcome.Verdict, _ situation: Situation) -> Decision {
    switch verdict {
    case .applied: .enter(.applied)
    // Where `applying` is entered with its intent, that intent comes next.
    case .notApplied: .enter(situation.secretClass == .selfChange ? .prepared : .applying)
    case .settling: .wait(seconds: 1, reason: "the target is still settling")
    case .resetOnce: .enter(.applying)
    case .cannotTell: .retry(code: "target_unreachable")
    case .foreignChange: .quarantine(reason: "both secrets are refused: changed, disabled or locked by somebody else")
    }
  }

  /// The case's name alone, so that a reason never carries what it was about.
  private static func word(_ fact: Fact) -> String {
    String("\(fact)".prefix { $0 != "(" })
  }
}

extension RotationStateMachine.Fact {
  /// What was cut is not.
  var repeatsCut: String? {
    switch self {
    case .oldAccepted: "old_accepted"
    case .residueFound, .effectRefused(.residue, _): "residue"
    default: nil
    }
  }

  /// The target is other than what was approved: what was approved before counts no more.
  var isMismatch: Bool {
    switch self {
    case .rightsExtra, .rightsMissing, .rightsRemain, .identityMismatch, .foreignKeys, .probed(.foreignChange): true
    case .effectRefused(.foreignWriter, _), .effectRefused(.nameConflict, _): true
    default: false
    }
  }

  /// The target did not answer: whoever comes next will meet the same, so it counts towards the target's circuit breaker.
  var blamesTarget: Bool {
    switch self {
    case .inconclusive: true
    case .effectUnknown(let cause): cause != "no_time_left"
    default: false
    }
  }
}
