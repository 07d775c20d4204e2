import Foundation
import Postgres

/// Notes why older approvals count no more, and voids what they granted. Removals stay granted.
/// Lock order: authorizations by id.
struct VoidIdentities: Statement {
  static let sql = """
    WITH hit AS (
      SELECT h.identity_id, h.code, h.words, h.is_trigger
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[]) AS h (identity_id, code, words, is_trigger)
    ), noted AS (
      INSERT INTO governance.reapproval (identity_id, trigger, words)
      SELECT h.identity_id, h.code, h.words
      FROM hit AS h
      WHERE h.is_trigger
    ), chosen AS (
      SELECT a.id, a.identity_id, f.code, f.words
      FROM (SELECT DISTINCT ON (h.identity_id) h.* FROM hit AS h ORDER BY h.identity_id, h.code) AS f
      JOIN governance.authorization AS a ON a.identity_id = f.identity_id
      WHERE a.voided_at IS NULL AND a.actions <> ARRAY['revoke'] AND ($5::uuid IS NULL OR a.request_id = $5)
      ORDER BY a.id
      FOR NO KEY UPDATE OF a
    ), voided AS (
      UPDATE governance.authorization AS a
      SET voided_at = clock_timestamp(), void_code = c.code, void_reason = c.words
      FROM chosen AS c
      WHERE a.id = c.id
      RETURNING c.identity_id
    )
    SELECT DISTINCT v.identity_id FROM voided AS v
    """

  let voidings: [Voiding]
  let onlyOf: RequestID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(voidings.map(\.identity.rawValue))
    parameters.append(voidings.map(\.code))
    parameters.append(voidings.map { TicketText.clipped($0.words, 500) })
    parameters.append(voidings.map { ReapprovalTrigger(rawValue: $0.code) != nil })
    parameters.append(onlyOf?.rawValue)
  }

  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

