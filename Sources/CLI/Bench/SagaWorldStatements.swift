import Foundation
import Governance
import Lifecycle
import Postgres

// As the superuser. Together everything that the product would have written by request, approval and issue.

struct InsertRequests: Statement {
  struct Wanted: Sendable {
    let account: SagaWorld.Account
    let request = UUID()
    let approval = UUID()
  }

  static let sql = """
    WITH wanted AS (
      SELECT m.*, jobs.bucket_of(m.target_id) AS bucket, convert_to('request for ' || m.name, 'UTF8') AS core
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS m (identity_id, target_id, name, request_id)
    ), identity AS (
      INSERT INTO governance.identity (id, target_id, bucket, name, login_mode, owner_id, backup_owner_id, purpose,
        environment, workload, rights, policy_id, expires_at)
      SELECT identity_id, target_id, bucket, name, 'alternating', ($6::uuid[])[1], ($6::uuid[])[3], 'bench', 'bench', 'bench',
        ARRAY['member:readers'], $5::uuid, now() + interval '1 year'
      FROM wanted
    )
    INSERT INTO governance.request (id, revision, origin, identity_id, actions, requester_id, beneficiary_id, ticket, core,
      digest)
    SELECT request_id, 1, 'person', identity_id, ARRAY['issue', 'rotate'], ($6::uuid[])[1], ($6::uuid[])[1], 'BENCH-0', core,
      sha256(core)
    FROM wanted
    """

  let rows: [Wanted]
  let policy: PolicyID
  let people: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.account.identity.rawValue))
    parameters.append(rows.map(\.account.target.rawValue))
    parameters.append(rows.map(\.account.name))
    parameters.append(rows.map(\.request))
    parameters.append(policy.rawValue)
    parameters.append(people)
  }
}

struct InsertApprovals: Statement {
  static let sql = """
    INSERT INTO governance.approval (id, request_id, revision, digest, approver_id, decision)
    SELECT m.approval_id, r.id, r.revision, r.digest, $3, 'approve'
    FROM unnest($1::uuid[], $2::uuid[]) AS m (approval_id, request_id)
    JOIN governance.request AS r ON r.id = m.request_id
    """

  let rows: [InsertRequests.Wanted]
  let approver: UUID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.approval))
    parameters.append(rows.map(\.request))
    parameters.append(approver)
  }
}

struct InsertAuthorized: Statement {
  static let sql = """
    INSERT INTO governance.authorization (id, request_id, revision, digest, approval_id, identity_id, actions, valid_until,
      people, known_people)
    SELECT m.authorization_id, r.id, r.revision, r.digest, m.approval_id, r.identity_id, r.actions, now() + interval '1 year',
      ARRAY[r.requester_id, a.approver_id], ARRAY[r.requester_id, a.approver_id]
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS m (authorization_id, request_id, approval_id)
    JOIN governance.request AS r ON r.id = m.request_id
    JOIN governance.approval AS a ON a.id = m.approval_id
    """

  let rows: [InsertRequests.Wanted]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.account.authorization.rawValue))
    parameters.append(rows.map(\.request))
    parameters.append(rows.map(\.approval))
  }
}

struct InsertCredentials: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT m.*, jobs.bucket_of(m.target_id) AS bucket
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::bytea[])
        AS m (identity_id, target_id, name, credential_id, authorization_id, envelope)
    ), credential AS (
      INSERT INTO lifecycle.credential (id, identity_id, target_id, bucket, state, authorization_id, fence, due_anchor,
        next_due_at, hard_expires_at)
      SELECT credential_id, identity_id, target_id, bucket, 'active', authorization_id, 1, now(), now() + interval '1 day',
        now() + interval '1 year'
      FROM wanted
    )
    INSERT INTO lifecycle.version (credential_id, number, state, login, envelope, key_id, published_at)
    SELECT credential_id, 1, 'current', name || '_a', envelope, $7::text, now()
    FROM wanted
    """

  let accounts: [SagaWorld.Account]
  let envelopes: [[UInt8]]
  let keyID: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(accounts.map(\.identity.rawValue))
    parameters.append(accounts.map(\.target.rawValue))
    parameters.append(accounts.map(\.name))
    parameters.append(accounts.map(\.credential.rawValue))
    parameters.append(accounts.map(\.authorization.rawValue))
    parameters.append(envelopes)
    parameters.append(keyID)
  }
}
