import Foundation
package import Postgres

/// What stands in the way of an identity's work, in words.
package struct Why: Sendable {
  package let outcome: Decision.Outcome
  package let summary: String
  package let reasons: [ReasonCode]
  package let path: ApprovalPath?
  /// Open ones about it; each says what changed and what is needed.
  package let tickets: [Ticket]
  /// Where this identity and its request can be named, instead of the reason's general words.
  fileprivate let named: [ReasonCode: String]

  /// What is wrong, and what a person should do about it.
  package func remedy(_ reason: ReasonCode) -> String { named[reason] ?? reason.explanation }
}

extension GovernanceStore {
  /// Asks the newest request of the identity as the permit would, and adds what the authorization itself has against it.
  package func why(_ identity: NonHumanIdentity, in transaction: Transaction) async throws -> Why {
    let tickets = try await tickets(of: identity.id, onlyOpen: true, in: transaction)
    guard let newest = try await transaction.queryFirst(FindNewestRequest(identity: identity.id)) else {
      let words =
        "nobody has asked for it; `keyturn request issue \(identity.name) --by <person> --ticket <ticket>`"
      return Why(
        outcome: .block, summary: words, reasons: [.approvalMissing], path: nil, tickets: tickets,
        named: [.approvalMissing: words])
    }
    let inputs = try await facts(of: newest.request, revision: newest.revision, moment: .recheck, in: transaction)
      .inputs
    let decision = Decision.decide(inputs)
    var reasons = decision.reasons
    if let authorization = newest.authorization {
      let action: GovernedAction =
        inputs.request.actions.contains(.rotate) ? .rotate : inputs.request.actions.first ?? .rotate
      let permit = try await transaction.queryFirst(ExplainPermit(authorization: authorization, action: action)) ?? []
      for reason in permit where !reasons.contains(reason) { reasons.append(reason) }
    }
    let named =
      newest.authorization == nil
      ? missing(decision.path, of: newest.request, inputs)
      : [.approvalMissing: "what was approved counts no more; ask again: `keyturn request issue \(identity.name)`"]
    let blocks = reasons.contains { $0.severity == .block }
    let waits = reasons.contains { $0.severity == .wait }
    let summary =
      reasons.isEmpty
      ? newest.authorization == nil ? "approved facts hold, and nothing was granted yet" : "nothing stands in its way"
      : reasons.map { named[$0] ?? $0.explanation }.joined(separator: "; ")
    return Why(
      outcome: blocks ? .block : waits ? .wait : .allow, summary: summary, reasons: reasons, path: decision.path,
      tickets: tickets, named: named)
  }

  /// Whose word is missing, and the command that gives it.
  private func missing(
    _ path: ApprovalPath?, of request: RequestID, _ inputs: DecisionInputs
  ) -> [ReasonCode: String] {
    guard let path, let current = path.current else { return [:] }
    let (stage, count) = (path.steps[current].stage, path.steps[current].missing)
    let people = count == 1 ? "1 more approval is" : "\(count) more approvals are"
    return [
      .approvalMissing: "\(people) missing in stage \(stage.name) (role: \(stage.role)); "
        + "`keyturn approve \(request) --by <person> --digest \(inputs.request.digest.prefix(16))`"
    ]
  }
}

/// The newest request that is more than a removal, with what it granted.
struct FindNewestRequest: Statement {
  static let sql = """
    SELECT r.id, r.revision, a.id
    FROM governance.request AS r
    LEFT JOIN governance.authorization AS a ON a.request_id = r.id AND a.revision = r.revision
    WHERE r.identity_id = $1 AND r.actions <> ARRAY['revoke']
    ORDER BY r.submitted_at DESC, r.revision DESC
    LIMIT 1
    """

  let identity: IdentityID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity.rawValue) }

  static func decode(_ row: PostgresRow) throws
    -> (request: RequestID, revision: Int32, authorization: AuthorizationID?)
  {
    let authorization: AuthorizationID? = (try row.decodeIfPresent(2, as: UUID.self)).map { AuthorizationID($0) }
    return (RequestID(try row[0]), try row[1], authorization)
  }
}
