package import Foundation
package import Postgres

extension GovernanceStore {
  /// Records the exact change with its digest. Durable when the caller's transaction commits; grants nothing yet.
  ///
  /// Refused with every reason that could not go away by an approval; what only has to wait is accepted.
  package func submit(
    _ actions: [GovernedAction], for identity: NonHumanIdentity, requester: String, beneficiary: String?,
    ticket: String, details: RequestDetails = RequestDetails(),
    now: Date, in transaction: Transaction
  ) async throws -> Request {
    try await submit(
      revision: 1, of: .make(), actions, for: identity, requester: requester, beneficiary: beneficiary, ticket: ticket,
      details: details, in: transaction)
  }

  /// As above, for fewer rights than the identity has: a rotation and no more. The rights in the digest are the ones that are
  /// kept. Refused as `.invalidField` unless they are some of the identity's, but not all.
  package func submitNarrowing(
    of identity: NonHumanIdentity, to rights: [String], requester: String, ticket: String,
    details: RequestDetails = RequestDetails(), in transaction: Transaction
  ) async throws -> Request {
    let (kept, all) = (Set(rights), Set(identity.rights))
    guard kept.isStrictSubset(of: all) else {
      throw FieldRule.invalid(
        "rights", "some of those that are approved now, but not all: more rights need a request to issue")
    }
    return try await submit(
      revision: 1, of: .make(), [.rotate], for: identity, rights: identity.rights.filter(kept.contains),
      requester: requester, beneficiary: nil, ticket: ticket, details: details, in: transaction)
  }

  /// A new revision of a request, by whoever asked first. Older approvals count no more; what they granted is void.
  package func amend(
    _ id: RequestID, actions: [GovernedAction], by requester: String, details: RequestDetails = RequestDetails(),
    in transaction: Transaction
  ) async throws -> Request {
    let old = try await request(id, in: transaction)
    let person = try await person(requester, in: transaction)
    guard person.id == old.requester else { throw GovernanceError.refused([.requesterInactive]) }
    let identity = try await identity(old.identity, in: transaction)
    let beneficiary = try await old.beneficiary.asyncMap { try await self.person($0, in: transaction).externalID }
    let new = try await submit(
      revision: old.revision + 1, of: id, actions, for: identity,
      rights: actions == [.rotate] && old.actions == actions ? try old.rights : nil, requester: requester,
      beneficiary: beneficiary, ticket: old.ticket, details: details, in: transaction)
    if old.decision == "approved" {
      _ = try await change(
        .requestAmended, of: [identity.id], words: "request \(id) was amended to revision \(new.revision)",
        in: transaction)
    }
    return new
  }

  private func submit(
    revision: Int32, of id: RequestID, _ actions: [GovernedAction], for identity: NonHumanIdentity,
    rights: [String]? = nil, requester: String,
    beneficiary: String?, ticket: String, details: RequestDetails, in transaction: Transaction
  ) async throws -> Request {
    let ticket = try FieldRule.text(ticket, field: "ticket", maximum: 200)
    try TicketText.check(ticket, field: "ticket")
    guard !actions.isEmpty else { throw FieldRule.invalid("actions", "issue, rotate or revoke") }
    if let system = details.owningSystem { _ = try FieldRule.text(system, field: "owning_system", maximum: 200) }
    let requester = try await person(requester, in: transaction)
    let beneficiary = try await beneficiary.asyncMap { try await person($0, in: transaction) } ?? requester
    let delegated = try await details.delegatedApprover.asyncMap { try await person($0, in: transaction) }
    let target = try await target(identity.target, in: transaction)
    let core = RequestCore(
      identity: identity, targetName: target.name, actions: actions, requester: requester.externalID,
      beneficiary: beneficiary.externalID, ticket: ticket, revision: Int(revision), rights: rights, details: details)
    let bytes = try core.canonicalBytes()
    let inserted = try await transaction.execute(
      InsertRequest(
        id: id, revision: revision, origin: "person", identity: identity.id, actions: actions,
        requester: requester.id, beneficiary: beneficiary.id, ticket: ticket, core: bytes,
        digest: RequestDigest(of: bytes), isBreakGlass: details.isBreakGlass, owningSystem: details.owningSystem,
        delegatedApprover: delegated?.id))
    guard inserted == 1 else { throw GovernanceError.refused([.requestAmended]) }
    let facts = try await facts(of: id, revision: revision, moment: .admission, in: transaction)
    let decision = Decision.decide(facts.inputs)
    guard decision.outcome != .block else {
      throw GovernanceError.refused(decision.reasons.filter { $0.severity == .block })
    }
    try await record(decision, facts.inputs, of: id, in: transaction)
    return try await request(id, in: transaction)
  }

