package import Foundation
package import Postgres

/// What voids the authorizations of one identity, and why.
struct Voiding: Sendable {
  let identity: IdentityID
  /// A trigger's or a reason's word.
  let code: String
  /// At most 500 characters are kept.
  let words: String
}

/// Told in the transaction that voids authorizations: what waits for them must not be claimed.
package protocol VoidObserver: Sendable {
  func voided(_ identities: [IdentityID], in transaction: Transaction) async throws
}

extension GovernanceStore {
  /// A fact about these identities changed: older approvals count no more, what they granted is void, and a ticket says what
  /// changed and what is needed. All in the caller's transaction, after the change itself was written: then whoever granted
  /// meanwhile has been waited for and is seen.
  ///
  /// Returns the identities that lost an authorization.
  package func change(
    _ trigger: ReapprovalTrigger, of identities: [IdentityID], words: String, in transaction: Transaction
  ) async throws -> [IdentityID] {
    guard !identities.isEmpty else { return [] }
    let documents = try await policyDocuments(in: transaction)
    let rows = try await transaction.query(FindIdentityNames(identities: identities))
    let applying = rows.filter { (documents[$0.policy]?.triggers ?? ReapprovalTrigger.allCases).contains(trigger) }
    let voided = try await void(
      applying.map { Voiding(identity: $0.id, code: trigger.rawValue, words: words) }, onlyOf: nil, in: transaction)
    let lost = Set(voided)
    let orders = applying.filter { lost.contains($0.id) }.map {
      TicketText.order(
        trigger, identity: $0.id, name: $0.name, words: words, levels: documents[$0.policy]?.serviceLevels)
    }
    try await open(orders, cause: nil, in: transaction)
    return voided
  }

  /// As above, where the change is one of people. `cause`: when it happened at the source.
  func changePeople(
    _ changes: [PersonChange], cause: Date, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let concerned = changes.filter { $0.trigger != nil }
    guard !concerned.isEmpty else { return [] }
    let documents = try await policyDocuments(in: transaction)
    let hits = try await transaction.query(
      FindIdentitiesOfPeople(
        people: concerned.map(\.id), onlyPrivileged: concerned.map { $0.trigger?.onlyPrivileged ?? false })
    ).filter { hit in
      guard let trigger = concerned[hit.index].trigger else { return false }
      return (documents[hit.policy]?.triggers ?? ReapprovalTrigger.allCases).contains(trigger)
    }
    func words(_ hit: FindIdentitiesOfPeople.Row) -> String {
      "the \(hit.part), \(concerned[hit.index].externalID), \(concerned[hit.index].what)"
    }
    let voided = try await void(
      hits.map {
        Voiding(identity: $0.identity, code: concerned[$0.index].trigger?.rawValue ?? "", words: words($0))
      }, onlyOf: nil, in: transaction)
    let lost = Set(voided)
    let orders = hits.filter { hit in
      // Who owns a secret and left is a case of its own, whether or not something was authorized.
      lost.contains(hit.identity) || hit.part == "owner" && concerned[hit.index].trigger == .personLeft
    }.map { hit in
      TicketText.order(
        concerned[hit.index].trigger ?? .personLeft, identity: hit.identity, name: hit.name, words: words(hit),
        levels: documents[hit.policy]?.serviceLevels, isOwner: hit.part.hasSuffix("owner"))
    }
    try await open(orders, cause: cause, in: transaction)
    return voided
  }

  func void(
    _ voidings: [Voiding], onlyOf request: RequestID?, in transaction: Transaction
  ) async throws -> [IdentityID] {
    guard !voidings.isEmpty else { return [] }
    let voided = try await transaction.query(VoidIdentities(voidings: voidings, onlyOf: request))
    if !voided.isEmpty { try await observer?.voided(voided, in: transaction) }
    return voided
  }

  func open(_ orders: [OpenTickets.Order], cause: Date?, in transaction: Transaction) async throws {
    guard !orders.isEmpty else { return }
    let time: Date
    if let cause {
      time = cause
    } else {
      time = try await transaction.queryFirst(ReadClock()) ?? Date()
    }
    if orders.count > OwedTickets.batch {
      return try await owe(orders, cause: time, in: transaction)
    }
    try await transaction.execute(OpenTickets(orders: orders, cause: time))
  }

  /// By policy; those without a document are missing.
  func policyDocuments(in runner: some StatementRunner) async throws -> [PolicyID: PolicyDocument] {
    var documents: [PolicyID: PolicyDocument] = [:]
    for (id, bytes) in try await runner.query(FindPolicyDocuments()) {
      if let bytes { documents[id] = try PolicyDocument(canonical: bytes) }
    }
    return documents
  }

  /// Decides again over live authorizations, at most `limit` after the one named; what no longer holds is voided, with a
  /// ticket. Who is away only pauses it, at each permit. Whatever push should have voided before is counted as unexpected.
  package func recheck(
    after: UUID?, limit: Int64, in transaction: Transaction
  ) async throws -> RecheckReport {
    let first = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    let live = try await transaction.query(FindLiveAuthorizations(after: after ?? first, limit: limit))
    var report = RecheckReport()
    report.last = live.count < Int(limit) ? nil : live.last?.id
    for row in live {
      let (inputs, identity) = try await facts(
        of: row.request, revision: row.revision, moment: .recheck, in: transaction)
      let decision = Decision.decide(inputs)
      report.checked += 1
      guard decision.outcome == .block, !decision.isOnlyAbsence(inputs),
        let reason = decision.reasons.first(where: { $0 != .approvalMissing && $0.severity == .block })
      else { continue }
      try await record(decision, inputs, of: row.request, in: transaction)
      report.voided.append(identity)
      if !RecheckReport.byTime.contains(reason) { report.unexpected[reason, default: 0] += 1 }
      let trigger = ReapprovalTrigger.allCases.first { $0.reason == reason }
      let words = decision.reasons.map(\.explanation).joined(separator: "; ")
      if let trigger, !inputs.changes.contains(where: { $0.trigger == trigger }) {
        _ = try await change(trigger, of: [identity], words: words, in: transaction)
      } else {
        _ = try await void(
          [Voiding(identity: identity, code: reason.rawValue, words: words)], onlyOf: row.request, in: transaction)
        try await open(
          [TicketText.order(reason, identity: identity, name: inputs.identity.targetName, words: words)], cause: nil,
          in: transaction)
      }
    }
    return report
  }
}

/// What a check over live authorizations found.
package struct RecheckReport: Sendable, Equatable {
  package var checked = 0
  package var voided: [IdentityID] = []
  /// Found here though a push should have voided it.
  package var unexpected: [ReasonCode: Int] = [:]
  /// Go on after this one; nil: all were seen.
  package var last: UUID?

  /// What only the passing of time brings about.
  static let byTime: Set<ReasonCode> = [
    .approvalTooOld, .attestationTooOld, .identityExpired, .delegationEnded, .vendorContractNotCurrent,
    .vendorReviewLapsed, .roleNotHeldNow,
  ]
}
