import Foundation

/// May this request be submitted at all? Pure; returns every reason against it.
struct Admission {
  let identity: NonHumanIdentity
  let requester: Person
  let actions: [GovernedAction]
  let now: Date

  var reasons: [ReasonCode] {
    var reasons: [ReasonCode] = []
    if !requester.isActive { reasons.append(.requesterInactive) }
    // Removing is never held up by missing owners or by time.
    if actions == [.revoke] { return reasons }
    if !identity.owner.isActive { reasons.append(.ownerInactive) }
    if !identity.backupOwner.isActive { reasons.append(.backupOwnerInactive) }
    if identity.expiresAt <= now {
      reasons.append(.identityExpired)
    } else if identity.policy.latestStart(hardExpiry: identity.expiresAt) <= now {
      reasons.append(.latestStartPassed)
    }
    return reasons
  }
}
