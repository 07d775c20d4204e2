import Foundation

/// May it happen? One pure function of the facts: the same inputs give the same answer, with every reason.
package struct Decision: Sendable, Equatable {
  package enum Outcome: String, Sendable, Codable {
    case allow
    /// Not now; it goes on by itself when data or a system comes back.
    case wait
    case block
  }

  package let outcome: Outcome
  /// All of them, each once, in the order in which they were found.
  package let reasons: [ReasonCode]
  /// Approvals by stage; nil where none is asked for.
  package let path: ApprovalPath?
  /// Those of `reasons` that are about approvals.
  package let approvalReasons: [ReasonCode]

  package static func decide(_ inputs: DecisionInputs) -> Decision {
    var judge = Judge(inputs: inputs)
    return judge.decision()
  }
}

private struct Judge {
  let inputs: DecisionInputs
  private let actionClass: ActionClass
  private var reasons: [ReasonCode] = []

  init(inputs: DecisionInputs) {
    self.inputs = inputs
    actionClass = ActionClass(inputs.request.actions)
    reasons.reserveCapacity(8)
  }

  mutating func decision() -> Decision {
    checkRequest()
    checkMandatoryFields()
    checkTicket()
    if actionClass != .reduce {
      checkIdentity()
      checkRights()
      checkVendor()
    }
    checkSources()
    // What reduces is granted; of it, the permit holds back what deletes.
    if !inputs.evidenceIsWritable && actionClass != .reduce { add(.evidenceNotWritable) }
    let before = reasons.count
    let path = checkApprovals()
    return Decision(outcome: outcome, reasons: reasons, path: path, approvalReasons: Array(reasons[before...]))
  }

  private var outcome: Decision.Outcome {
    if reasons.contains(where: { $0.severity == .block }) { return .block }
    return reasons.contains { $0.severity == .wait } ? .wait : .allow
  }

  private mutating func add(_ reason: ReasonCode) {
    if !reasons.contains(reason) { reasons.append(reason) }
  }

  private func isActive(_ id: UUID) -> Bool { inputs.person(id)?.state == .active }

  // MARK: The request

  private mutating func checkRequest() {
    let request = inputs.request
    if let requester = request.requester, !isActive(requester) {
      // Once approved, a reduction goes on without who asked for it.
      if actionClass != .reduce || inputs.moment == .admission { add(.requesterInactive) }
    }
    if request.isWithdrawn { add(.requestWithdrawn) }
    if request.revision < request.newestRevision { add(.requestAmended) }
    if let approver = request.delegatedApprover, !isActive(approver) { add(.delegatedApproverInactive) }
  }

  private mutating func checkMandatoryFields() {
    let request = inputs.request
    // What policy opens by itself has nobody to fill them in.
    guard request.requester != nil else { return }
    for action in request.actions {
      for field in inputs.policy.approvals.requiredFields[action.rawValue] ?? [] {
        switch field {
        case "owning_system" where request.owningSystem == nil: add(.missingOwningSystem)
        case "delegated_approver" where request.delegatedApprover == nil: add(.missingDelegatedApprover)
        case "beneficiary" where request.beneficiary == nil: add(.missingBeneficiary)
        default: break
        }
      }
    }
  }

  private mutating func checkTicket() {
    switch inputs.request.ticket {
    case .open: break
    case .closed: if actionClass != .reduce { add(.ticketNotOpen) }
    case .mismatched: add(.ticketDigestMismatch)
    // An outage of the helpdesk stops granting, never removing.
    case .unreadable: if actionClass != .reduce { add(.ticketUnreadable) }
    }
  }

  // MARK: The identity

  private mutating func checkIdentity() {
    let identity = inputs.identity
    let policy = inputs.policy
    if !isActive(identity.owner) { add(.ownerInactive) }
    if !isActive(identity.backupOwner) { add(.backupOwnerInactive) }
    let times = policy.lifetimes
    let latestStart = identity.expiresAt.adding(seconds: -(times.retryReserve + times.overlap + times.settle))
    if identity.expiresAt <= inputs.now {
      add(.identityExpired)
    } else if inputs.moment == .admission && latestStart <= inputs.now {
      add(.latestStartPassed)
    }
    if inputs.moment == .admission, let maximum = times.identityMaximum,
      identity.expiresAt > inputs.now.adding(seconds: maximum)
    {
      add(.identityLivesTooLong)
    }
    if let maximum = policy.attestationMaximumAge, identity.attestedAt.adding(seconds: maximum) <= inputs.now {
      add(.attestationTooOld)
    }
  }

  private mutating func checkRights() {
    let identity = inputs.identity
    let beyond = inputs.policy.rightsBeyond(
      target: identity.targetName, environment: identity.environment, purpose: identity.purpose,
      rights: identity.rights)
    if !beyond.isEmpty { add(.rightsExceedPolicy) }
    if !identity.toxicPairs.isEmpty { add(.toxicRights) }
  }

  private mutating func checkVendor() {
    guard let vendor = inputs.vendor else { return }
    if inputs.now < vendor.contractFrom || inputs.now >= vendor.contractUntil { add(.vendorContractNotCurrent) }
    if inputs.now >= vendor.reviewValidUntil { add(.vendorReviewLapsed) }
    if vendor.hasIncident { add(.vendorIncident) }
    if !vendor.allowedTargets.contains(inputs.identity.target) { add(.vendorTargetNotAllowed) }
    if inputs.identity.rights.contains(where: { !vendor.scopes.contains($0) }) { add(.vendorScopeNotAllowed) }
    if !isActive(vendor.sponsor) { add(.vendorSponsorInactive) }
  }

  // MARK: Sources

  private mutating func checkSources() {
    var concerned = [inputs.identity.owner]
    if let requester = inputs.request.requester, actionClass == .expand { concerned.append(requester) }
    concerned += inputs.approvals.compactMap(\.approver)
    for id in concerned {
      switch inputs.person(id)?.source {
      case .stale: add(actionClass == .reduce ? .degradedIdentity : .identitySourceStale)
      case .quarantined: add(actionClass == .reduce ? .degradedIdentity : .identitySourceQuarantined)
      case .fresh, nil: break
      }
    }
  }

  // MARK: Approvals

  private mutating func checkApprovals() -> ApprovalPath? {
    if inputs.moment == .admission { return nil }
    // What policy opens by itself reduces, and is reviewed after.
    if inputs.request.requester == nil && actionClass == .reduce { return nil }
    let path = ApprovalPath(inputs)
    if path.isDenied { add(.denied) }
    if !path.isComplete {
      add(.approvalMissing)
      for approval in inputs.approvals {
        for reason in path.refused[approval.id] ?? [] { add(reason) }
      }
      if !path.hasEligible(inputs) { add(.noEligibleApprover) }
    }
    return path
  }
}
