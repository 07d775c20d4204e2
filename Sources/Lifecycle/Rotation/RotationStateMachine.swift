import Governance
import Targets

/// What the saga's next move is, and what a fact means for it. Pure: no clock, no database, no target.
struct RotationStateMachine {
  /// What decides, besides the state.
  struct Situation: Sendable, Equatable {
    var action: GovernedAction
    var mode: LoginMode
    var secretClass: SecretClass = .overwrite
    var hasOldVersion: Bool
    /// Candidates discarded so far because the target's rules refused them.
    var candidates: Int32 = 0
    /// The time that a target may need until a new secret works is over.
    var isSettled = false
    /// Missing rights were granted once in this saga.
    var hasGranted = false
    /// Where a quarantined saga goes on.
    var resumeState: RotationState?
  }

  /// Candidates that one saga may try.
  static let maximumCandidates: Int32 = 3

  enum Move: Sendable, Equatable {
    case claim
    case prepareCandidate
    case applyCandidate
    case probeUnknown
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
  }

  // MARK: What to do

  static func move(in state: RotationState, _ situation: Situation) -> Move {
    switch state {
    case .planned: .claim
    case .claimed: situation.action == .revoke ? .blockLogins : .prepareCandidate
    case .prepared, .applying: .applyCandidate
    case .applied: .proveNewLogin
    case .verified: .proveRights
    case .rightsEqual: .publish
    case .published: situation.hasOldVersion ? .beginOverlap : .finish
    case .overlap: .awaitOverlap
    case .retiring: .retireOld
    case .sessionsEnded: situation.action == .revoke ? .strip : .proveOldRefused
    case .oldRefused: situation.mode == .alternating ? .cleanUpOld : .finish
    case .loginBlocked: .endSessions
    case .stripped: .drop
    case .dropped: .proveAllRefused
    case .refused: .proveNoResidue
    case .residueZero: .finish
    case .unknown: .probeUnknown
    case .rollingBack: .removeCandidate
    case .quarantined: .resume(situation.resumeState ?? .claimed)
    case .done, .rolledBack, .cancelled: .stop
    }
  }

  // MARK: What it means

  static func decide(_ fact: Fact, in state: RotationState, _ situation: Situation) -> Decision {
    switch fact {
    case .permitRefused(let reasons):
      let words = reasons.map(\.rawValue).joined(separator: ", ")
      if reasons.allSatisfy(\.passes) { return .wait(seconds: 3, reason: words) }
      // What data that arrives will cure is waited for; everything else needs a person.
      let waits = reasons.allSatisfy { $0.severity == .wait }
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
    case (.secretRejected, .applying):
      situation.candidates < maximumCandidates
        ? .discardCandidate : .quarantine(reason: "the target refused \(maximumCandidates) candidates (\(code))")
    case (.residue, _): .retry(code: "residue")
    case (.nameConflict, _): .quarantine(reason: "the name on the target is not ours or is missing (\(code))")
    case (.foreignWriter, _): .quarantine(reason: "somebody else changed the role on the target (\(code))")
    case (.insufficientRights, _): .quarantine(reason: "the admin login lacks rights on the target (\(code))")
    case (_, .applying): situation.action == .rotate ? .enter(.rollingBack) : .quarantine(reason: "refused (\(code))")
    default: .quarantine(reason: "the target refused (\(code))")
    }
  }

  private static func progress(_ fact: Fact, in state: RotationState, _ situation: Situation) -> Decision {
    switch (state, fact) {
    case (.planned, .moved): .enter(.claimed)
    case (.claimed, .moved): .enter(.prepared)
    case (.claimed, .effectApplied): .enter(.loginBlocked)
    case (.applying, .effectApplied): .enter(.applied)
    case (.unknown, .probed(let verdict)): unknown(verdict)
    case (.applied, .loginProven): .enter(.verified)
    case (.applied, .controlAccepted):
      .quarantine(reason: "the target accepts any password (a trust rule?); nothing was verified")
    case (.applied, .identityMismatch): .quarantine(reason: "the new secret logs in as somebody else")
    case (.applied, .newRefused):
      if !situation.isSettled {
        .wait(seconds: 1, reason: "the new secret is not accepted yet")
      } else if situation.action == .rotate {
        .enter(.rollingBack)
      } else {
        .quarantine(reason: "the new secret is refused")
      }
    case (.verified, .rightsEqual): .enter(.rightsEqual)
    case (.verified, .rightsExtra(let count)): .quarantine(reason: "\(count) rights on the target were not approved")
    case (.verified, .rightsMissing(let count)):
      situation.hasGranted ? .quarantine(reason: "\(count) approved rights are missing after granting") : .grantMissing
    case (.rightsEqual, .moved): .enter(.published)
    case (.published, .moved): .enter(situation.hasOldVersion ? .overlap : .done)
    case (.overlap, .overlapOpen(let seconds)): .wait(seconds: seconds, reason: "both secrets work until then")
    case (.overlap, .overlapOver): .enter(.retiring)
    case (.retiring, .effectApplied): .enter(.sessionsEnded)
    case (_, .sessionsRemain(let count)): .retry(code: "\(count) sessions remain")
    case (.sessionsEnded, .oldRefused): .enter(.oldRefused)
    case (.sessionsEnded, .oldAccepted): .enter(.retiring)
    case (.oldRefused, .residueEmpty), (.oldRefused, .moved): .enter(.done)
    case (_, .residueFound(let count)): .retry(code: "\(count) things left on the target")
    case (.rollingBack, .effectApplied): .enter(.rolledBack)
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

  private static func unknown(_ verdict: UnknownOutcome.Verdict) -> Decision {
    switch verdict {
    case .applied: .enter(.applied)
    case .notApplied: .enter(.applying)
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
  /// The target did not answer: whoever comes next will meet the same, so it counts towards the target's circuit breaker.
  var blamesTarget: Bool {
    switch self {
    case .inconclusive: true
    case .effectUnknown(let cause): cause != "no_time_left"
    default: false
    }
  }
}
