import Foundation
import Governance
import Jobs
import Postgres

/// What ties tickets to the work: ends by time and silent consumers open them, proofs end them, and policy removes what a leaver
/// owned or a vendor had.
struct TicketDuties: Sendable {
  let lifecycle: CredentialLifecycle

  /// At most this many per run, so that a run is short.
  static let batch: Int64 = 200

  var all: [MaintenanceDuty] { [settle, openEnds, remove] }

  /// The clock stops at the saga's own time, whenever this runs.
  private var settle: MaintenanceDuty {
    MaintenanceDuty(name: "settle-tickets", period: 10) { transaction in
      let approved = try await transaction.execute(NoteApprovedTickets())
      let contained = try await transaction.execute(NoteContainedTickets())
      let settled = try await transaction.execute(SettleProvenTickets())
      return "approved \(approved), contained \(contained), settled \(settled)"
    }
  }

  private var openEnds: MaintenanceDuty {
    MaintenanceDuty(name: "open-end-tickets", period: 10) { transaction in
      "opened \(try await openEnds(in: transaction))"
    }
  }

  /// The end of a vendor's contract, of what was approved, and of the patience with a consumer. Each is told once.
  func openEnds(in transaction: Transaction) async throws -> Int {
    let governance = lifecycle.governance
    var opened = 0
    for vendor in try await transaction.query(TakeVendorEnds(limit: Self.batch)) {
      let identities = try await transaction.query(FindLiveIdentitiesOfVendor(vendor: vendor.id))
      try await governance.endVendor(vendor.name, at: vendor.end, of: identities, in: transaction)
      opened += identities.count
    }
    for over in try await transaction.query(FindEndedAuthority(limit: Self.batch)) {
      try await governance.endAuthorization(of: over.identity, granted: over.request, at: over.end, in: transaction)
      opened += 1
    }
    for alarm in try await transaction.query(TakeOverlapAlarms(limit: Self.batch)) {
      try await governance.openReview(
        of: alarm.identity, subject: "consumers did not move to the new version in time", changed: alarm.detail,
        needed: "Have the consumers read the current version (`keyturn consumer list`), or take them off the list; "
          + "a rotation that all of them follow ends this.", cause: alarm.raisedAt, in: transaction)
      opened += 1
    }
    return opened
  }

  /// Where the policy says `on_owner_left: revoke` or `on_vendor_end: revoke`: a removal that policy opens by itself, reviewed
  /// after.
  private var remove: MaintenanceDuty {
    MaintenanceDuty(name: "remove-by-policy", period: 2) { transaction in
      "opened \(try await openRemovals(in: transaction))"
    }
  }

  func openRemovals(in transaction: Transaction) async throws -> Int {
    var orders: [SagaOrder] = []
    for removal in try await transaction.query(FindPolicyRemovals(limit: Self.batch)) {
      let identity = try await lifecycle.governance.identity(removal.identity, in: transaction)
      let credential = try await lifecycle.credential(of: removal.identity, in: transaction)
      let authorization = try await lifecycle.governance.openPolicyRevocation(
        of: identity, cause: removal.cause, in: transaction)
      orders.append(
        SagaOrder(
          action: .revoke, credential: credential,
          trigger: .revocation(by: nil, ticket: "policy:\(removal.cause)"), authorization: authorization.id))
    }
    return try await lifecycle.open(orders, in: transaction)
  }
}

extension CredentialLifecycle {
  /// Ends the tickets whose result is proven, as a worker does every ten seconds. Returns how many.
  package func settleTickets() async throws -> Int {
    try await client.withTransaction { transaction in
      try await transaction.execute(NoteApprovedTickets())
      try await transaction.execute(NoteContainedTickets())
      return try await transaction.execute(SettleProvenTickets())
    }
  }

  /// Opens the tickets for what has ended, as a worker does every ten seconds. Returns how many identities it concerns.
  package func openEndTickets() async throws -> Int {
    try await client.withTransaction { try await TicketDuties(lifecycle: self).openEnds(in: $0) }
  }
}

