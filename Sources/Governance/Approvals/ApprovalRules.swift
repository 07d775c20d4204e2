/// May this person decide this request? Pure; each rule has its own reason code.
struct ApprovalRules {
  let request: Request
  let approver: Person
  /// What the approver saw.
  let digest: RequestDigest

  var reasons: [ReasonCode] {
    var reasons: [ReasonCode] = []
    if !approver.isActive { reasons.append(.approverInactive) }
    if approver.id == request.requester { reasons.append(.approverIsRequester) }
    if approver.id == request.beneficiary { reasons.append(.approverIsBeneficiary) }
    if digest != request.digest { reasons.append(.digestMismatch) }
    if request.decision == "denied" { reasons.append(.denied) }
    if request.decision == "approved" { reasons.append(.alreadyDecided) }
    return reasons
  }
}
