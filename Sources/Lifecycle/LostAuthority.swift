import Foundation
import Governance
import Jobs
import Postgres

/// What follows when authority falls away while a saga is changing its target: permitted before, and not after.
///
/// Whoever takes the authority away waits for the permits that are being granted, and so sees every intent that came before;
/// the permits that come after are refused. So each saga that raced is noted, exactly once, in that transaction. The worker
/// compares again before it lets an issued secret out. What follows here: a new identity is taken away again (compensated); a
/// rotation, whose recipients and rights are the same as before, is reviewed and done again under a new approval.
struct LostAuthority: Sendable {
  let lifecycle: CredentialLifecycle

  static let batch: Int64 = 100

  var duty: MaintenanceDuty {
    MaintenanceDuty(name: "follow-up-lost-authority", period: 2) { transaction in
      "followed up \(try await followUp(in: transaction))"
    }
  }

  /// Opens tickets for what is new, and ends what can be ended. Returns how many ended.
  func followUp(in transaction: Transaction) async throws -> Int {
    var ended = 0
    for loss in try await transaction.query(LockLostAuthority(limit: Self.batch)) {
      if !loss.isReviewed { try await review(loss, in: transaction) }
      guard let consequence = try await consequence(of: loss, in: transaction) else { continue }
      try await transaction.execute(SettleLostAuthority(id: loss.id, consequence: consequence))
      ended += 1
    }
    return ended
  }

  /// Decided again with the facts of now, which are stored, and told to people.
  private func review(_ loss: LockLostAuthority.Row, in transaction: Transaction) async throws {
    try await lifecycle.governance.reviewLostAuthority(
      of: loss.request, revision: loss.revision, lostAt: loss.lostAt,
      doing: "\(loss.action == .issue ? "it was being issued" : "its secret was being rotated") (\(loss.state))",
      consequence: loss.action == .issue
        ? "It is taken away again; submit a new request for a new identity if it is still wanted"
        : "Submit and approve a new request; the secret is then rotated once more under it", in: transaction)
    try await transaction.execute(MarkLostAuthorityReviewed(id: loss.id))
  }

  /// Nil: it is too early.
  private func consequence(of loss: LockLostAuthority.Row, in transaction: Transaction) async throws -> String? {
    switch loss.action {
    case .issue:
      let credential = try await lifecycle.credential(of: loss.identity, in: transaction)
      guard credential.state == .pending || credential.state == .active else { return "revoked" }
      let identity = try await lifecycle.governance.identity(loss.identity, in: transaction)
      let authorization = try await lifecycle.governance.openPolicyRevocation(
        of: identity, cause: "authority_lost", in: transaction)
      _ = try await lifecycle.open(
        [
          SagaOrder(
            action: .revoke, credential: credential, trigger: .revocation(by: nil, ticket: "policy:authority_lost"),
            authorization: authorization.id)
        ], in: transaction)
      return "revoked"
    case .rotate, .revoke:
      guard loss.isFinished else { return nil }
      try await transaction.execute(RotateNow(credential: loss.credential))
      return "rotated_again"
    }
  }
}

extension CredentialLifecycle {
  /// As a worker does every two seconds. Returns how many losses of authority ended with their consequence ordered.
  package func followUpLostAuthority() async throws -> Int {
    try await client.withTransaction { try await LostAuthority(lifecycle: self).followUp(in: $0) }
  }
}

/// The open sagas of these identities that had begun to change their target under an authorization that is void now. One that
/// found the target other than it was approved stops by itself and waits for a person; where a vendor got more than was
/// approved, it is taken away.
struct NoteLostAuthority: Statement {
  static let sql = """
    INSERT INTO lifecycle.lost_authority (id, rotation_id, credential_id, authorization_id, action, state)
    SELECT gen_random_uuid(), r.id, r.credential_id, r.authorization_id, r.action, r.state
    FROM lifecycle.credential AS c
    JOIN lifecycle.rotation AS r ON r.credential_id = c.id AND r.finished_at IS NULL AND r.action IN ('issue', 'rotate')
    JOIN governance.authorization AS a ON a.id = r.authorization_id AND a.voided_at IS NOT NULL
    JOIN governance.identity AS i ON i.id = c.identity_id
    WHERE c.identity_id = ANY($1)
      AND (a.void_code IS DISTINCT FROM 'attempt_mismatched' OR r.action = 'issue' AND i.vendor_id IS NOT NULL)
      AND EXISTS (SELECT FROM lifecycle.effect AS e WHERE e.rotation_id = r.id AND e.state <> 'refused')
    ON CONFLICT (rotation_id, authorization_id) DO NOTHING
    """

  let identities: [IdentityID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identities.map(\.rawValue)) }
}

/// Those without their consequence, oldest first.
struct LockLostAuthority: Statement {
  static let sql = """
    SELECT l.id, l.credential_id, c.identity_id, a.request_id, a.revision, l.action, l.state, l.lost_at,
      l.reviewed_from IS NOT NULL, r.finished_at IS NOT NULL
    FROM lifecycle.lost_authority AS l
    JOIN lifecycle.credential AS c ON c.id = l.credential_id
    JOIN lifecycle.rotation AS r ON r.id = l.rotation_id
    JOIN governance.authorization AS a ON a.id = l.authorization_id
    WHERE l.settled_at IS NULL AND (l.reviewed_from IS NULL OR l.action = 'issue' OR r.finished_at IS NOT NULL)
    ORDER BY l.lost_at
    LIMIT $1
    FOR NO KEY UPDATE OF l SKIP LOCKED
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  struct Row: Sendable {
    let id: UUID
    let credential: CredentialID
    let identity: IdentityID
    let request: RequestID
    let revision: Int32
    let action: GovernedAction
    let state: String
    let lostAt: Date
    let isReviewed: Bool
    let isFinished: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let action: String = try row[5]
    return Row(
      id: try row[0], credential: CredentialID(try row[1]), identity: IdentityID(try row[2]),
      request: RequestID(try row[3]), revision: try row[4], action: GovernedAction(rawValue: action) ?? .rotate,
      state: try row[6], lostAt: try row[7], isReviewed: try row[8], isFinished: try row[9])
  }
}

struct MarkLostAuthorityReviewed: Statement {
  static let sql = "UPDATE lifecycle.lost_authority SET reviewed_from = clock_timestamp() WHERE id = $1"
  let id: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }
}

struct SettleLostAuthority: Statement {
  static let sql = """
    UPDATE lifecycle.lost_authority
    SET settled_at = clock_timestamp(), consequence = $2
    WHERE id = $1 AND settled_at IS NULL
    """

  let id: UUID
  let consequence: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(consequence)
  }
}

/// The planner takes it up; the permit waits for a new approval.
struct RotateNow: Statement {
  static let sql = "UPDATE lifecycle.credential SET next_due_at = now() WHERE id = $1 AND state = 'active'"
  let credential: CredentialID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }
}

/// An issued secret gets out only while its authorization holds: whoever voids it waits for this step, or makes it fail.
struct RequireAuthority: BatchStatement {
  static let sql = """
    WITH held AS (
      SELECT m.n
      FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
      JOIN governance.authorization AS a ON a.id = m.id
      WHERE a.voided_at IS NULL
      FOR SHARE OF a
    )
    SELECT array_agg(n) FROM held
    """

  let authorization: AuthorizationID

  static func bind(_ rows: [RequireAuthority], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.authorization.rawValue))
  }
}
