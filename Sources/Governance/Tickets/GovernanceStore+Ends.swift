package import Foundation
package import Postgres

/// Tickets for what ends by time or has to be looked at by a person. Each says what changed and what is needed, and its clock
/// begins with the cause.
extension GovernanceStore {
  /// Authority fell away while the target was being changed under this request: decided again with the facts of now, which are
  /// stored, and a ticket to review it. It ends with the proof of what follows.
  ///
  /// - Parameters:
  ///   - doing: what was under way, such as "it was being issued".
  ///   - consequence: a sentence without its full stop.
  package func reviewLostAuthority(
    of request: RequestID, revision: Int32, lostAt: Date, doing: String, consequence: String,
    in transaction: Transaction
  ) async throws {
    let (inputs, id) = try await facts(of: request, revision: revision, moment: .afterEffect, in: transaction)
    let decision = Decision.decide(inputs)
    try await record(decision, inputs, of: request, in: transaction)
    let identity = try await identity(id, in: transaction)
    // That approvals are missing follows from the others.
    let against = decision.reasons.filter { $0.severity != .note && $0 != .approvalMissing }.map(\.explanation)
    let words = against.isEmpty ? "its authorization was voided" : against.joined(separator: "; ")
    let levels = inputs.policy.serviceLevels
    try await open(
      [
        OpenTickets.Order(
          identity: id, kind: .review,
          subject: TicketText.clipped("\(identity.name): authority fell away while \(doing)", 300),
          body: TicketText.clipped(
            "What changed: \(words).\nWhat is needed: \(consequence).", TicketText.maximum),
          dueSeconds: levels.reapproval)
      ], cause: lostAt, in: transaction)
  }

  /// Something about an identity needs a person; it voids nothing.
  package func openReview(
    of identity: IdentityID, subject: String, changed: String, needed: String, cause: Date, in transaction: Transaction
  ) async throws {
    let (name, levels) = try await levels(of: identity, in: transaction)
    try await open(
      [
        OpenTickets.Order(
          identity: identity, kind: .review, subject: TicketText.clipped("\(name): \(subject)", 300),
          body: TicketText.clipped(
            "What changed: \(TicketText.observed(changed)).\nWhat is needed: \(needed)", TicketText.maximum),
          dueSeconds: levels.reapproval)
      ], cause: cause, in: transaction)
  }

  /// The identity or its secret has expired and is being removed.
  package func openExpired(_ identity: NonHumanIdentity, at end: Date, in transaction: Transaction) async throws {
    let (name, levels) = try await levels(of: identity.id, in: transaction)
    try await open(
      [
        OpenTickets.Order(
          identity: identity.id, kind: .expired, subject: TicketText.clipped("\(name): it has expired", 300),
          body: "What changed: its time ended at \(end.formatted(.iso8601)).\n"
            + "What is needed: nothing, when the removal is proven; submit a new request if it is still wanted.",
          dueSeconds: levels.tokenExpired)
      ], cause: end, in: transaction)
  }

  /// The contract with the vendor of these identities is over: nothing is authorized for it any more.
  package func endVendor(
    _ name: String, at end: Date, of identities: [IdentityID], in transaction: Transaction
  ) async throws {
    let words = TicketText.observed("the contract with \(name) ended at \(end.formatted(.iso8601))")
    _ = try await void(
      identities.map { Voiding(identity: $0, code: ReasonCode.vendorContractNotCurrent.rawValue, words: words) },
      onlyOf: nil, in: transaction)
    let documents = try await policyDocuments(in: transaction)
    let orders = try await transaction.query(FindIdentityNames(identities: identities)).map { row in
      OpenTickets.Order(
        identity: row.id, kind: .vendorEnd,
        subject: TicketText.clipped("\(row.name): \(ReasonCode.vendorContractNotCurrent.explanation)", 300),
        body: "What changed: \(words).\nWhat is needed: remove it (`keyturn revoke`), or renew the vendor's record "
          + "(`keyturn vendor set`) and submit and approve a new request.",
        dueSeconds: (documents[row.policy]?.serviceLevels ?? PolicyDocument.ServiceLevels()).vendorEnd)
    }
    try await open(orders, cause: end, in: transaction)
  }

  /// The time of what this request granted is over, while the identity lives on.
  package func endAuthorization(
    of identity: IdentityID, granted request: RequestID, at end: Date, in transaction: Transaction
  ) async throws {
    let reason = ReasonCode.authorizationExpired
    let words = "what was approved ended at \(end.formatted(.iso8601))"
    _ = try await void(
      [Voiding(identity: identity, code: reason.rawValue, words: words)], onlyOf: request, in: transaction)
    let (name, levels) = try await levels(of: identity, in: transaction)
    try await open(
      [
        OpenTickets.Order(
          identity: identity, kind: .reapproval, subject: TicketText.clipped("\(name): \(reason.explanation)", 300),
          body: "What changed: \(words).\nWhat is needed: \(ReapprovalTrigger.approvalTooOld.remedy)",
          dueSeconds: levels.reapproval)
      ], cause: end, in: transaction)
  }

  private func levels(
    of identity: IdentityID, in transaction: Transaction
  ) async throws -> (name: String, levels: PolicyDocument.ServiceLevels) {
    guard let row = try await transaction.query(FindIdentityNames(identities: [identity])).first else {
      throw GovernanceError.unknown("identity", identity.description)
    }
    let documents = try await policyDocuments(in: transaction)
    return (row.name, documents[row.policy]?.serviceLevels ?? PolicyDocument.ServiceLevels())
  }
}