  /// A revocation that policy opens by itself, because the identity or its secret has expired. Authorized at once: what
  /// reduces needs no approval when policy asks for it.
  package func openPolicyRevocation(
    of identity: NonHumanIdentity, cause: String, in transaction: Transaction
  ) async throws -> Authorization {
    let target = try await target(identity.target, in: transaction)
    let ticket = "policy:\(cause)"
    let core = RequestCore(
      identity: identity, targetName: target.name, actions: [.revoke], requester: "policy", beneficiary: "policy",
      ticket: ticket, revision: 1)
    let bytes = try core.canonicalBytes()
    let id = RequestID.make()
    let digest = RequestDigest(of: bytes)
    try await transaction.execute(
      InsertRequest(
        id: id, revision: 1, origin: "policy", identity: identity.id, actions: [.revoke], requester: nil,
        beneficiary: nil, ticket: ticket, core: bytes, digest: digest))
    return try await grant(
      request: id, revision: 1, digest: digest, approval: nil, identity: identity.id, actions: [.revoke],
      validUntil: .distantFuture, decision: nil, standing: .nobody, in: transaction)
  }

  package func request(_ id: RequestID, in runner: some StatementRunner) async throws -> Request {
    guard let request = try await runner.queryFirst(FindRequest(id: id)) else {
      throw GovernanceError.unknown("request", id.description)
    }
    return request
  }

  /// Newest first, at most 500.
  package func requests(in runner: some StatementRunner) async throws -> [Request] {
    try await runner.query(ListRequests())
  }

