/// Why something is not allowed. A closed list of stable words; dashboards and tests rely on them.
package enum ReasonCode: String, Sendable, CaseIterable, Codable {
  // The request
  case requesterInactive = "requester_inactive"
  case digestMismatch = "digest_mismatch"
  case alreadyDecided = "already_decided"
  case denied
  case requestWithdrawn = "request_withdrawn"
  case missingOwningSystem = "missing_owning_system"
  case missingDelegatedApprover = "missing_delegated_approver"
  case missingBeneficiary = "missing_beneficiary"
  case delegatedApproverInactive = "delegated_approver_inactive"
  case ticketDigestMismatch = "ticket_digest_mismatch"
  case ticketNotOpen = "ticket_not_open"
  case ticketUnreadable = "ticket_unreadable"
  // The identity and what it may have
  case ownerInactive = "owner_inactive"
  case backupOwnerInactive = "backup_owner_inactive"
  case identityExpired = "identity_expired"
  case identityLivesTooLong = "identity_lives_too_long"
  case latestStartPassed = "latest_start_passed"
  case attestationTooOld = "attestation_too_old"
  case rightsExceedPolicy = "rights_exceed_policy"
  case toxicRights = "toxic_rights"
  case vendorContractNotCurrent = "vendor_contract_not_current"
  case vendorReviewLapsed = "vendor_review_lapsed"
  case vendorIncident = "vendor_incident"
  case vendorTargetNotAllowed = "vendor_target_not_allowed"
  case vendorScopeNotAllowed = "vendor_scope_not_allowed"
  case vendorSponsorInactive = "vendor_sponsor_inactive"
  // Where facts come from
  case identitySourceStale = "identity_source_stale"
  case identitySourceQuarantined = "identity_source_quarantined"
  case degradedIdentity = "degraded_identity"
  case evidenceNotWritable = "evidence_not_writable"
  // One approval
  case approverUnknown = "approver_unknown"
  case approverInactive = "approver_inactive"
  case approverWasInactive = "approver_was_inactive"
  case approverIsRequester = "approver_is_requester"
  case approverIsBeneficiary = "approver_is_beneficiary"
  case approverIsOperator = "approver_is_operator"
  case delegatorIsRequester = "delegator_is_requester"
  case delegatorIsBeneficiary = "delegator_is_beneficiary"
  case delegatorIsOperator = "delegator_is_operator"
  case delegatorInactive = "delegator_inactive"
  case roleNotHeldWhenDeciding = "role_not_held_when_deciding"
  case roleNotHeldNow = "role_not_held_now"
  case delegationUnknown = "delegation_unknown"
  case delegationBackDated = "delegation_back_dated"
  case delegationNotValidWhenDeciding = "delegation_not_valid_when_deciding"
  case delegationEnded = "delegation_ended"
  case delegationOutOfScope = "delegation_out_of_scope"
  case delegationChained = "delegation_chained"
  case strengthTooWeak = "strength_too_weak"
  case signatureInvalid = "signature_invalid"
  case approvalTooOld = "approval_too_old"
  case approvalBeforeSubmission = "approval_before_submission"
  case approvalInFuture = "approval_in_future"
  case olderRevision = "older_revision"
  case approvalWithdrawn = "approval_withdrawn"
  case notAHumanDecision = "not_a_human_decision"
  case approvalReused = "approval_reused"
  case stageOutOfOrder = "stage_out_of_order"
  case stageUnknown = "stage_unknown"
  case personCountedAlready = "person_counted_already"
  case approvalMissing = "approval_missing"
  case noEligibleApprover = "no_eligible_approver"
  // What happened since the approval
  case requestAmended = "request_amended"
  case targetDrifted = "target_drifted"
  case ownerChanged = "owner_changed"
  case personChangedRole = "person_changed_role"
  case personLeft = "person_left"
  case delegationWasEnded = "delegation_was_ended"
  case tierRaised = "tier_raised"
  case criticalityRaised = "criticality_raised"
  case policyStricter = "policy_stricter"
  case vendorChanged = "vendor_changed"
  case leakSignal = "leak_signal"
  case attemptMismatched = "attempt_mismatched"
  case newConsumer = "new_consumer"
  case breakGlassUsed = "break_glass_used"
  // The authorization
  case authorizationUnknown = "authorization_unknown"
  case authorizationVoided = "authorization_voided"
  case authorizationNotYetValid = "authorization_not_yet_valid"
  case authorizationExpired = "authorization_expired"
  case actionNotGranted = "action_not_granted"
  case observeOnly = "observe_only"
  case beingContained = "being_contained"
  // Policies and feeds
  case proposerDecides = "proposer_decides"
  case feedReplayed = "feed_replayed"
  case feedManifestMismatch = "feed_manifest_mismatch"
  case feedMassChange = "feed_mass_change"
  case feedCyclicManagers = "feed_cyclic_managers"
  case feedDuplicatePerson = "feed_duplicate_person"
  case feedDuplicateEmail = "feed_duplicate_email"
  case feedConfusableName = "feed_confusable_name"
  case releaserCountedAlready = "releaser_counted_already"
  // Break-glass
  case notRegisteredForBreakGlass = "not_registered_for_break_glass"
  case breakGlassLapsed = "break_glass_lapsed"
  case samePersonTwice = "same_person_twice"
  case reviewerTookPart = "reviewer_took_part"
  // Tickets
  case secretInTicket = "secret_in_ticket"
  case textTooLong = "text_too_long"
  case closedWithoutControl = "closed_without_control"

  package enum Severity: Sendable {
    /// Said, and hinders nothing.
    case note
    /// Goes away by itself or by data that arrives.
    case wait
    case block
  }

  package var severity: Severity {
    switch self {
    case .degradedIdentity: .note
    case .identitySourceStale, .identitySourceQuarantined, .ticketUnreadable, .evidenceNotWritable,
      .authorizationNotYetValid:
      .wait
    default: .block
    }
  }

  /// What is wrong, and what a person should do about it.
  package var explanation: String {
    switch self {
    case .requesterInactive: "the requester is not an active person; another person must ask"
    case .digestMismatch: "the digest is not that of the newest revision; read the request again and use its digest"
    case .alreadyDecided: "the request was decided already; submit a new one"
    case .denied: "the request was denied; submit a new one"
    case .requestWithdrawn: "the request was withdrawn; submit a new one"
    case .missingOwningSystem: "owning_system is missing; the policy wants it: submit again with --owning-system"
    case .missingDelegatedApprover:
      "delegated_approver is missing; the policy wants it: submit again with --delegated-approver"
    case .missingBeneficiary: "beneficiary is missing; the policy wants it: submit again with --for"
    case .delegatedApproverInactive: "the delegated approver is not an active person; name another one"
    case .ticketDigestMismatch:
      "the ticket names another change than the request; somebody edited it: compare both and submit again"
    case .ticketNotOpen: "the ticket is closed, moved, merged or deleted; open a new one and submit again"
    case .ticketUnreadable: "the helpdesk does not answer; it is read again by itself"
    case .ownerInactive:
      "the identity's owner is not active; `keyturn identity change --owner`, or it goes on when they are back"
    case .backupOwnerInactive:
      "the identity's backup owner is not active; `keyturn identity change --backup`, or it goes on when they are back"
    case .identityExpired: "the identity has expired; extend it or make a new one"
    case .identityLivesTooLong: "the identity's expiry lies beyond the policy's longest life; choose an earlier one"
    case .latestStartPassed:
      "the policy's latest start for a rotation lies in the past: expiry minus overlap, settle time and retry reserve; "
        + "choose a later expiry or a policy with shorter times"
    case .attestationTooOld: "the owner has not confirmed the identity for too long; `keyturn identity attest`"
    case .rightsExceedPolicy:
      "a right is not among those that the policy allows there; take it away or change the policy"
    case .toxicRights: "two of the rights may not be held together; split them over two identities"
    case .vendorContractNotCurrent: "the vendor's contract has not begun or has ended; renew it"
    case .vendorReviewLapsed: "the vendor's security review has lapsed; renew it with `keyturn vendor set`"
    case .vendorIncident: "the vendor is flagged with an incident; clear it first"
    case .vendorTargetNotAllowed: "the vendor may not connect to this target; add it to the vendor's targets"
    case .vendorScopeNotAllowed: "a scope is broader than what was agreed with the vendor; ask for less"
    case .vendorSponsorInactive: "the vendor's sponsor is not active; name another one"
    case .identitySourceStale: "people's data is older than its source allows; deliver a newer feed"
    case .identitySourceQuarantined:
      "a feed of people is in quarantine; two people must release it, or deliver a sound one"
    case .degradedIdentity: "people's data was stale; this removes access and went on all the same"
    case .evidenceNotWritable:
      "the evidence log may not be continued; nothing but shutting off is granted until it may, see `keyturn audit status`"
    case .approverUnknown: "the login belongs to no known person; register it with `keyturn person account`"
    case .approverInactive: "the approver is not an active person; another person must approve"
    case .approverWasInactive: "the approver was not active when deciding; decide again"
    case .approverIsRequester: "the approver is the requester; somebody else must approve"
    case .approverIsBeneficiary: "the approver is the beneficiary; somebody else must approve"
    case .approverIsOperator: "the approver would also run the change; somebody else must approve"
    case .delegatorIsRequester:
      "the approver acts for the requester; nobody approves their own request through a delegate"
    case .delegatorIsBeneficiary: "the approver acts for the beneficiary; somebody else must approve"
    case .delegatorIsOperator: "the approver acts for the operator; somebody else must approve"
    case .delegatorInactive: "the person acted for is not active; the delegation gives nothing"
    case .roleNotHeldWhenDeciding: "the stage asks for a role that the person did not hold when deciding"
    case .roleNotHeldNow: "the stage asks for a role that the person no longer holds; somebody who does must approve"
    case .delegationUnknown: "there is no such delegation from that person to this one; register it before it is used"
    case .delegationBackDated: "the delegation was registered after it was used; decide again"
    case .delegationNotValidWhenDeciding: "the delegation was not valid when deciding"
    case .delegationEnded: "the delegation has ended; the delegator or somebody else must approve"
    case .delegationOutOfScope: "the delegation is not for this role or target"
    case .delegationChained: "authority that was delegated cannot be delegated again"
    case .strengthTooWeak: "the risk asks for a stronger decision: a fresh login, or a signature over the digest"
    case .signatureInvalid: "the signature is not that of a registered key over this digest; sign it again"
    case .approvalTooOld: "the approval is older than the policy allows; decide again"
    case .approvalBeforeSubmission: "the approval is older than the request; decide on what was submitted"
    case .approvalInFuture: "the approval claims a time that has not come; check the helpdesk's clock"
    case .olderRevision: "the approval is for an older revision; decide on the newest"
    case .approvalWithdrawn: "the approval was withdrawn; another one is needed"
    case .notAHumanDecision: "no person made the decision: automation, a default or an override is no approval"
    case .approvalReused: "the same decision record was used for another approval; decide on this request"
    case .stageOutOfOrder: "the stage before was not complete when this was decided; decide again"
    case .stageUnknown: "the policy has no such stage; decide again"
    case .personCountedAlready:
      "the same human has approved already, themselves or for another; one more person is needed"
    case .approvalMissing: "approvals are missing; see which stage waits with `keyturn why`"
    case .noEligibleApprover: "nobody who may approve is left; assign the role to somebody or change the policy"
    case .requestAmended: "the request was amended after the approval; decide on the newest revision"
    case .targetDrifted: "the target is not as it was approved; look at the difference and approve again"
    case .ownerChanged: "the owner or backup owner is another person than at the approval; approve again"
    case .personChangedRole: "somebody the approval rests on changed role, department or manager; approve again"
    case .personLeft: "somebody the approval rests on left; name a successor and approve again"
    case .delegationWasEnded: "a delegation that the approval rests on was ended; approve again"
    case .tierRaised: "the identity's privilege tier was raised; approve again"
    case .criticalityRaised: "the target became more critical; approve again"
    case .policyStricter: "the policy became stricter; approve again under the new one"
    case .vendorChanged: "the vendor's record changed or was flagged; approve again"
    case .leakSignal: "the secret is said to have leaked; contain it and approve again"
    case .attemptMismatched: "the last attempt left something else than was approved; look at it and approve again"
    case .newConsumer: "a workload uses the secret that was not known at the approval; approve again"
    case .breakGlassUsed: "emergency access was used; review it and approve again"
    case .authorizationUnknown: "there is no such authorization"
    case .authorizationVoided: "the authorization was voided; submit a new request"
    case .authorizationNotYetValid: "the authorization is not valid yet"
    case .authorizationExpired: "the authorization has expired; submit a new request"
    case .observeOnly:
      "this database was restored or copied, or this host does not know it: nothing is changed until somebody confirms it "
        + "with `keyturn incarnation confirm`"
    case .beingContained: "it is being contained; what was wanted goes on after that"
    case .actionNotGranted: "the authorization does not grant this action; submit a request for it"
    case .proposerDecides: "who proposed a policy does not decide on it; somebody else must"
    case .feedReplayed: "the feed's sequence or as-of time is not newer than the last one; a replay does not refresh"
    case .feedManifestMismatch: "the feed is not what its manifest says (rows or SHA-256); deliver both again"
    case .feedMassChange: "the feed would deactivate more people than the breaker allows; two people must release it"
    case .feedCyclicManagers: "the feed's managers form a circle; correct it at the source"
    case .feedDuplicatePerson: "the feed names the same person twice; correct it at the source"
    case .feedDuplicateEmail: "the feed gives two people one e-mail address; correct it at the source"
    case .feedConfusableName:
      "an id looks like another one but is written with other characters; correct it at the source"
    case .releaserCountedAlready: "the same person has released the feed already; a second one is needed"
    case .notRegisteredForBreakGlass:
      "only people with the role break_glass, given beforehand, may open emergency access"
    case .breakGlassLapsed: "emergency access was asked for more than an hour ago; open it again"
    case .samePersonTwice: "two different people are needed"
    case .reviewerTookPart: "who took part does not review; somebody else must"
    case .secretInTicket: "the text holds what looks like a secret; it was not stored, and the secret must be changed"
    case .textTooLong: "the text is longer than what is kept; shorten it"
    case .closedWithoutControl: "the ticket was closed before the result was proven; it is open again"
    }
  }

  /// Whoever meets it waits and tries again; nothing has to be asked for anew.
  package var passes: Bool { self == .observeOnly || self == .beingContained || self == .evidenceNotWritable }

  /// Somebody whom it rests on is away. When they come back it holds again; when they left, what rested on them is void.
  package var isAbsence: Bool {
    switch self {
    case .requesterInactive, .ownerInactive, .backupOwnerInactive, .approverInactive, .delegatorInactive,
      .delegatedApproverInactive, .vendorSponsorInactive:
      true
    default: false
    }
  }
}
