package import Foundation
package import Postgres

extension GovernanceStore {
  /// Records the exact change with its digest. Durable when the caller's transaction commits; grants nothing yet.
  package func submit(
    _ actions: [GovernedAction], for identity: NonHumanIdentity, requester: String, beneficiary: String?,
    ticket: String,
    now: Date, in transaction: Transaction
  ) async throws -> Request {
    let ticket = try FieldRule.text(ticket, field: "ticket", maximum: 200)
    let requester = try await person(requester, in: transaction)
    let beneficiary = try await beneficiary.asyncMap { try await person($0, in: transaction) } ?? requester
    let reasons = Admission(identity: identity, requester: requester, actions: actions, now: now).reasons
    guard reasons.isEmpty else { throw GovernanceError.refused(reasons) }
    let target = try await target(identity.target, in: transaction)
    let core = RequestCore(
      identity: identity, targetName: target.name, actions: actions, requester: requester.externalID,
      beneficiary: beneficiary.externalID, ticket: ticket, revision: 1)
    let bytes = try core.canonicalBytes()
    let id = RequestID.make()
    try await transaction.execute(
      InsertRequest(
        id: id, origin: "person", identity: identity.id, actions: actions, requester: requester.id,
        beneficiary: beneficiary.id, ticket: ticket, core: bytes, digest: RequestDigest(of: bytes)))
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
        id: id, origin: "policy", identity: identity.id, actions: [.revoke], requester: nil, beneficiary: nil,
        ticket: ticket, core: bytes, digest: digest))
    return try await grant(
      request: id, digest: digest, approval: nil, identity: identity, actions: [.revoke], in: transaction)
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

  /// Records one person's decision on what they saw. Returns the authorization that an approval grants; nil after a denial.
  ///
  /// Locks the request's decision row set by the unique rule `approval_person_once` and `authorization_request_once`, so a
  /// request grants once, however many approve at the same moment.
  package func decide(
    _ id: RequestID, approve: Bool, by approver: String, sawDigest digest: RequestDigest, in transaction: Transaction
  ) async throws -> Authorization? {
    let request = try await request(id, in: transaction)
    let approver = try await person(approver, in: transaction)
    let reasons = ApprovalRules(request: request, approver: approver, digest: digest).reasons
    guard reasons.isEmpty else { throw GovernanceError.refused(reasons) }
    let approval = UUID()
    let inserted = try await transaction.execute(
      InsertApproval(
        id: approval, request: id, revision: request.revision, digest: digest, approver: approver.id,
        decision: approve ? "approve" : "deny"))
    guard inserted == 1 else { throw GovernanceError.refused([.alreadyDecided]) }
    if !approve { return nil }
    let identity = try await identity(request.identity, in: transaction)
    return try await grant(
      request: id, digest: digest, approval: approval, identity: identity, actions: request.actions, in: transaction)
  }

  /// Voids every authorization of the identity. Effects already intended go on to a safe end; no new one begins.
  package func voidAuthorizations(
    of identity: IdentityID, reason: String, in transaction: Transaction
  ) async throws -> Int {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 500)
    return try await transaction.execute(VoidAuthorizations(identity: identity, reason: reason))
  }

  private func grant(
    request: RequestID, digest: RequestDigest, approval: UUID?, identity: NonHumanIdentity, actions: [GovernedAction],
    in transaction: Transaction
  ) async throws -> Authorization {
    // Rotating what exists ends with the identity; removing it must be possible for ever.
    let validUntil = actions == [.revoke] ? Date.distantFuture : identity.expiresAt
    let authorization = Authorization(
      id: .make(), request: request, identity: identity.id, actions: actions, validUntil: validUntil)
    let inserted = try await transaction.execute(
      InsertAuthorization(authorization: authorization, digest: digest, approval: approval))
    guard inserted == 1 else { throw GovernanceError.refused([.alreadyDecided]) }
    return authorization
  }
}

extension Optional where Wrapped: Sendable {
  fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
    guard let self else { return nil }
    return try await transform(self)
  }
}
