/// A change that makes older approvals of an identity count no more: it voids what they granted and opens a ticket.
package enum ReapprovalTrigger: String, Sendable, Codable, CaseIterable {
  case requestAmended = "request_amended"
  case targetDrifted = "target_drifted"
  case ownerChanged = "owner_changed"
  case personChangedRole = "person_changed_role"
  case personLeft = "person_left"
  case delegationEnded = "delegation_was_ended"
  case tierRaised = "tier_raised"
  case criticalityRaised = "criticality_raised"
  case policyStricter = "policy_stricter"
  case vendorChanged = "vendor_changed"
  case approvalTooOld = "approval_too_old"
  case leakSignal = "leak_signal"
  case attemptMismatched = "attempt_mismatched"
  case newConsumer = "new_consumer"
  case breakGlassUsed = "break_glass_used"
  case attestationTooOld = "attestation_too_old"

  /// The reason that an older approval has against it.
  package var reason: ReasonCode {
    switch self {
    case .requestAmended: .requestAmended
    case .targetDrifted: .targetDrifted
    case .ownerChanged: .ownerChanged
    case .personChangedRole: .personChangedRole
    case .personLeft: .personLeft
    case .delegationEnded: .delegationWasEnded
    case .tierRaised: .tierRaised
    case .criticalityRaised: .criticalityRaised
    case .policyStricter: .policyStricter
    case .vendorChanged: .vendorChanged
    case .approvalTooOld: .approvalTooOld
    case .leakSignal: .leakSignal
    case .attemptMismatched: .attemptMismatched
    case .newConsumer: .newConsumer
    case .breakGlassUsed: .breakGlassUsed
    case .attestationTooOld: .attestationTooOld
    }
  }

  /// What the ticket asks for.
  package var remedy: String {
    switch self {
    case .leakSignal: "Contain the leak, then submit and approve a new request."
    case .ownerChanged: "The new owner and an approver must confirm: submit and approve a new request."
    case .personLeft: "Name a successor where one is missing, then submit and approve a new request."
    case .attestationTooOld:
      "The owner confirms the identity (`keyturn identity attest`); then submit and approve a new request."
    case .breakGlassUsed: "Review the emergency access, then submit and approve a new request."
    case .targetDrifted, .attemptMismatched:
      "Compare the target with what was approved, then submit and approve a new request."
    default: "Submit a new request and have it approved under today's facts."
    }
  }

  /// Changes of people's roles matter where the privilege is high; all others always.
  package var onlyPrivileged: Bool { self == .personChangedRole }

  /// Fixed in every policy: without them an authorization could outlive what it rests on.
  package var isMandatory: Bool {
    switch self {
    case .requestAmended, .ownerChanged, .personLeft, .leakSignal, .policyStricter, .delegationEnded: true
    default: false
    }
  }
}
