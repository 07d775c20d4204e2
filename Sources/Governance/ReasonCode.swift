/// Why something is not allowed. A closed list of stable words; dashboards and tests rely on them.
package enum ReasonCode: String, Sendable, CaseIterable {
  case requesterInactive = "requester_inactive"
  case approverInactive = "approver_inactive"
  case approverIsRequester = "approver_is_requester"
  case approverIsBeneficiary = "approver_is_beneficiary"
  case digestMismatch = "digest_mismatch"
  case alreadyDecided = "already_decided"
  case denied
  case ownerInactive = "owner_inactive"
  case backupOwnerInactive = "backup_owner_inactive"
  case identityExpired = "identity_expired"
  case latestStartPassed = "latest_start_passed"
  case authorizationUnknown = "authorization_unknown"
  case authorizationVoided = "authorization_voided"
  case authorizationNotYetValid = "authorization_not_yet_valid"
  case authorizationExpired = "authorization_expired"
  case actionNotGranted = "action_not_granted"
  case observeOnly = "observe_only"
  case beingContained = "being_contained"

  /// What a person should do about it.
  package var explanation: String {
    switch self {
    case .requesterInactive: "the requester is not an active person; another person must ask"
    case .approverInactive: "the approver is not an active person; another person must approve"
    case .approverIsRequester: "the approver is the requester; somebody else must approve"
    case .approverIsBeneficiary: "the approver is the beneficiary; somebody else must approve"
    case .digestMismatch: "the digest is not that of the newest revision; read the request again and use its digest"
    case .alreadyDecided: "the request was decided already; submit a new one"
    case .denied: "the request was denied; submit a new one"
    case .ownerInactive: "the identity's owner is not active; give it another owner"
    case .backupOwnerInactive: "the identity's backup owner is not active; give it another one"
    case .identityExpired: "the identity has expired; extend it or make a new one"
    case .latestStartPassed:
      "the policy's latest start for a rotation lies in the past: expiry minus overlap, settle time and retry reserve; "
        + "choose a later expiry or a policy with shorter times"
    case .authorizationUnknown: "there is no such authorization"
    case .authorizationVoided: "the authorization was voided; submit a new request"
    case .authorizationNotYetValid: "the authorization is not valid yet"
    case .authorizationExpired: "the authorization has expired; submit a new request"
    case .observeOnly:
      "this database was restored or copied, or this host does not know it: nothing is changed until somebody confirms it "
        + "with `keyturn incarnation confirm`"
    case .beingContained: "it is being contained; what was wanted goes on after that"
    case .actionNotGranted: "the authorization does not grant this action; submit a request for it"
    }
  }

  /// Whoever meets it waits and tries again; nothing has to be asked for anew.
  package var passes: Bool { self == .observeOnly || self == .beingContained }
}