/// The clock to the approval stops with what was granted first: for the ticket's own request, or for its identity after the
/// cause, by people or by policy.
struct NoteApprovedTickets: Statement {
  static let sql = """
    WITH approved AS (
      SELECT k.id, LEAST(
        (SELECT min(a.valid_from) FROM governance.authorization AS a WHERE a.request_id = k.request_id),
        CASE WHEN k.kind <> 'request' THEN (
          SELECT min(a.valid_from) FROM governance.authorization AS a
          WHERE a.identity_id = k.identity_id AND a.voided_at IS NULL AND a.valid_from >= k.cause_at) END) AS at
      FROM governance.ticket AS k
      WHERE k.state = 'open' AND k.approved_at IS NULL AND k.kind <> 'break_glass'
    )
    UPDATE governance.ticket AS k
    SET approved_at = p.at
    FROM approved AS p
    WHERE k.id = p.id AND p.at IS NOT NULL AND k.approved_at IS NULL
    """
}

/// The clock to containment of leaks and leavers stops with the first cut after the cause, long before all is proven.
struct NoteContainedTickets: Statement {
  static let sql = """
    WITH cut AS (
      SELECT k.id, LEAST(
        (SELECT min(e.settled_at)
         FROM lifecycle.rotation AS r
         JOIN lifecycle.effect AS e ON e.rotation_id = r.id
         WHERE r.credential_id = c.id AND e.verb = 'block_logins' AND e.state = 'applied' AND e.settled_at >= k.cause_at),
        (SELECT min(i.settled_at)
         FROM lifecycle.containment_item AS i
         WHERE i.credential_id = c.id AND i.state = 'contained' AND i.settled_at >= k.cause_at)) AS at
      FROM governance.ticket AS k
      JOIN lifecycle.credential AS c ON c.identity_id = k.identity_id
      WHERE k.state = 'open' AND k.kind IN ('leak', 'leaver') AND k.contained_at IS NULL
    )
    UPDATE governance.ticket AS k
    SET contained_at = cut.at
    FROM cut
    WHERE k.id = cut.id AND cut.at IS NOT NULL AND k.contained_at IS NULL
    """
}

/// A ticket is proven by a saga that began after its cause, under an authorization that is newer than the cause or was made
/// by the ticket's own request, and that ended with all proofs. What has ended must be removed, or renewed. What was reviewed ends with the next rotation; a removal
/// compensates it.
struct SettleProvenTickets: Statement {
  static let sql = """
    WITH proven AS (
      SELECT k.id, min(r.finished_at) AS at, min(a.valid_from) AS approved, bool_or(k.kind = 'review' AND r.action = 'revoke') AS compensates,
        min((SELECT min(e.settled_at) FROM lifecycle.effect AS e
          WHERE e.rotation_id = r.id AND e.verb IN ('block_logins', 'set_secret') AND e.state = 'applied')) AS contained
      FROM governance.ticket AS k
      JOIN lifecycle.credential AS c ON c.identity_id = k.identity_id
      JOIN lifecycle.rotation AS r ON r.credential_id = c.id
      JOIN governance.authorization AS a ON a.id = r.authorization_id
      WHERE k.state = 'open' AND k.kind <> 'break_glass' AND r.state = 'done' AND r.finished_at >= k.cause_at
        AND CASE
          WHEN k.kind = 'request' THEN k.request_id = a.request_id
          WHEN k.kind IN ('vendor_end', 'expired') THEN r.created_at >= k.cause_at
            AND (r.action = 'revoke' OR r.created_at >= k.opened_at AND a.valid_from >= k.opened_at)
          ELSE r.created_at >= k.cause_at AND (a.valid_from >= k.cause_at OR r.action = 'revoke' OR k.kind = 'review')
        END
      GROUP BY k.id
    )
    UPDATE governance.ticket AS k
    SET proven_at = p.at, contained_at = COALESCE(k.contained_at, p.contained, p.at),
      approved_at = COALESCE(k.approved_at, GREATEST(p.approved, k.cause_at)), state = 'resolved',
      resolution = CASE WHEN p.compensates THEN 'compensated' ELSE 'proven' END, resolved_at = clock_timestamp()
    FROM proven AS p
    WHERE k.id = p.id AND k.state = 'open'
    """
}

