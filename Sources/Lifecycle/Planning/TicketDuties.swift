import Foundation
import Governance
import Jobs
import Postgres

/// What ties tickets to the work: proofs end them, and policy removes what a leaver owned.
struct TicketDuties: Sendable {
  let lifecycle: CredentialLifecycle

  /// At most this many per run, so that a run is short.
  static let batch: Int64 = 200

  var all: [MaintenanceDuty] { [settle, removeLeavers] }

  /// The clock stops at the saga's own time, whenever this runs.
  private var settle: MaintenanceDuty {
    MaintenanceDuty(name: "settle-tickets", period: 10) { transaction in
      "settled \(try await transaction.execute(SettleProvenTickets()))"
    }
  }

  /// Where the policy says `on_owner_left: revoke`: a removal that policy opens by itself, reviewed after.
  private var removeLeavers: MaintenanceDuty {
    MaintenanceDuty(name: "remove-leavers", period: 5) { transaction in
      "opened \(try await openRemovals(in: transaction))"
    }
  }

  func openRemovals(in transaction: Transaction) async throws -> Int {
    let identities = try await transaction.query(FindLeaverRemovals(limit: Self.batch))
    var orders: [SagaOrder] = []
    for id in identities {
      let identity = try await lifecycle.governance.identity(id, in: transaction)
      let credential = try await lifecycle.credential(of: id, in: transaction)
      let authorization = try await lifecycle.governance.openPolicyRevocation(
        of: identity, cause: "owner_left", in: transaction)
      orders.append(
        SagaOrder(
          action: .revoke, credential: credential, trigger: .revocation(by: nil, ticket: "policy:owner_left"),
          authorization: authorization.id))
    }
    return try await lifecycle.open(orders, in: transaction)
  }
}

extension CredentialLifecycle {
  /// Ends the tickets whose result is proven, as a worker does every ten seconds. Returns how many.
  package func settleTickets() async throws -> Int { try await client.execute(SettleProvenTickets()) }
}

/// A ticket is proven by a saga that began after its cause, under an authorization that is newer than the cause or was made
/// by the ticket's own request, and that ended with all proofs.
struct SettleProvenTickets: Statement {
  static let sql = """
    WITH proven AS (
      SELECT k.id, min(r.finished_at) AS at,
        min((SELECT min(e.settled_at) FROM lifecycle.effect AS e
          WHERE e.rotation_id = r.id AND e.verb IN ('block_logins', 'set_secret') AND e.state = 'applied')) AS contained
      FROM governance.ticket AS k
      JOIN lifecycle.credential AS c ON c.identity_id = k.identity_id
      JOIN lifecycle.rotation AS r ON r.credential_id = c.id
      JOIN governance.authorization AS a ON a.id = r.authorization_id
      WHERE k.state = 'open' AND k.kind <> 'break_glass' AND r.state = 'done' AND r.finished_at >= k.cause_at
        AND CASE
          WHEN k.kind = 'request' THEN k.request_id = a.request_id
          ELSE r.created_at >= k.cause_at AND (a.valid_from >= k.cause_at OR r.action = 'revoke')
        END
      GROUP BY k.id
    )
    UPDATE governance.ticket AS k
    SET proven_at = p.at, contained_at = COALESCE(k.contained_at, p.contained, p.at), state = 'resolved',
      resolution = 'proven', resolved_at = clock_timestamp()
    FROM proven AS p
    WHERE k.id = p.id AND k.state = 'open'
    """
}

/// Identities with an open leaver ticket whose policy removes them, and no removal under way.
struct FindLeaverRemovals: Statement {
  static let sql = """
    SELECT i.id
    FROM governance.ticket AS k
    JOIN governance.identity AS i ON i.id = k.identity_id
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    JOIN lifecycle.credential AS c ON c.identity_id = i.id
    WHERE k.kind = 'leaver' AND k.state = 'open' AND o.state = 'terminated'
      AND convert_from(p.document, 'UTF8')::jsonb ->> 'onOwnerLeft' = 'revoke'
      AND c.state IN ('pending', 'active')
      AND NOT EXISTS (
        SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.action = 'revoke' AND r.finished_at IS NULL)
    ORDER BY k.due_at
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}
