import Foundation
import Postgres

struct FindRotations: Statement {
  static let sql = """
    SELECT r.credential_id, r.id
    FROM lifecycle.rotation AS r
    WHERE r.credential_id = ANY($1) AND r.finished_at IS NULL
    """

  let credentials: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials) }

  static func decode(_ row: PostgresRow) throws -> (credential: UUID, rotation: UUID) { (try row[0], try row[1]) }
}

struct PlainLease: Statement {
  static let sql = """
    UPDATE jobs.job AS j
    SET fence = j.fence + 1, attempt = j.attempt + 1, lease_owner = j.subject, lease_expires_at = now()
    FROM unnest($1::uuid[]) AS m (id)
    WHERE j.subject = m.id
    """

  let subjects: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(subjects) }
}

struct PlainArchive: Statement {
  static let sql = """
    WITH mine AS (
      DELETE FROM jobs.job AS j
      USING unnest($1::uuid[]) AS m (id)
      WHERE j.subject = m.id
      RETURNING j.*
    )
    INSERT INTO jobs.job_archive (bucket, id, kind, subject, limit_group, lane, outcome, fence, attempt, failures,
      abandonments, created_at, finished_by)
    SELECT bucket, id, kind, subject, limit_group, lane, 'done', fence, attempt, failures, abandonments, created_at,
      lease_owner
    FROM mine
    """

  let subjects: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(subjects) }
}

struct PlainFence: Statement {
  static let sql = """
    UPDATE lifecycle.credential AS c SET fence = c.fence + 1 FROM unnest($1::uuid[]) AS m (id) WHERE c.id = m.id
    """

  let credentials: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials) }
}

struct PlainPublish: Statement {
  static let sql = """
    UPDATE lifecycle.credential AS c
    SET due_anchor = now(), next_due_at = now() + interval '1 day'
    FROM unnest($1::uuid[]) AS m (id)
    WHERE c.id = m.id
    """

  let credentials: [UUID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(credentials) }
}

/// The envelope of the version before stands for a new one.
struct PlainCandidates: Statement {
  static let sql = """
    INSERT INTO lifecycle.version (credential_id, number, state, login, envelope, key_id)
    SELECT m.id, 2, 'candidate', m.login, v.envelope, v.key_id
    FROM unnest($1::uuid[], $2::text[]) AS m (id, login)
    JOIN lifecycle.version AS v ON v.credential_id = m.id AND v.number = 1
    """

  let credentials: [UUID]
  let logins: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credentials)
    parameters.append(logins)
  }
}

struct PlainVersions: Statement {
  static let sql = """
    UPDATE lifecycle.version AS v
    SET state = $3, published_at = CASE WHEN $3 = 'current' THEN now() ELSE v.published_at END,
      envelope = CASE WHEN $3 <> 'revoked' THEN v.envelope END
    FROM unnest($1::uuid[]) AS m (id)
    WHERE v.credential_id = m.id AND v.number = $2
    """

  let credentials: [UUID]
  let number: Int32
  let state: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credentials)
    parameters.append(number)
    parameters.append(state)
  }
}

struct PlainMove: Statement {
  static let sql = """
    UPDATE lifecycle.rotation AS r
    SET state = $2, fence = 2, new_version = 2, old_version = 1, steps = r.steps + 1, entered_at = now(),
      finished_at = CASE WHEN $2 = 'done' THEN now() END
    FROM unnest($1::uuid[]) AS m (id)
    WHERE r.id = m.id
    """

  let rotations: [UUID]
  let state: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotations)
    parameters.append(state)
  }
}

struct PlainCommit: Statement {
  static let sql = """
    INSERT INTO lifecycle.rotation_commit
      (rotation_id, id, credential_id, fence, first_step, states, started_at, entered_at, kinds, results, versions, details,
        observed_at)
    SELECT m.rotation_id, m.id, m.credential_id, 2, CASE WHEN cardinality($4::text[]) > 0 THEN 1 END, $4::text[],
      array_fill(now(), ARRAY[cardinality($4::text[]) - 1]), array_fill(now(), ARRAY[cardinality($4::text[]) - 1]), $5::text[],
      array_fill('passed'::text, ARRAY[cardinality($5::text[])]), array_fill(2, ARRAY[cardinality($5::text[])]), $6::jsonb,
      array_fill(now(), ARRAY[cardinality($5::text[])])
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS m (rotation_id, id, credential_id)
    """

  let rotations: [UUID]
  let commits: [UUID]
  let credentials: [UUID]
  /// Where it stood, and what it entered.
  let states: [String]
  let kinds: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotations)
    parameters.append(commits)
    parameters.append(credentials)
    parameters.append(states)
    parameters.append(kinds)
    parameters.append(
      JSONText(text: "[" + kinds.map { _ in #"{"code": "28P01"}"# }.joined(separator: ",") + "]"))
  }
}

struct PlainPermits: Statement {
  static let sql = """
    INSERT INTO governance.permit (id, authorization_id, action, subject, fence, incarnation, mark)
    SELECT m.id, m.authorization_id, 'rotate', m.subject, 2, i.id, 1
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS m (id, authorization_id, subject)
    JOIN governance.incarnation AS i ON i.ended_at IS NULL
    """

  let permits: [UUID]
  let authorizations: [UUID]
  let subjects: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(permits)
    parameters.append(authorizations)
    parameters.append(subjects)
  }
}

struct PlainEffects: Statement {
  static let sql = """
    INSERT INTO lifecycle.effect (id, rotation_id, credential_id, permit_id, verb, version, fence, state)
    SELECT m.id, m.rotation_id, m.credential_id, m.permit_id, $5, 2, 2, 'intended'
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS m (id, rotation_id, credential_id, permit_id)
    """

  let effects: [UUID]
  let rotations: [UUID]
  let credentials: [UUID]
  let permits: [UUID]
  let verb: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(effects)
    parameters.append(rotations)
    parameters.append(credentials)
    parameters.append(permits)
    parameters.append(verb)
  }
}

struct PlainSettle: Statement {
  static let sql = """
    UPDATE lifecycle.effect AS e
    SET state = 'applied', settled_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::uuid[]) AS m (rotation_id, id)
    WHERE e.rotation_id = m.rotation_id AND e.id = m.id
    """

  let rotations: [UUID]
  let effects: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rotations)
    parameters.append(effects)
  }
}