/// One open ticket of a kind for each identity; where there is one, a note is added to it.
struct OpenTickets: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT DISTINCT ON (w.identity_id, w.kind) w.*
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::float8[], $7::float8[]) WITH ORDINALITY
        AS w (identity_id, kind, subject, body, seconds, proof_seconds, n)
      ORDER BY w.identity_id, w.kind, w.n
    ), opened AS (
      INSERT INTO governance.ticket (id, kind, identity_id, subject, body, cause_at, due_at, proof_due_at)
      SELECT gen_random_uuid(), w.kind, w.identity_id, w.subject, w.body, $6::timestamptz,
        $6::timestamptz + make_interval(secs => w.seconds), $6::timestamptz + make_interval(secs => w.proof_seconds)
      FROM wanted AS w
      ON CONFLICT (identity_id, kind)
        WHERE state = 'open' AND kind IN ('reapproval', 'leaver', 'leak', 'vendor_end', 'expired', 'review')
        DO NOTHING
      RETURNING identity_id, kind
    )
    INSERT INTO governance.ticket_note (ticket_id, code, author, words)
    SELECT t.id, w.kind, 'keyturn', left(w.subject || E'\\n' || w.body, 4000)
    FROM wanted AS w
    JOIN governance.ticket AS t ON t.identity_id = w.identity_id AND t.kind = w.kind AND t.state = 'open'
    WHERE NOT EXISTS (SELECT FROM opened AS o WHERE o.identity_id = w.identity_id AND o.kind = w.kind)
    """

  struct Order: Sendable {
    let identity: IdentityID
    let kind: Ticket.Kind
    let subject: String
    let body: String
    /// From the cause.
    let dueSeconds: Double
    /// From the cause to the proof, where that has a clock of its own.
    var proofSeconds: Double?
  }

  let orders: [Order]
  let cause: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(orders.map(\.identity.rawValue))
    parameters.append(orders.map(\.kind.rawValue))
    parameters.append(orders.map(\.subject))
    parameters.append(orders.map(\.body))
    parameters.append(orders.map(\.dueSeconds))
    parameters.append(cause)
    parameters.append(orders.map(\.proofSeconds))
  }
}

/// Identities that these people own, or whose live authorization rests on them.
/// Relies on `identity_owner`, `identity_backup_owner`, `request_requester`, `approval_approver`, `authorization_request_once`.
struct FindIdentitiesOfPeople: Statement {
  static let sql = """
    WITH fact AS MATERIALIZED (
      SELECT f.person_id, f.n, f.only_privileged
      FROM unnest($1::uuid[], $2::boolean[]) WITH ORDINALITY AS f (person_id, only_privileged, n)
    ), hit AS (
      SELECT i.id AS identity_id, f.n, 'owner' AS part
      FROM fact AS f JOIN governance.identity AS i ON i.owner_id = f.person_id
      UNION ALL
      SELECT i.id, f.n, 'backup owner'
      FROM fact AS f JOIN governance.identity AS i ON i.backup_owner_id = f.person_id
      UNION ALL
      SELECT a.identity_id, f.n, 'requester'
      FROM fact AS f
      JOIN governance.request AS r ON r.requester_id = f.person_id
      JOIN governance.authorization AS a ON a.request_id = r.id AND a.revision = r.revision
      WHERE a.voided_at IS NULL
      UNION ALL
      SELECT a.identity_id, f.n, 'approver'
      FROM fact AS f
      JOIN governance.approval AS ap ON ap.approver_id = f.person_id AND ap.decision = 'approve'
      JOIN governance.authorization AS a ON a.request_id = ap.request_id AND a.revision = ap.revision
      WHERE a.voided_at IS NULL
      UNION ALL
      SELECT a.identity_id, f.n, 'person acted for'
      FROM fact AS f
      JOIN governance.approval AS ap ON ap.acting_for_id = f.person_id AND ap.decision = 'approve'
      JOIN governance.authorization AS a ON a.request_id = ap.request_id AND a.revision = ap.revision
      WHERE a.voided_at IS NULL
    )
    SELECT DISTINCT ON (h.identity_id, h.n) h.identity_id, h.n, h.part, i.policy_id, i.name, i.tier
    FROM hit AS h
    JOIN fact AS f ON f.n = h.n
    JOIN governance.identity AS i ON i.id = h.identity_id
    WHERE NOT f.only_privileged OR i.tier = 'privileged'
    ORDER BY h.identity_id, h.n, h.part = 'owner' DESC, h.part = 'backup owner' DESC, h.part
    """

  let people: [PersonID]
  let onlyPrivileged: [Bool]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(people.map(\.rawValue))
    parameters.append(onlyPrivileged)
  }

  struct Row: Sendable {
    let identity: IdentityID
    /// Place in `people`, from 0.
    let index: Int
    let part: String
    let policy: PolicyID
    let name: String
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    let number: Int64 = try row[1]
    return Row(
      identity: IdentityID(try row[0]), index: Int(number) - 1, part: try row[2], policy: PolicyID(try row[3]),
      name: try row[4])
  }
}

/// What tickets about these identities need.
struct FindIdentityNames: Statement {
  static let sql = "SELECT id, name, policy_id FROM governance.identity WHERE id = ANY($1)"

  let identities: [IdentityID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identities.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> (id: IdentityID, name: String, policy: PolicyID) {
    (IdentityID(try row[0]), try row[1], PolicyID(try row[2]))
  }
}

struct FindPolicyDocuments: Statement {
  static let sql = "SELECT id, document FROM governance.policy"

  static func decode(_ row: PostgresRow) throws -> (id: PolicyID, document: [UInt8]?) {
    (PolicyID(try row[0]), try row[1])
  }
}

struct FindIdentitiesOfTarget: Statement {
  static let sql = "SELECT id FROM governance.identity WHERE target_id = $1"
  let target: TargetID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(target.rawValue) }
  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

struct FindIdentitiesOfPolicy: Statement {
  static let sql = "SELECT id FROM governance.identity WHERE policy_id = $1"
  let policy: PolicyID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(policy.rawValue) }
  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

struct FindIdentitiesOfVendor: Statement {
  static let sql = "SELECT id FROM governance.identity WHERE vendor_id = $1"
  let vendor: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(vendor) }
  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

struct FindIdentitiesOfDelegation: Statement {
  static let sql = """
    SELECT DISTINCT a.identity_id
    FROM governance.approval AS ap
    JOIN governance.authorization AS a ON a.request_id = ap.request_id AND a.revision = ap.revision
    WHERE ap.delegation_id = $1 AND ap.decision = 'approve' AND a.voided_at IS NULL
    """
  let delegation: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(delegation) }
  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

/// Live authorizations in the order of their ids, for the nightly check.
struct FindLiveAuthorizations: Statement {
  static let sql = """
    SELECT a.id, a.request_id, a.revision
    FROM governance.authorization AS a
    WHERE a.voided_at IS NULL AND a.valid_until > now() AND a.actions <> ARRAY['revoke'] AND a.id > $1
    ORDER BY a.id
    LIMIT $2
    """

  let after: UUID
  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(after)
    parameters.append(limit)
  }

  static func decode(_ row: PostgresRow) throws -> (id: UUID, request: RequestID, revision: Int32) {
    (try row[0], RequestID(try row[1]), try row[2])
  }
}
