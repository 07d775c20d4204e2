package import Foundation

/// Whom a granted request rests on: of all that `Decision` looked at, the people who may be away at any moment without
/// anything being void. Every permit asks for them again. Owners and a vendor's sponsor are not among them: they are the
/// identity's, and may be others by then. Pure.
package struct Standing: Sendable, Equatable {
  /// Must be active. In the order of their ids, each once.
  package let people: [UUID]
  /// Those of `people` whose source must be fresh and not in quarantine.
  package let knownPeople: [UUID]

  package static let nobody = Standing(people: [], knownPeople: [])

  private init(people: [UUID], knownPeople: [UUID]) {
    self.people = people
    self.knownPeople = knownPeople
  }

  package init(_ inputs: DecisionInputs, _ path: ApprovalPath) {
    let request = inputs.request
    let counted = Set(path.steps.flatMap(\.counted))
    let approvals = inputs.approvals.filter { counted.contains($0.id) }
    let asked = ActionClass(request.actions) == .expand ? request.requester : nil
    knownPeople = Self.sorted(approvals.map(\.approver) + [asked])
    let approvers = approvals.flatMap { approval -> [UUID?] in [approval.approver, approval.actingFor] }
    people = Self.sorted(approvers + [request.requester, request.delegatedApprover])
  }

  private static func sorted(_ people: [UUID?]) -> [UUID] {
    Set(people.compactMap { $0 }).sorted { $0.uuidString < $1.uuidString }
  }
}
