package import Foundation

/// The stages in order, with the approvals that count for each. Pure.
package struct ApprovalPath: Sendable, Equatable {
  package struct Step: Sendable, Equatable {
    package let stage: PolicyDocument.Stage
    /// Approvals that count.
    package fileprivate(set) var counted: [UUID] = []
    /// When the quorum was reached.
    package fileprivate(set) var completedAt: FactTime?

    package var isComplete: Bool { counted.count >= stage.quorum }
    package var missing: Int { max(0, stage.quorum - counted.count) }
  }

  package private(set) var steps: [Step]
  /// Why an approval does not count; those that count are missing.
  package private(set) var refused: [UUID: [ReasonCode]] = [:]
  /// Denied by somebody who may decide.
  package private(set) var isDenied = false

  package var isComplete: Bool { steps.allSatisfy(\.isComplete) }
  package var current: Int? { steps.firstIndex { !$0.isComplete } }

  package init(_ inputs: DecisionInputs) {
    steps = inputs.policy.approvals.stages.map { Step(stage: $0) }
    var humans: Set<UUID> = []
    let ordered = inputs.approvals.sorted { left, right in
      if left.stage != right.stage { return left.stage < right.stage }
      if left.decidedAt != right.decidedAt { return left.decidedAt < right.decidedAt }
      return left.id.uuidString < right.id.uuidString
    }
    for approval in ordered {
      var reasons = ApprovalRules(inputs: inputs, approval: approval).reasons
      if approval.verdict == .deny {
        // A denial needs no role or strength, only a human who decided on this: saying no is always safe.
        if Self.denies(approval, inputs) { isDenied = true }
        continue
      }
      if approval.stage > 0, steps.indices.contains(approval.stage) {
        let before = steps[approval.stage - 1]
        if !before.isComplete || approval.decidedAt < (before.completedAt ?? .never) {
          reasons.append(.stageOutOfOrder)
        }
      }
      let involved = [approval.approver, approval.actingFor].compactMap { $0 }
      if involved.contains(where: humans.contains) { reasons.append(.personCountedAlready) }
      guard reasons.isEmpty else {
        refused[approval.id] = reasons
        continue
      }
      humans.formUnion(involved)
      steps[approval.stage].counted.append(approval.id)
      if steps[approval.stage].counted.count == steps[approval.stage].stage.quorum {
        steps[approval.stage].completedAt = approval.decidedAt
      }
    }
  }

  private static func denies(_ approval: ApprovalFacts, _ inputs: DecisionInputs) -> Bool {
    guard let approver = approval.approver, inputs.person(approver) != nil else { return false }
    return approval.isHuman && !approval.isWithdrawn && approval.revision == inputs.request.newestRevision
      && approval.digest == inputs.request.digest
  }

  /// Whether enough people are left who could complete the stage that waits.
  func hasEligible(_ inputs: DecisionInputs) -> Bool {
    guard let current else { return true }
    let step = steps[current]
    let holders = RoleHolders(inputs: inputs)
    let request = inputs.request
    let excluded = [request.requester, request.beneficiary, request.operatorID].compactMap { $0 }
    let used = Set(
      inputs.approvals.filter { refused[$0.id] == nil && $0.verdict == .approve }
        .flatMap { [$0.approver, $0.actingFor].compactMap { $0 } })
    let eligible = inputs.people.filter {
      $0.state == .active && !excluded.contains($0.id) && !used.contains($0.id)
        && holders.holdsNow(step.stage.role, $0)
    }
    return eligible.count >= step.missing
  }
}