  /// Takes a request back. What it granted is void; a reduction that began goes on.
  package func withdraw(
    _ id: RequestID, by person: String, reason: String, in transaction: Transaction
  ) async throws {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 500)
    let request = try await request(id, in: transaction)
    let person = try await self.person(person, in: transaction)
    let inserted = try await transaction.execute(
      InsertRequestWithdrawal(request: id, person: person.id, reason: reason))
    guard inserted == 1 else { throw GovernanceError.refused([.requestWithdrawn]) }
    _ = try await void(
      [Voiding(identity: request.identity, code: ReasonCode.requestWithdrawn.rawValue, words: reason)],
      onlyOf: id, in: transaction)
  }

  /// What an approver answers to; nil for requests without any approval yet.
  package func approvalPath(of id: RequestID, in transaction: Transaction) async throws -> Decision {
    let request = try await request(id, in: transaction)
    return Decision.decide(
      try await facts(of: id, revision: request.revision, moment: .approval, in: transaction).inputs)
  }

  /// Records one person's decision on what they saw. Returns the authorization that an approval grants; nil after a denial,
  /// and while more people must approve.
  package func decide(
    _ id: RequestID, approve: Bool, by approver: String, sawDigest digest: RequestDigest, in transaction: Transaction
  ) async throws -> Authorization? {
    try await decide(
      id, ApprovalInput(verdict: approve ? .approve : .deny, approver: approver, digest: digest), in: transaction
    ).authorization
  }

  /// As above, with all that a decision may carry.
  ///
  /// The facts are locked until the transaction ends, and the unique rules `approval_person_once` and
  /// `authorization_request_once` hold, so a request grants once, however many approve at the same moment.
  package func decide(
    _ id: RequestID, _ input: ApprovalInput, in transaction: Transaction
  ) async throws -> ApprovalResult {
    guard try await !request(id, in: transaction).isBreakGlass || input.verdict == .deny else {
      throw GovernanceError(
        code: .invalidField, message: "emergency access is confirmed with `keyturn break-glass confirm`")
    }
    return try await decide(id, input, validAtMost: .distantFuture, in: transaction)
  }

  func decide(
    _ id: RequestID, _ input: ApprovalInput, validAtMost: Date, in transaction: Transaction
  ) async throws -> ApprovalResult {
    let request = try await request(id, in: transaction)
    let approver = try await person(input.approver, in: transaction)
    let delegator = try await input.actingFor.asyncMap { try await person($0, in: transaction) }
    if request.decision == "denied" { throw GovernanceError.refused([.denied]) }
    if request.decision == "approved" { throw GovernanceError.refused([.alreadyDecided]) }
    var (inputs, identity) = try await facts(
      of: id, revision: request.revision, moment: .approval, about: [approver.id.rawValue], in: transaction)
    let candidate = candidate(input, approver, delegator, inputs)
    if let signature = input.signature,
      signature.person != approver.id || signature.digest != input.digest || signature.purpose != .approval
    {
      throw GovernanceError.refused([.signatureInvalid])
    }
    if input.verdict == .deny {
      try refuse(approver.isActive ? [] : [.approverInactive], candidate, inputs)
      try await insert(candidate, input, of: request, in: transaction)
      inputs.approvals.append(candidate)
      try await record(Decision.decide(inputs), inputs, of: id, in: transaction)
      try await settleTicket(of: id, as: "denied", in: transaction)
      return .denied
    }
    inputs.approvals.append(candidate)
    let decision = Decision.decide(inputs)
    if let reasons = decision.path?.refused[candidate.id] { throw GovernanceError.refused(reasons) }
    let standing = decision.reasons.filter { !decision.approvalReasons.contains($0) && $0.severity != .note }
    guard standing.isEmpty else { throw GovernanceError.refused(standing) }
    try await insert(candidate, input, of: request, in: transaction)
    let record = try await record(decision, inputs, of: id, in: transaction)
    guard decision.outcome == .allow, let path = decision.path else {
      let step = decision.path.flatMap { path in path.current.map { path.steps[$0] } }
      return .waiting(stage: step?.stage.name ?? "", missing: step?.missing ?? 0)
    }
    return .granted(
      try await grant(
        request: id, revision: request.revision, digest: request.digest, approval: candidate.id, identity: identity,
        actions: request.actions, validUntil: min(validAtMost, validUntil(request, path, inputs)), decision: record,
        standing: Standing(inputs, path), in: transaction))
  }

  private func candidate(
    _ input: ApprovalInput, _ approver: Person, _ delegator: Person?, _ inputs: DecisionInputs
  ) -> ApprovalFacts {
    let path = ApprovalPath(inputs)
    let stage = path.current ?? 0
    let role =
      inputs.policy.approvals.stages.indices.contains(stage) ? inputs.policy.approvals.stages[stage].role : "any"
    // Of several delegations the one that serves best: in force, for this role and target; otherwise the newest.
    let delegations = inputs.delegations.filter {
      $0.delegator == delegator?.id.rawValue && $0.delegate == approver.id.rawValue
    }
    let fitting = delegations.last {
      $0.validFrom <= inputs.now && inputs.now < $0.validUntil && ($0.role == nil || $0.role == role)
        && ($0.target == nil || $0.target == inputs.identity.target)
    }
    return ApprovalFacts(
      id: UUID(), approver: approver.id.rawValue, actingFor: delegator?.id.rawValue,
      delegation: delegator == nil ? nil : (fitting ?? delegations.last)?.id,
      verdict: input.verdict == .approve ? .approve : .deny, stage: stage, revision: inputs.request.revision,
      digest: "\(input.digest)", strength: input.strength, decidedAt: decidedAt(input, path, stage, inputs),
      isHuman: input.isHuman,
      relations: RoleHolders(inputs: inputs).relations(of: (delegator ?? approver).id.rawValue))
  }

  /// When the person decided. A helpdesk tells it itself, often in whole seconds: what it must come after and came within
  /// that second is not held against it.
  private func decidedAt(
    _ input: ApprovalInput, _ path: ApprovalPath, _ stage: Int, _ inputs: DecisionInputs
  ) -> FactTime {
    guard let told = input.decidedAt.map({ FactTime($0) }) else { return inputs.now }
    let before = stage > 0 && path.steps.indices.contains(stage - 1) ? path.steps[stage - 1].completedAt : nil
    let earliest = max(inputs.request.submittedAt, before ?? .always)
    return min(told < earliest && told.adding(seconds: 1) >= earliest ? earliest : told, inputs.now)
  }

  private func refuse(_ reasons: [ReasonCode], _ candidate: ApprovalFacts, _ inputs: DecisionInputs) throws {
    var reasons = reasons
    if candidate.digest != inputs.request.digest { reasons.append(.digestMismatch) }
    if !candidate.isHuman { reasons.append(.notAHumanDecision) }
    guard reasons.isEmpty else { throw GovernanceError.refused(reasons) }
  }

  private func insert(
    _ approval: ApprovalFacts, _ input: ApprovalInput, of request: Request, in transaction: Transaction
  ) async throws {
    if let remote = input.remoteTransaction,
      try await transaction.queryFirst(FindRemoteTransaction(remote: remote)) == true
    {
      throw GovernanceError.refused([.approvalReused])
    }
    let inserted = try await transaction.execute(
      InsertApproval(
        approval: approval, request: request, signature: input.signature?.text, remote: input.remoteTransaction))
    guard inserted == 1 else { throw GovernanceError.refused([.alreadyDecided]) }
  }

  /// The earliest moment at which a fact that the approval rests on ends by itself.
  private func validUntil(_ request: Request, _ path: ApprovalPath, _ inputs: DecisionInputs) -> Date {
    // Rotating what exists ends with the identity; removing it must be possible for ever.
    if ActionClass(request.actions) == .reduce { return .distantFuture }
    var ends = [inputs.identity.expiresAt]
    let counted = Set(path.steps.flatMap(\.counted))
    for approval in inputs.approvals where counted.contains(approval.id) {
      if let maximum = inputs.policy.approvals.maximumAge { ends.append(approval.decidedAt.adding(seconds: maximum)) }
      if let used = approval.delegation, let delegation = inputs.delegations.first(where: { $0.id == used }) {
        ends.append(delegation.validUntil)
      }
    }
    if let maximum = inputs.policy.attestationMaximumAge {
      ends.append(inputs.identity.attestedAt.adding(seconds: maximum))
    }
    if let vendor = inputs.vendor { ends += [vendor.contractUntil, vendor.reviewValidUntil] }
    return ends.min()!.date
  }

  /// Takes an approval back, before or after what it led to: what was granted is void, and no further effect begins.
  package func withdrawApproval(
    of id: RequestID, by approver: String, reason: String, in transaction: Transaction
  ) async throws {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 500)
    let request = try await request(id, in: transaction)
    let approver = try await person(approver, in: transaction)
    let withdrawn = try await transaction.execute(
      InsertApprovalWithdrawal(request: id, revision: request.revision, person: approver.id, reason: reason))
    guard withdrawn == 1 else { throw GovernanceError.unknown("approval of", approver.externalID) }
    _ = try await void(
      [Voiding(identity: request.identity, code: ReasonCode.approvalWithdrawn.rawValue, words: reason)],
      onlyOf: id, in: transaction)
  }

  /// Voids every authorization of the identity. Effects already intended go on to a safe end; no new one begins.
  package func voidAuthorizations(
    of identity: IdentityID, reason: String, in transaction: Transaction
  ) async throws -> Int {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 500)
    return try await transaction.execute(VoidAuthorizations(identity: identity, reason: reason))
  }

  /// What was granted before for the same identity ends: this one takes its place. Revocations stay.
  package func replaceAuthorizations(by new: Authorization, reason: String, in transaction: Transaction) async throws {
    try await transaction.execute(VoidOtherAuthorizations(kept: new, reason: reason))
  }

  func grant(
    request: RequestID, revision: Int32, digest: RequestDigest, approval: UUID?, identity: IdentityID,
    actions: [GovernedAction], validUntil: Date, decision: UUID?, standing: Standing, in transaction: Transaction
  ) async throws -> Authorization {
    let authorization = Authorization(
      id: .make(), request: request, identity: identity, actions: actions, validUntil: validUntil)
    let inserted = try await transaction.execute(
      InsertAuthorization(
        authorization: authorization, revision: revision, digest: digest, approval: approval, decision: decision,
        standing: standing))
    guard inserted == 1 else { throw GovernanceError.refused([.alreadyDecided]) }
    return authorization
  }
}

extension Optional where Wrapped: Sendable {
  func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
    guard let self else { return nil }
    return try await transform(self)
  }
}
