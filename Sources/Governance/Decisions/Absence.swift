import Foundation

extension Decision {
  /// Whether people who are away, and have not left, are all that speaks against it: that pauses and does not end. Pure.
  func isOnlyAbsence(_ inputs: DecisionInputs) -> Bool {
    let against = reasons.filter { $0.severity == .block && $0 != .approvalMissing && $0 != .noEligibleApprover }
    guard !against.isEmpty, against.allSatisfy(\.isAbsence) else { return false }
    let request = inputs.request
    let approvers = inputs.approvals.flatMap { approval -> [UUID?] in [approval.approver, approval.actingFor] }
    let named: [UUID?] = [
      inputs.identity.owner, inputs.identity.backupOwner, request.requester, request.delegatedApprover,
      inputs.vendor?.sponsor,
    ]
    return !(named + approvers).compactMap { $0 }.contains { inputs.person($0)?.state == .terminated }
  }
}
