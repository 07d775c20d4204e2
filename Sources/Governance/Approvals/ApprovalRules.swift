package import Foundation

/// Does one approval count? Pure; each rule has its own reason code, and all that speak against it are returned.
package struct ApprovalRules {
  let inputs: DecisionInputs
  let approval: ApprovalFacts

  package init(inputs: DecisionInputs, approval: ApprovalFacts) {
    self.inputs = inputs
    self.approval = approval
  }

  /// Whose authority it is.
  var principal: UUID? { approval.actingFor ?? approval.approver }

  /// The order is that of the list below.
  package var reasons: [ReasonCode] {
    var reasons: [ReasonCode] = []
    checkChange(&reasons)
    checkPeople(&reasons)
    checkSeparation(&reasons)
    checkDelegation(&reasons)
    checkRole(&reasons)
    checkDecision(&reasons)
    checkLaterChanges(&reasons)
    return reasons
  }

  /// It is for this digest and the newest revision.
  private func checkChange(_ reasons: inout [ReasonCode]) {
    if approval.revision < inputs.request.newestRevision || inputs.request.revision < inputs.request.newestRevision {
      reasons.append(.olderRevision)
    }
    if approval.digest != inputs.request.digest { reasons.append(.digestMismatch) }
  }

  /// One known person, active when deciding and now; the same for who is acted for.
  private func checkPeople(_ reasons: inout [ReasonCode]) {
    guard let id = approval.approver, let approver = inputs.person(id) else {
      reasons.append(.approverUnknown)
      return
    }
    if approver.state != .active {
      reasons.append(.approverInactive)
    } else if inputs.moment == .approval && approver.stateSince > approval.decidedAt {
      // Later an absence that is over changes nothing: the permit paused meanwhile.
      reasons.append(.approverWasInactive)
    }
    if let delegator = approval.actingFor, inputs.person(delegator)?.state != .active {
      reasons.append(.delegatorInactive)
    }
  }

  /// Nobody approves what they asked for, gain from or carry out, by themselves or through a delegate.
  private func checkSeparation(_ reasons: inout [ReasonCode]) {
    let request = inputs.request
    if let approver = approval.approver {
      if approver == request.requester { reasons.append(.approverIsRequester) }
      if approver == request.beneficiary { reasons.append(.approverIsBeneficiary) }
      if approver == request.operatorID { reasons.append(.approverIsOperator) }
    }
    if let delegator = approval.actingFor {
      if delegator == request.requester { reasons.append(.delegatorIsRequester) }
      if delegator == request.beneficiary { reasons.append(.delegatorIsBeneficiary) }
      if delegator == request.operatorID { reasons.append(.delegatorIsOperator) }
    }
  }

  /// Registered before use, valid when deciding and now, in scope, one step deep.
  private func checkDelegation(_ reasons: inout [ReasonCode]) {
    guard let delegator = approval.actingFor else { return }
    let found = inputs.delegations.first {
      $0.id == approval.delegation && $0.delegator == delegator && $0.delegate == approval.approver
    }
    guard let delegation = found else {
      reasons.append(.delegationUnknown)
      return
    }
    if delegation.registeredAt > approval.decidedAt { reasons.append(.delegationBackDated) }
    if approval.decidedAt < delegation.validFrom || approval.decidedAt >= delegation.validUntil {
      reasons.append(.delegationNotValidWhenDeciding)
    }
    if inputs.now >= delegation.validUntil { reasons.append(.delegationEnded) }
    let isForRole = delegation.role == nil || delegation.role == stage?.role
    let isForTarget = delegation.target == nil || delegation.target == inputs.identity.target
    if !isForRole || !isForTarget { reasons.append(.delegationOutOfScope) }
    if delegation.isChained { reasons.append(.delegationChained) }
  }

  private var stage: PolicyDocument.Stage? {
    let stages = inputs.policy.approvals.stages
    return stages.indices.contains(approval.stage) ? stages[approval.stage] : nil
  }

  /// The role of the stage, held when deciding and now.
  private func checkRole(_ reasons: inout [ReasonCode]) {
    guard let stage else {
      reasons.append(.stageUnknown)
      return
    }
    guard let principal, let person = inputs.person(principal) else { return }
    let roles = RoleHolders(inputs: inputs)
    if !roles.holdsNow(stage.role, person) { reasons.append(.roleNotHeldNow) }
    let held =
      PolicyDocument.Stage.relations.contains(stage.role)
      ? stage.role == "any" || approval.relations.contains(stage.role)
      : person.holds(stage.role, on: inputs.identity.target, at: approval.decidedAt)
    if !held { reasons.append(.roleNotHeldWhenDeciding) }
  }

  /// Strong enough, not too old, after the submission, by a human, not withdrawn, used once.
  private func checkDecision(_ reasons: inout [ReasonCode]) {
    if approval.strength < inputs.policy.strength(for: inputs.identity.tier) { reasons.append(.strengthTooWeak) }
    if approval.decidedAt > inputs.now {
      reasons.append(.approvalInFuture)
    } else if let maximum = inputs.policy.approvals.maximumAge,
      approval.decidedAt.adding(seconds: maximum) <= inputs.now
    {
      reasons.append(.approvalTooOld)
    }
    if approval.decidedAt < inputs.request.submittedAt { reasons.append(.approvalBeforeSubmission) }
    if !approval.isHuman { reasons.append(.notAHumanDecision) }
    if approval.isWithdrawn { reasons.append(.approvalWithdrawn) }
    if approval.isReused { reasons.append(.approvalReused) }
  }

  private func checkLaterChanges(_ reasons: inout [ReasonCode]) {
    // What reduces access is approved as it is: facts about the rest do not change what goes away.
    if ActionClass(inputs.request.actions) == .reduce { return }
    for change in inputs.changes
    where change.at >= approval.decidedAt && inputs.policy.triggers.contains(change.trigger) {
      if !reasons.contains(change.trigger.reason) { reasons.append(change.trigger.reason) }
    }
  }
}

/// Who is what to the identity, now. Pure.
package struct RoleHolders {
  let inputs: DecisionInputs

  package init(inputs: DecisionInputs) { self.inputs = inputs }

  package func holdsNow(_ role: String, _ person: PersonFacts) -> Bool {
    switch role {
    case "any": true
    case "owner": person.id == inputs.identity.owner
    case "backup_owner": person.id == inputs.identity.backupOwner
    case "target_owner": person.id == inputs.identity.targetOwner
    case "manager": inputs.request.requester.flatMap(inputs.person)?.manager == person.id
    case "sponsor": person.id == inputs.vendor?.sponsor
    case "delegated_approver": person.id == inputs.request.delegatedApprover
    default: person.holds(role, on: inputs.identity.target, at: inputs.now)
    }
  }

  /// What the person is now, of the relations that a stage may ask for; sorted. Stored with the approval.
  package func relations(of person: UUID) -> [String] {
    guard let facts = inputs.person(person) else { return [] }
    return PolicyDocument.Stage.relations.filter { $0 != "any" && holdsNow($0, facts) }.sorted()
  }
}
