package import Foundation
package import Postgres

/// A version of a policy document as it was proposed.
package struct PolicyVersion: Sendable, Equatable {
  package let policy: String
  package let version: Int32
  package let digest: RequestDigest
  /// Canonical JSON: what is hashed and approved.
  package let document: PolicyDocument
  /// As it was written.
  package let source: String
  package let proposedBy: PersonID
  package let ticket: String
  package let proposedAt: Date
  /// `proposed`, `active`, `superseded` or `denied`.
  package let state: String
}

/// What activating a version would do.
package struct PolicySimulation: Sendable, Equatable {
  package let comparison: PolicyComparison
  /// Identities under the policy.
  package let identities: Int
  /// Of them, those whose authorization would be void.
  package let voided: [String]
  /// Of them, those that break a rule of the new version, with all reasons.
  package let breaking: [String: [ReasonCode]]
}

extension GovernanceStore {
  /// Records a version; it changes nothing until somebody else approves it. Durable when the transaction commits.
  package func propose(
    _ source: String, by person: String, ticket: String, in transaction: Transaction
  ) async throws -> PolicyVersion {
    let ticket = try FieldRule.text(ticket, field: "ticket", maximum: 200)
    let proposer = try await self.person(person, in: transaction)
    guard proposer.isActive else { throw GovernanceError.refused([.requesterInactive]) }
    let document = try PolicyParser.parse(source).get()
    let bytes = try document.canonicalBytes()
    guard
      let version = try await transaction.queryFirst(
        InsertPolicyVersion(
          policy: document.policy, source: source, document: bytes, proposer: proposer.id, ticket: ticket))
    else { throw GovernanceError.unknown("policy", document.policy) }
    return try await policyVersion(document.policy, version, in: transaction)
  }

  package func policyVersion(
    _ policy: String, _ version: Int32, in runner: some StatementRunner
  ) async throws -> PolicyVersion {
    guard let found = try await runner.queryFirst(FindPolicyVersion(policy: policy, version: version)) else {
      throw GovernanceError.unknown("policy version", "\(policy) \(version)")
    }
    return found
  }

  /// One person's decision on a proposed version. An approval activates it: lifetimes apply from now on, and when it is
  /// stricter than before, everything that was authorized under the policy is void and must be approved again.
  /// Returns how many identities lost an authorization; nil after a denial.
  package func decidePolicy(
    _ policy: String, version number: Int32, approve: Bool, by person: String, sawDigest digest: RequestDigest,
    in transaction: Transaction
  ) async throws -> Int? {
    let version = try await policyVersion(policy, number, in: transaction)
    let person = try await self.person(person, in: transaction)
    var reasons: [ReasonCode] = []
    if !person.isActive { reasons.append(.approverInactive) }
    if person.id == version.proposedBy { reasons.append(.proposerDecides) }
    if digest != version.digest { reasons.append(.digestMismatch) }
    if version.state == "denied" { reasons.append(.denied) }
    if version.state == "active" || version.state == "superseded" { reasons.append(.alreadyDecided) }
    guard reasons.isEmpty else { throw GovernanceError.refused(reasons) }
    if approve { try await transaction.query(LockMassChange()) }
    try await transaction.execute(
      InsertPolicyDecision(version: version, person: person.id, decision: approve ? "approve" : "deny"))
    guard approve else {
      try await transaction.execute(SetPolicyVersionState(policy: policy, version: number, state: "denied"))
      return nil
    }
    return try await activate(version, in: transaction)
  }

  private func activate(_ version: PolicyVersion, in transaction: Transaction) async throws -> Int {
    let old = try await document(of: version.policy, in: transaction)
    try await transaction.execute(SupersedePolicyVersions(policy: version.policy))
    try await transaction.execute(
      SetPolicyVersionState(policy: version.policy, version: version.version, state: "active"))
    let row = version.document.policyRow(id: .make())
    guard
      let id = try await transaction.queryFirst(
        ActivatePolicy(policy: row, version: version.version, document: try version.document.canonicalBytes()))
    else { throw GovernanceError.unknown("policy", version.policy) }
    guard let old else { return 0 }
    let comparison = PolicyComparison(from: old, to: version.document)
    guard comparison.isStricter else { return 0 }
    let identities = try await transaction.query(FindIdentitiesOfPolicy(policy: id))
    return try await change(
      .policyStricter, of: identities,
      words: "policy \(version.policy) version \(version.version) asks for more: "
        + comparison.stricter.joined(separator: ", "), in: transaction
    ).count
  }

  /// The document in force; the defaults with the table's lifetimes for a policy without one; nil when there is no such
  /// policy.
  package func document(of policy: String, in runner: some StatementRunner) async throws -> PolicyDocument? {
    guard let row = try await runner.queryFirst(FindPolicyDocument(policy: policy)) else { return nil }
    return try row.document.map(PolicyDocument.init(canonical:)) ?? PolicyDocument(row.policy)
  }

  /// What activating this text would void or newly require. Writes nothing.
  package func simulate(_ source: String, in transaction: Transaction) async throws -> PolicySimulation {
    let new = try PolicyParser.parse(source).get()
    let old = try await document(of: new.policy, in: transaction)
    let comparison = PolicyComparison(from: old ?? PolicyDocument(policy: new.policy), to: new)
    let live = try await transaction.query(FindAuthorizedIdentities(policy: new.policy))
    var breaking: [String: [ReasonCode]] = [:]
    for row in live {
      guard let request = row.request else { continue }
      var inputs = try await facts(
        of: request, revision: row.revision ?? 1, moment: .recheck, in: transaction
      ).inputs
      if !inputs.request.isBreakGlass { inputs.policy = new }
      let decision = Decision.decide(inputs)
      if decision.outcome == .block { breaking[row.name] = decision.reasons }
    }
    return PolicySimulation(
      comparison: comparison, identities: live.count,
      voided: comparison.isStricter ? live.filter { $0.request != nil }.map(\.name) : [], breaking: breaking)
  }
}
