import Foundation
import Governance
import Postgres

/// Lock order: items before nothing else of theirs; credentials and jobs come after. Only what is cut off, or refused to be.
struct LockItemsToFollowUp: Statement {
  static let sql = """
    SELECT m.credential_id, m.authorization_id
    FROM lifecycle.containment_item AS m
    WHERE m.containment_target_id = $1 AND m.follow_up = 'waiting' AND m.state IN ('contained', 'refused')
      AND m.credential_id > $2
    ORDER BY m.credential_id
    LIMIT $3
    FOR NO KEY UPDATE
    """

  let entry: UUID
  let after: UUID
  let limit: Int64

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(entry)
    parameters.append(after)
    parameters.append(limit)
  }

  static func decode(_ row: PostgresRow) throws -> (credential: CredentialID, authorization: AuthorizationID) {
    (CredentialID(try row[0]), AuthorizationID(try row[1]))
  }
}

/// Unless another containment has not cut it off yet. Relies on `containment_item_credential`.
struct LiftEmbargoes: Statement {
  static let sql = """
    DELETE FROM governance.embargo AS e
    WHERE e.subject = ANY($1)
      AND NOT EXISTS (
        SELECT FROM lifecycle.containment_item AS m
        WHERE m.credential_id = e.subject AND m.follow_up = 'waiting' AND m.state IN ('waiting', 'intended'))
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }
}

/// Lock order: credentials by id, before their jobs.
struct LockCredentialsByID: Statement {
  static let sql = """
    SELECT c.id, c.identity_id, c.target_id, c.state, c.authorization_id, c.fence, c.due_anchor,
      NULLIF(c.next_due_at, 'infinity'), c.hard_expires_at,
      EXISTS (SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.finished_at IS NULL AND r.action <> 'revoke')
    FROM lifecycle.credential AS c
    WHERE c.id = ANY($1)
    ORDER BY c.id
    FOR NO KEY UPDATE
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> (credential: CredentialRecord, isUnderWay: Bool) {
    (try CredentialRecord(row), try row[9])
  }
}

/// With the saga that is open for it.
struct SettleFollowUps: Statement {
  static let sql = """
    UPDATE lifecycle.containment_item AS m
    SET follow_up = w.follow_up, follow_up_detail = left(w.detail, 200),
      rotation_id = (
        SELECT r.id FROM lifecycle.rotation AS r
        WHERE w.follow_up = 'opened' AND r.credential_id = m.credential_id AND r.finished_at IS NULL
          AND (r.action = 'revoke') = $5)
    FROM unnest($2::uuid[], $3::text[], $4::text[]) AS w (credential_id, follow_up, detail)
    WHERE m.containment_target_id = $1 AND m.credential_id = w.credential_id
    """

  struct FollowUp: Sendable {
    let credential: CredentialID
    let word: String
    let detail: String?
  }

  let entry: UUID
  let followUps: [FollowUp]
  let isRevocation: Bool

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(entry)
    parameters.append(followUps.map(\.credential.rawValue))
    parameters.append(followUps.map(\.word))
    parameters.append(followUps.map(\.detail))
    parameters.append(isRevocation)
  }
}

struct CountOpenParts: Statement {
  static let sql = """
    SELECT count(*) FILTER (WHERE state IN ('waiting', 'intended')), count(*) FILTER (WHERE follow_up = 'waiting')
    FROM lifecycle.containment_item
    WHERE containment_target_id = $1
    """

  let entry: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(entry) }

  static func decode(_ row: PostgresRow) throws -> (remaining: Int, waiting: Int) { (try row[0], try row[1]) }
}

/// For a containment whose credentials live on, what was granted for the cut ends with it.
struct EndContainmentTarget: Statement {
  static let sql = """
    WITH ended AS (
      UPDATE lifecycle.containment_target
      SET ended_at = now()
      WHERE id = $1 AND ended_at IS NULL
      RETURNING id
    )
    SELECT m.authorization_id
    FROM ended AS e
    JOIN lifecycle.containment_item AS m ON m.containment_target_id = e.id
    """

  let entry: UUID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(entry) }

  static func decode(_ row: PostgresRow) throws -> AuthorizationID { AuthorizationID(try row[0]) }
}
