import Foundation
import Governance
import Jobs
import Postgres
import Targets

struct FindLiveCredential: Statement {
  static let sql = """
    SELECT c.id, c.fence, c.target_id, t.admin_version, v.number, v.login, v.envelope,
      i.id, i.name, i.login_mode, i.rights,
      p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length, now()
    FROM lifecycle.credential AS c
    JOIN lifecycle.version AS v ON v.credential_id = c.id AND v.state = 'current'
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN governance.target AS t ON t.id = c.target_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    WHERE c.id = $1 AND c.state = 'active'
      AND NOT EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL)
    """

  let credential: SubjectID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  static func decode(_ row: PostgresRow) throws -> LiveCredential {
    LiveCredential(
      credential: CredentialID(try row[0]), fence: try row[1], target: TargetID(try row[2]), adminVersion: try row[3],
      identity: SagaIdentity(
        id: IdentityID(try row[7]), name: try row[8], loginMode: try row[9], rights: try row[10],
        policy: try Policy(row, from: 11)),
      version: CredentialVersion(number: try row[4], state: .current, login: try row[5], envelope: try row[6]),
      clock: DatabaseClock(reading: try row[20]))
  }
}

/// What a look found, and when the next one is due. Guard: the fence; not done means that somebody newer was here.
struct InsertVerification: BatchStatement {
  static let sql = """
    WITH planned AS (
      UPDATE lifecycle.credential AS c
      SET next_verify_at = now() + make_interval(secs => m.seconds), fence = m.fence
      FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::jsonb[], $5::jsonb[], $6::bigint[], $7::float8[])
        WITH ORDINALITY AS m (id, version, result, drifts, detail, fence, seconds, n)
      WHERE c.id = m.id AND c.fence <= m.fence
      RETURNING m.*
    ), written AS (
      INSERT INTO lifecycle.verification (id, credential_id, version, result, drifts, detail, fence)
      SELECT ($8::uuid[])[p.n], p.id, p.version, p.result, ARRAY(SELECT jsonb_array_elements_text(p.drifts)), p.detail,
        p.fence
      FROM planned AS p
    )
    SELECT array_agg(n) FROM planned
    """

  let credential: CredentialID
  let version: Int32
  let verification: Verification
  let fence: Int64
  /// Seconds.
  let nextIn: Double

  static func bind(_ rows: [InsertVerification], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.version))
    parameters.append(rows.map(\.verification.result.rawValue))
    parameters.append(rows.map { JSONText(json: $0.verification.drifts.map(\.rawValue)) })
    parameters.append(rows.map { JSONText(json: $0.verification.detail) })
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map(\.nextIn))
    parameters.append(rows.map { _ in UUID.ordered() })
  }
}

struct VerifyNow: Statement {
  static let sql = """
    UPDATE lifecycle.credential
    SET next_verify_at = now()
    WHERE id = $1
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }
}
