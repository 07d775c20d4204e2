import Foundation
import Governance

/// What a person may do with a saga that needs one.
package enum QuarantineAction: String, Sendable, CaseIterable, Codable {
  /// It goes on where it was.
  case release
  /// The candidate is taken off the target, and both sides are proven.
  case rollback
  /// It ends; the person answers for what is left on the target. Not for a revocation, which a signed waiver ends.
  case abandon

  /// Pure. Back only while the old secret is current and may live. Not given up where the candidate may have taken the place
  /// of the old secret: destroying it would leave no secret that works.
  static func allowed(
    in state: RotationState, _ situation: RotationStateMachine.Situation
  ) -> [QuarantineAction] {
    let unpublished: [RotationState] = [.applying, .unknown, .applied, .verified, .rightsEqual, .rollingBack]
    guard situation.action == .rotate, situation.hasOldVersion, unpublished.contains(state) else {
      return situation.action == .revoke ? [.release] : [.release, .abandon]
    }
    return [.release] + (situation.cause == .leak ? [] : [.rollback]) + (situation.holdsSeveral ? [.abandon] : [])
  }
}

/// Stored with the saga, where `since` and the newest proof are added.
struct QuarantineNote: Sendable, Equatable, Codable {
  let reason: String
  /// Where it stood.
  let state: String
  let allowed: [QuarantineAction]
}

/// A saga as the person who decides about it needs it.
struct QuarantinedSaga: Sendable {
  let id: RotationID
  let action: GovernedAction
  let state: RotationState
  /// By its note.
  let allowed: [QuarantineAction]
  let resumeState: RotationState?
  let newVersion: Int32?
  let oldVersion: Int32?
  let candidates: Int32
  let fence: Int64
  let enteredAt: Date
  let now: Date
}