/// Identities with an open ticket for a leaver or the end of a vendor whose policy removes them, and no removal under way.
struct FindPolicyRemovals: Statement {
  static let sql = """
    SELECT i.id, CASE k.kind WHEN 'leaver' THEN 'owner_left' ELSE 'vendor_end' END
    FROM governance.ticket AS k
    JOIN governance.identity AS i ON i.id = k.identity_id
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    JOIN lifecycle.credential AS c ON c.identity_id = i.id
    LEFT JOIN governance.vendor AS v ON v.id = i.vendor_id
    WHERE k.kind IN ('leaver', 'vendor_end') AND k.state = 'open'
      AND convert_from(p.document, 'UTF8')::jsonb ->> CASE k.kind WHEN 'leaver' THEN 'onOwnerLeft' ELSE 'onVendorEnd' END = 'revoke'
      AND CASE k.kind WHEN 'leaver' THEN o.state = 'terminated' ELSE v.contract_until <= now() END
      AND c.state IN ('pending', 'active')
      AND NOT EXISTS (
        SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.action = 'revoke' AND r.finished_at IS NULL)
    ORDER BY k.due_at
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> (identity: IdentityID, cause: String) {
    (IdentityID(try row[0]), try row[1])
  }
}

/// Vendors whose contract is over and of whom nobody was told yet.
struct TakeVendorEnds: Statement {
  static let sql = """
    UPDATE governance.vendor AS v
    SET end_told_for = v.contract_until
    FROM (
      SELECT w.id
      FROM governance.vendor AS w
      WHERE w.contract_until <= now() AND w.end_told_for IS DISTINCT FROM w.contract_until
      ORDER BY w.id
      LIMIT $1
      FOR NO KEY UPDATE SKIP LOCKED
    ) AS m
    WHERE v.id = m.id
    RETURNING v.id, v.name, v.contract_until
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> (id: UUID, name: String, end: Date) {
    (try row[0], try row[1], try row[2])
  }
}

struct FindLiveIdentitiesOfVendor: Statement {
  static let sql = """
    SELECT i.id
    FROM governance.identity AS i
    JOIN lifecycle.credential AS c ON c.identity_id = i.id
    WHERE i.vendor_id = $1 AND c.state IN ('pending', 'active')
    ORDER BY i.id
    """

  let vendor: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(vendor) }
  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

/// Live credentials whose authorization's time is over; those that have expired themselves are removed instead. Relies on
/// `authorization_end`.
struct FindEndedAuthority: Statement {
  static let sql = """
    SELECT a.identity_id, a.request_id, a.valid_until
    FROM governance.authorization AS a
    JOIN lifecycle.credential AS c ON c.authorization_id = a.id
    WHERE a.voided_at IS NULL AND a.valid_until <= now() AND c.state = 'active' AND c.hard_expires_at > now()
    ORDER BY a.valid_until
    LIMIT $1
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> (identity: IdentityID, request: RequestID, end: Date) {
    (IdentityID(try row[0]), RequestID(try row[1]), try row[2])
  }
}

/// Alarms about consumers that no ticket stands for yet.
struct TakeOverlapAlarms: Statement {
  static let sql = """
    UPDATE lifecycle.alarm AS a
    SET ticket_opened_at = now()
    FROM (
      SELECT b.id, c.identity_id
      FROM lifecycle.alarm AS b
      JOIN lifecycle.rotation AS r ON r.id = b.subject
      JOIN lifecycle.credential AS c ON c.id = r.credential_id
      WHERE b.kind = 'overlap_exceeded' AND b.cleared_at IS NULL AND b.ticket_opened_at IS NULL
      ORDER BY b.raised_at
      LIMIT $1
      FOR NO KEY UPDATE OF b SKIP LOCKED
    ) AS m
    WHERE a.id = m.id
    RETURNING m.identity_id, a.detail, a.raised_at
    """

  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(limit) }

  static func decode(_ row: PostgresRow) throws -> (identity: IdentityID, detail: String, raisedAt: Date) {
    (IdentityID(try row[0]), try row[1], try row[2])
  }
}
