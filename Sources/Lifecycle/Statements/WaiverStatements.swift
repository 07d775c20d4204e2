import Foundation
package import Governance
package import Postgres

/// What is known of a revocation. Only true while its job is locked. Times are left out, and looks that told nothing, so that
/// the same failure once more changes nothing.
struct FindWaiverFacts: Statement {
  static let sql = """
    SELECT i.name, t.name, t.environment, array_remove(ARRAY[q.requester_id, q.beneficiary_id, r.requested_by], NULL),
      r.quarantine ->> 'reason', j.failures, j.last_error,
      (SELECT COALESCE(jsonb_agg(p.line ORDER BY p.kind, p.version NULLS FIRST), '[]') FROM (
        SELECT DISTINCT ON (p.kind, p.version) p.kind, p.version, jsonb_build_object(
          'kind', p.kind, 'result', p.result, 'version', p.version, 'detail', p.detail) AS line
        FROM lifecycle.proof AS p
        WHERE p.rotation_id = r.id AND p.result <> 'cannot_tell'
        ORDER BY p.kind, p.version, p.observed_at DESC, p.commit_id DESC, p.place DESC) AS p),
      (SELECT COALESCE(jsonb_agg(e.line ORDER BY e.verb), '[]') FROM (
        SELECT DISTINCT ON (e.verb) e.verb, jsonb_build_object(
          'verb', e.verb, 'outcome', e.state, 'code', e.outcome_code) AS line
        FROM lifecycle.effect AS e
        WHERE e.rotation_id = r.id AND e.state IN ('applied', 'refused')
        ORDER BY e.verb, e.intended_at DESC, e.id DESC) AS e)
    FROM lifecycle.rotation AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN governance.authorization AS a ON a.id = r.authorization_id
    JOIN governance.request AS q ON q.id = a.request_id AND q.revision = a.revision
    LEFT JOIN jobs.job AS j ON j.subject = c.id AND j.bucket = c.bucket
    WHERE r.id = $1
    """

  let rotation: RotationID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(rotation.rawValue) }

  static func decode(_ row: PostgresRow) throws -> WaiverFacts {
    let (requesters, proofs, effects): ([UUID], JSONText, JSONText) = (try row[3], try row[7], try row[8])
    return WaiverFacts(
      identity: try row[0], target: try row[1], environment: try row[2], requesters: Set(requesters),
      quarantineReason: try row[4], failures: try row[5], lastError: try row[6],
      proofs: try proofs.decode([WaiverStatement.Proof].self),
      effects: try effects.decode([WaiverStatement.Effect].self))
  }
}

/// Guard: nobody has waived it.
struct InsertWaiver: Statement {
  static let sql = """
    INSERT INTO lifecycle.waiver
      (id, rotation_id, credential_id, waived_by, permission_id, ticket, reason, statement, digest, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT DO NOTHING
    """

  let rotation: RotationID
  let credential: CredentialID
  let by: PersonID
  let permission: UUID
  let ticket: String
  let reason: String
  let text: String
  let digest: RequestDigest
  let signature: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(UUID.ordered())
    parameters.append(rotation.rawValue)
    parameters.append(credential.rawValue)
    parameters.append(by.rawValue)
    parameters.append(permission)
    parameters.append(ticket)
    parameters.append(reason)
    parameters.append(text)
    parameters.append(digest.bytes)
    parameters.append(signature)
  }
}

struct MarkWaived: Statement {
  static let sql = "UPDATE lifecycle.credential SET state = 'waived', next_due_at = 'infinity' WHERE id = $1"

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }
}

/// The newest waiver of an identity's credential, as long as that is waived.
package struct FindWaiver: Statement {
  package static let sql = """
    SELECT waived_by, to_char(waived_at, 'YYYY-MM-DD HH24:MI:SS'), waiver_ticket, waiver_reason
    FROM keyturn.v_credential AS v
    JOIN lifecycle.credential AS c ON c.id = v.credential_id
    WHERE c.identity_id = $1 AND v.waived_at IS NOT NULL
    """

  let identity: IdentityID

  package init(identity: IdentityID) { self.identity = identity }

  package func bind(_ parameters: inout PostgresParameters) { parameters.append(identity.rawValue) }

  package static func decode(_ row: PostgresRow) throws -> (by: String, at: String, ticket: String, reason: String) {
    (try row[0], try row[1], try row[2], try row[3])
  }
}
