import Foundation
import Governance
import Jobs
import Postgres

/// Counts as done whatever it changes.
struct NoteGrant: BatchStatement {
  static let sql = """
    WITH noted AS (
      UPDATE lifecycle.rotation AS r
      SET granted = true
      FROM unnest($1::uuid[]) AS m (id)
      WHERE r.id = m.id
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let rotation: RotationID

  static func bind(_ rows: [NoteGrant], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
  }
}

/// Guard: not taken yet. The keys of each row are one JSON array, because arrays of arrays must all have one length.
struct NoteInventory: BatchStatement {
  static let sql = """
    WITH noted AS (
      UPDATE lifecycle.rotation AS r
      SET inventory = ARRAY(SELECT jsonb_array_elements_text(m.keys))
      FROM unnest($1::uuid[], $2::jsonb[]) WITH ORDINALITY AS m (id, keys, n)
      WHERE r.id = m.id AND r.inventory IS NULL
      RETURNING m.n
    )
    SELECT array_agg(n) FROM noted
    """

  let rotation: RotationID
  let keys: [String]

  static func bind(_ rows: [NoteInventory], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map { JSONText(json: $0.keys) })
  }
}

/// What the person who must look needs to know, with the newest proof. Counts as done whatever it changes.
struct NoteQuarantine: BatchStatement {
  static let sql = """
    WITH noted AS (
      UPDATE lifecycle.rotation AS r
      SET quarantine = CASE WHEN m.note <> 'null'::jsonb THEN m.note || jsonb_build_object('since', now(), 'last_proof', (
        SELECT jsonb_build_object('kind', p.kind, 'result', p.result, 'at', p.observed_at, 'version', p.version)
        FROM lifecycle.proof AS p
        WHERE p.rotation_id = r.id
        ORDER BY p.observed_at DESC, p.commit_id DESC, p.place DESC
        LIMIT 1)) END
      FROM unnest($1::uuid[], $2::jsonb[]) AS m (id, note)
      WHERE r.id = m.id
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let rotation: RotationID
  /// Nil: nobody has to look any more.
  let note: QuarantineNote?

  static func bind(_ rows: [NoteQuarantine], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.rotation.rawValue))
    parameters.append(rows.map { JSONText(json: $0.note) })
  }
}

/// Before a try that may fail, and after one that did not.
struct CountLoginTry: BatchStatement {
  static let sql = """
    WITH counted AS (
      INSERT INTO lifecycle.login_try (credential_id, login, failures, last_failure_at, refusals)
      SELECT m.credential_id, m.login, m.failures, m.last_failure_at, m.refusals
      FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[], $5::jsonb[])
        AS m (credential_id, login, failures, last_failure_at, refusals)
      ON CONFLICT (credential_id, login) DO UPDATE
      SET failures = EXCLUDED.failures, last_failure_at = EXCLUDED.last_failure_at, refusals = EXCLUDED.refusals
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let credential: CredentialID
  let login: String
  let tries: LoginTries

  static func bind(_ rows: [CountLoginTry], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.credential.rawValue))
    parameters.append(rows.map(\.login))
    parameters.append(rows.map { Int32($0.tries.failures) })
    parameters.append(rows.map(\.tries.lastFailureAt))
    parameters.append(rows.map { JSONText(json: $0.tries.refusals.mapValues(\.timeIntervalSince1970)) })
  }
}

struct FindLoginTries: Statement {
  static let sql = """
    SELECT login, failures, last_failure_at, refusals
    FROM lifecycle.login_try
    WHERE credential_id = $1
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  static func decode(_ row: PostgresRow) throws -> (login: String, tries: LoginTries) {
    let (failures, refusals): (Int32, JSONText) = (try row[1], try row[3])
    return (
      try row[0],
      LoginTries(
        failures: Int(failures), lastFailureAt: try row[2],
        refusals: try refusals.decode([String: Double].self).mapValues { Date(timeIntervalSince1970: $0) })
    )
  }
}

/// Relies on `effect_pkey`.
struct FindNewestOpenIntent: Statement {
  static let sql = """
    SELECT max(intended_at)
    FROM lifecycle.effect
    WHERE rotation_id = $1 AND state IN ('intended', 'unknown')
    """

  let rotation: RotationID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(rotation.rawValue) }

  static func decode(_ row: PostgresRow) throws -> Date? { try row[0] }
}

struct MarkLeaked: Statement {
  static let sql = """
    UPDATE lifecycle.credential
    SET leaked_at = COALESCE(leaked_at, now())
    WHERE id = ANY($1) AND state = 'active'
    """

  let credentials: [CredentialID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials.map(\.rawValue)) }
}

/// A quarantined saga, locked. Lock order: after the credential and its job.
struct LockQuarantinedSaga: Statement {
  static let sql = """
    SELECT r.id, r.action, r.state, r.quarantine -> 'allowed', r.resume_state, r.new_version, r.old_version, r.candidates, r.fence,
      r.entered_at, now()
    FROM lifecycle.rotation AS r
    WHERE r.credential_id = $1 AND r.finished_at IS NULL
    ORDER BY r.action = 'revoke' DESC
    LIMIT 1
    FOR NO KEY UPDATE
    """

  let credential: CredentialID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credential.rawValue) }

  static func decode(_ row: PostgresRow) throws -> QuarantinedSaga {
    let (action, state): (String, String) = (try row[1], try row[2])
    let resume: String? = try row[4]
    guard let action = GovernedAction(rawValue: action), let state = RotationState(rawValue: state) else {
      throw LifecycleError(code: .unreadableRow, message: "a rotation holds a word this version does not know")
    }
    let allowed: JSONText? = try row[3]
    return QuarantinedSaga(
      id: RotationID(try row[0]), action: action, state: state,
      allowed: try allowed?.decode([QuarantineAction].self) ?? [.release],
      resumeState: resume.flatMap(RotationState.init(rawValue:)), newVersion: try row[5], oldVersion: try row[6],
      candidates: try row[7], fence: try row[8], enteredAt: try row[9], now: try row[10])
  }
}

struct DirectSaga: Statement {
  static let sql = """
    UPDATE lifecycle.rotation
    SET resume_state = $2
    WHERE id = $1 AND state = 'quarantined' AND finished_at IS NULL
    """

  let rotation: RotationID
  let resume: RotationState

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotation.rawValue)
    parameters.append(resume.rawValue)
  }
}

struct NarrowIdentity: Statement {
  static let sql = """
    UPDATE governance.identity
    SET rights = $2
    WHERE id = $1 AND rights @> $2 AND rights <> $2
    """

  let identity: IdentityID
  /// Sorted, without duplicates.
  let rights: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity.rawValue)
    parameters.append(rights)
  }
}
