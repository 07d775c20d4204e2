import Foundation
import Governance
import Jobs
import Targets

/// An open saga with everything its next move needs, as loaded from the database.
struct Saga: Sendable {
  let id: RotationID
  let credential: CredentialID
  let action: GovernedAction
  var state: RotationState
  let authorization: AuthorizationID
  let trigger: String
  var resumeState: RotationState?
  var candidates: Int32
  var waitUntil: Date?
  /// When the state was entered.
  var enteredAt: Date
  let identity: NonHumanIdentity
  let dueAnchor: Date?
  let hardExpiresAt: Date
  var versions: [CredentialVersion]
  var newVersion: Int32?
  var oldVersion: Int32?
  /// Missing rights were granted once since this process took the saga up.
  var hasGranted = false
  /// The database's clock when this was loaded.
  var now: Date

  var targetIdentity: TargetIdentity {
    TargetIdentity(name: identity.name, mode: LoginMode(rawValue: identity.loginMode) ?? .alternating)
  }

  var candidate: CredentialVersion? { version(newVersion) }
  var old: CredentialVersion? { version(oldVersion) }
  var current: CredentialVersion? { versions.first { $0.state == .current } }
  var nextNumber: Int32 { (versions.map(\.number).max() ?? 0) + 1 }

  func version(_ number: Int32?) -> CredentialVersion? {
    versions.first { $0.number == number }
  }

  func situation(traits: TargetTraits) -> RotationStateMachine.Situation {
    .init(
      action: action, mode: targetIdentity.mode, secretClass: traits.secretClass, hasOldVersion: oldVersion != nil,
      candidates: candidates, isSettled: now.timeIntervalSince(enteredAt) >= identity.policy.settle,
      hasGranted: hasGranted, resumeState: resumeState)
  }
}
