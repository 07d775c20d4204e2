package import Foundation
package import Postgres

extension GovernanceStore {
  /// Everything that `Decision` needs to know of a request, locked until the transaction ends. `now` is later than every lock.
  package func facts(
    of request: RequestID, revision: Int32, moment: DecisionInputs.Moment, about others: [UUID] = [],
    in transaction: Transaction
  ) async throws -> (inputs: DecisionInputs, identity: IdentityID) {
    guard let head = try await transaction.queryFirst(LockRequestFacts(request: request, revision: revision)) else {
      throw GovernanceError.unknown("request", request.description)
    }
    let vendor: VendorFacts?
    if let id = head.vendor {
      vendor = try await transaction.queryFirst(LockVendorFacts(vendor: id))
    } else {
      vendor = nil
    }
    let approvals = try await transaction.query(FindApprovalFacts(request: request))
    let delegates = Array(Set(approvals.compactMap(\.approver) + others)).sorted { $0.uuidString < $1.uuidString }
    let delegations = delegates.isEmpty ? [] : try await transaction.query(FindDelegationFacts(delegates: delegates))
    var policy = head.policy
    if head.request.isBreakGlass { policy.approvals = .breakGlass }
    let named = Self.named(head, vendor, approvals, delegations, others)
    try await transaction.query(LockPeople(people: named))
    let roles = policy.approvals.stages.map(\.role)
    var people = try await transaction.query(
      FindPeopleFacts(
        people: named, roles: roles.filter { !PolicyDocument.Stage.relations.contains($0) },
        includesAnybody: roles.contains("any")))
    // The requester's manager may be nobody of those named.
    let managers = people.filter { $0.id == head.request.requester }.compactMap(\.manager)
      .filter { manager in !people.contains { $0.id == manager } }
    if !managers.isEmpty {
      try await transaction.query(LockPeople(people: managers))
      people += try await transaction.query(FindPeopleFacts(people: managers, roles: [], includesAnybody: false))
    }
    for (person, role) in try await transaction.query(FindRoleFacts(people: people.map(\.id))) {
      if let index = people.firstIndex(where: { $0.id == person }) { people[index].roles.append(role) }
    }
    var identity = head.identity
    identity.toxicPairs = try await transaction.query(FindToxicPairs(target: identity.target, rights: identity.rights))
    let changes = try await transaction.query(FindChangeFacts(identity: head.identityID)).compactMap { $0 }
    guard let now = try await transaction.queryFirst(ReadClock()) else {
      throw GovernanceError.unknown("clock", "database")
    }
    let inputs = DecisionInputs(
      moment: moment, now: FactTime(now), request: head.request, identity: identity, policy: policy,
      people: people.sorted { $0.id.uuidString < $1.id.uuidString }, approvals: approvals, delegations: delegations,
      vendor: vendor, changes: changes, evidenceIsWritable: head.evidenceIsWritable)
    return (inputs, head.identityID)
  }

  private static func named(
    _ head: LockRequestFacts.Row, _ vendor: VendorFacts?, _ approvals: [ApprovalFacts],
    _ delegations: [DelegationFacts], _ others: [UUID]
  ) -> [UUID] {
    var named = Set(others)
    named.insert(head.identity.owner)
    named.insert(head.identity.backupOwner)
    let request = head.request
    let possible = [
      head.identity.targetOwner, request.requester, request.beneficiary, request.operatorID, request.delegatedApprover,
      vendor?.sponsor,
    ]
    named.formUnion(possible.compactMap { $0 })
    named.formUnion(approvals.flatMap { [$0.approver, $0.actingFor].compactMap { $0 } })
    named.formUnion(delegations.map(\.delegator))
    return named.sorted { $0.uuidString < $1.uuidString }
  }

  /// Durable when the transaction commits. Returns the record's id.
  @discardableResult
  package func record(
    _ decision: Decision, _ inputs: DecisionInputs, of request: RequestID, in transaction: Transaction
  ) async throws -> UUID {
    let id = UUID.ordered()
    try await transaction.execute(
      InsertDecision(id: id, request: request, inputs: inputs, bytes: try inputs.canonicalBytes(), decision: decision))
    return id
  }

  /// Decides every stored decision again from its stored inputs.
  package func replay(in runner: some StatementRunner) async throws -> ReplayReport {
    var report = ReplayReport()
    var last = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    while true {
      let rows = try await runner.query(FindDecisions(after: last))
      guard let final = rows.last else { return report }
      for row in rows { report.add(row.id, try Self.isSame(row)) }
      last = final.id
    }
  }

  /// Decides again for every permit that is not for a removal: the facts of the decision that granted its authorization, at
  /// the moment of the permit, must allow it.
  package func replayPermits(in runner: some StatementRunner) async throws -> ReplayReport {
    var report = ReplayReport()
    var last = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    var known: (decision: UUID, inputs: DecisionInputs)?
    while true {
      let rows = try await runner.query(FindPermitDecisions(after: last))
      guard let final = rows.last else { return report }
      for row in rows {
        var inputs: DecisionInputs
        if let known, known.decision == row.decision {
          inputs = known.inputs
        } else {
          inputs = try DecisionInputs(canonical: row.inputs)
          known = (row.decision, inputs)
        }
        inputs.moment = .permit
        inputs.now = FactTime(row.grantedAt)
        report.add(row.id, Decision.decide(inputs).outcome == .allow)
      }
      last = final.id
    }
  }

  private static func isSame(_ row: FindDecisions.Row) throws -> Bool {
    let inputs = try DecisionInputs(canonical: row.inputs)
    let again = Decision.decide(inputs)
    let bytes = try inputs.canonicalBytes()
    return again.outcome.rawValue == row.outcome && again.reasons.map(\.rawValue) == row.reasons && bytes == row.inputs
  }
}

extension PolicyDocument.Approvals {
  /// Two pre-registered people: one opens, another one confirms.
  static let breakGlass = PolicyDocument.Approvals(
    stages: [PolicyDocument.Stage(name: "break_glass", role: BreakGlass.role, quorum: 1)])
}

package struct ReplayReport: Sendable, Equatable {
  package private(set) var decisions = 0
  /// Decided differently than they were.
  package private(set) var different: [UUID] = []

  mutating func add(_ id: UUID, _ isSame: Bool) {
    decisions += 1
    if !isSame { different.append(id) }
  }
}
