import Foundation
import Governance
import Postgres

/// What is not cut off yet. Relies on `containment_item_pkey`.
struct FindItemsToContain: Statement {
  static let sql = """
    SELECT m.credential_id, m.fence, i.name, i.login_mode
    FROM lifecycle.containment_item AS m
    JOIN lifecycle.credential AS c ON c.id = m.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id
    WHERE m.containment_target_id = $1 AND m.state IN ('waiting', 'intended')
    ORDER BY m.attempts, m.credential_id
    """

  let entry: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(entry) }

  static func decode(_ row: PostgresRow) throws -> ContainmentItem {
    ContainmentItem(
      credential: CredentialID(try row[0]), fence: try row[1], name: try row[2], loginMode: try row[3])
  }
}

/// Permit and intent of each, before the target is touched. Not for those whose authorization does not hold, and for none
/// in a database that is only observed. The embargo does not hold it up: it is there for this.
struct IntendContainment: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT m.credential_id, w.permit, m.authorization_id, m.fence
      FROM unnest($2::uuid[], $3::uuid[]) AS w (credential_id, permit)
      JOIN lifecycle.containment_item AS m
        ON m.containment_target_id = $1 AND m.credential_id = w.credential_id AND m.state IN ('waiting', 'intended')
      JOIN governance.authorization AS a ON a.id = m.authorization_id
      WHERE a.voided_at IS NULL AND a.valid_until > now() AND 'revoke' = ANY(a.actions)
        AND EXISTS (
          SELECT FROM governance.live_incarnation AS i WHERE i.id = $4 AND i.mark >= $5)
      FOR SHARE OF a
    ), granted AS (
      INSERT INTO governance.permit (id, authorization_id, action, subject, fence, incarnation, mark)
      SELECT permit, authorization_id, 'revoke', credential_id, fence, $4, $5
      FROM wanted
      RETURNING id, subject
    )
    UPDATE lifecycle.containment_item AS m
    SET state = 'intended', permit_id = g.id, attempts = m.attempts + 1, intended_at = clock_timestamp()
    FROM granted AS g
    WHERE m.containment_target_id = $1 AND m.credential_id = g.subject
    """

  let entry: UUID
  let credentials: [CredentialID]
  let permits: [UUID]
  let incarnation: IncarnationClaim?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(entry)
    parameters.append(credentials.map(\.rawValue))
    parameters.append(permits)
    parameters.append(incarnation?.id)
    parameters.append(incarnation?.mark)
  }
}

/// Which of the permits became intents.
struct FindIntended: Statement {
  static let sql = """
    SELECT m.credential_id
    FROM lifecycle.containment_item AS m
    WHERE m.containment_target_id = $1 AND m.credential_id = ANY($2) AND m.state = 'intended' AND m.permit_id = ANY($3)
    """

  let entry: UUID
  let credentials: [CredentialID]
  let permits: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(entry)
    parameters.append(credentials.map(\.rawValue))
    parameters.append(permits)
  }

  static func decode(_ row: PostgresRow) throws -> CredentialID { CredentialID(try row[0]) }
}

/// Guard: intended, by these permits.
struct SettleContainment: Statement {
  static let sql = """
    UPDATE lifecycle.containment_item AS m
    SET state = w.state, outcome_code = left(w.code, 200),
      settled_at = CASE WHEN w.state <> 'intended' THEN clock_timestamp() END
    FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS w (credential_id, permit, state, code)
    WHERE m.containment_target_id = $1 AND m.credential_id = w.credential_id AND m.permit_id = w.permit
      AND m.state = 'intended'
    """

  struct Outcome: Sendable {
    let credential: CredentialID
    let permit: UUID
    /// `contained`, `refused`, or `intended` for one that is not known and will be repeated.
    let state: String
    let code: String?
  }

  let entry: UUID
  let outcomes: [Outcome]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(entry)
    parameters.append(outcomes.map(\.credential.rawValue))
    parameters.append(outcomes.map(\.permit))
    parameters.append(outcomes.map(\.state))
    parameters.append(outcomes.map(\.code))
  }
}

/// The target refused a lower fence: somebody was newer. The next try is above what the engine has used since.
struct RaiseItemFences: Statement {
  static let sql = """
    UPDATE lifecycle.containment_item AS m
    SET fence = GREATEST(m.fence, c.fence, COALESCE(j.fence, 0)) + 1
    FROM lifecycle.credential AS c
    LEFT JOIN jobs.job AS j ON j.subject = c.id AND j.bucket = c.bucket
    WHERE m.containment_target_id = $1 AND m.credential_id = ANY($2) AND c.id = m.credential_id
    """

  let entry: UUID
  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(entry)
    parameters.append(credentials.map(\.rawValue))
  }
}

struct MarkTried: Statement {
  static let sql = """
    UPDATE lifecycle.containment_target
    SET tried_at = COALESCE(tried_at, now())
    WHERE id = $1
    """

  let entry: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(entry) }
}

/// Whether every part of the containment was tried: what follows may begin.
struct FindUntriedParts: Statement {
  static let sql = """
    SELECT count(*)
    FROM lifecycle.containment_target
    WHERE containment_id = $1 AND tried_at IS NULL
    """

  let containment: ContainmentID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(containment.rawValue) }

  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}
