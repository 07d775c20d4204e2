import Foundation
import Postgres

/// The next number of its policy. Two who propose at once: one waits, and fails by the key `policy_version_pkey`.
struct InsertPolicyVersion: Statement {
  static let sql = """
    INSERT INTO governance.policy_version (policy, version, source, document, digest, proposed_by, ticket)
    SELECT $1, COALESCE((SELECT max(v.version) FROM governance.policy_version AS v WHERE v.policy = $1), 0) + 1, $2, $3,
      sha256($3), $4, $5
    RETURNING version
    """

  let policy: String
  let source: String
  let document: [UInt8]
  let proposer: PersonID
  let ticket: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(policy)
    parameters.append(source)
    parameters.append(document)
    parameters.append(proposer.rawValue)
    parameters.append(ticket)
  }

  static func decode(_ row: PostgresRow) throws -> Int32 { try row[0] }
}

/// Locks it: one decision at a time.
struct FindPolicyVersion: Statement {
  static let sql = """
    SELECT policy, version, digest, document, source, proposed_by, ticket, proposed_at, state
    FROM governance.policy_version
    WHERE policy = $1 AND version = $2
    FOR NO KEY UPDATE
    """

  let policy: String
  let version: Int32

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(policy)
    parameters.append(version)
  }

  static func decode(_ row: PostgresRow) throws -> PolicyVersion {
    let document: [UInt8] = try row[3]
    return PolicyVersion(
      policy: try row[0], version: try row[1], digest: RequestDigest(bytes: try row[2]),
      document: try PolicyDocument(canonical: document), source: try row[4], proposedBy: PersonID(try row[5]),
      ticket: try row[6], proposedAt: try row[7], state: try row[8])
  }
}

struct InsertPolicyDecision: Statement {
  static let sql = """
    INSERT INTO governance.policy_decision (policy, version, digest, person_id, decision) VALUES ($1, $2, $3, $4, $5)
    """

  let version: PolicyVersion
  let person: PersonID
  let decision: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(version.policy)
    parameters.append(version.version)
    parameters.append(version.digest.bytes)
    parameters.append(person.rawValue)
    parameters.append(decision)
  }
}

struct SetPolicyVersionState: Statement {
  static let sql = """
    UPDATE governance.policy_version
    SET state = $3, activated_at = CASE WHEN $3 = 'active' THEN clock_timestamp() END
    WHERE policy = $1 AND version = $2
    """

  let policy: String
  let version: Int32
  let state: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(policy)
    parameters.append(version)
    parameters.append(state)
  }
}

struct SupersedePolicyVersions: Statement {
  static let sql = """
    UPDATE governance.policy_version SET state = 'superseded' WHERE policy = $1 AND state = 'active'
    """

  let policy: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(policy) }
}

struct ActivatePolicy: Statement {
  static let sql = """
    INSERT INTO governance.policy AS p
      (id, name, rotation_period, rotation_jitter, overlap, settle, retry_reserve, on_expiry, secret_length, version,
        document, digest)
    VALUES ($1, $2, make_interval(secs => $3), make_interval(secs => $4), make_interval(secs => $5),
      make_interval(secs => $6), make_interval(secs => $7), $8, $9, $10, $11, sha256($11))
    ON CONFLICT (name) DO UPDATE
    SET rotation_period = EXCLUDED.rotation_period, rotation_jitter = EXCLUDED.rotation_jitter,
      overlap = EXCLUDED.overlap, settle = EXCLUDED.settle, retry_reserve = EXCLUDED.retry_reserve,
      on_expiry = EXCLUDED.on_expiry, secret_length = EXCLUDED.secret_length, version = EXCLUDED.version,
      document = EXCLUDED.document, digest = EXCLUDED.digest
    RETURNING p.id
    """

  let policy: Policy
  let version: Int32
  let document: [UInt8]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(policy: policy)
    parameters.append(version)
    parameters.append(document)
  }

  static func decode(_ row: PostgresRow) throws -> PolicyID { PolicyID(try row[0]) }
}

struct FindPolicyDocument: Statement {
  static let sql = """
    SELECT p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length, p.document
    FROM governance.policy AS p
    WHERE p.name = $1
    """

  let policy: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(policy) }

  static func decode(_ row: PostgresRow) throws -> (policy: Policy, document: [UInt8]?) {
    (try Policy(row, from: 0), try row[9])
  }
}

/// Identities under a policy with the request that their live authorization comes from.
struct FindAuthorizedIdentities: Statement {
  static let sql = """
    SELECT DISTINCT ON (i.id) i.name, a.request_id, a.revision
    FROM governance.policy AS p
    JOIN governance.identity AS i ON i.policy_id = p.id
    LEFT JOIN governance.authorization AS a
      ON a.identity_id = i.id AND a.voided_at IS NULL AND a.valid_until > now() AND a.actions <> ARRAY['revoke']
    WHERE p.name = $1
    ORDER BY i.id, a.valid_from DESC
    LIMIT 10000
    """

  let policy: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(policy) }

  static func decode(_ row: PostgresRow) throws -> (name: String, request: RequestID?, revision: Int32?) {
    let request: UUID? = try row[1]
    return (try row[0], request.map { RequestID($0) }, try row[2])
  }
}
