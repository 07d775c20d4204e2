import Foundation
import Postgres

struct InsertIdentity: Statement {
  static let sql = """
    INSERT INTO governance.identity
      (id, target_id, bucket, name, login_mode, owner_id, backup_owner_id, purpose, environment, workload, rights,
        policy_id, expires_at)
    VALUES ($1, $2, jobs.bucket_of($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (target_id, name) DO NOTHING
    """

  let id: IdentityID
  let target: TargetID
  let name: String
  let loginMode: String
  let owner: PersonID
  let backup: PersonID
  let purpose: String
  let environment: String
  let workload: String
  let rights: [String]
  let policy: PolicyID
  let expiresAt: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(target.rawValue)
    parameters.append(name)
    parameters.append(loginMode)
    parameters.append(owner.rawValue)
    parameters.append(backup.rawValue)
    parameters.append(purpose)
    parameters.append(environment)
    parameters.append(workload)
    parameters.append(rights)
    parameters.append(policy.rawValue)
    parameters.append(expiresAt)
  }
}

struct FindIdentity: Statement {
  static let sql =
    NonHumanIdentity.selection + """

      WHERE i.name = $1 AND ($2::text IS NULL OR i.target_id = (SELECT t.id FROM governance.target AS t WHERE t.name = $2))
      """

  let identity: String
  let target: String?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity)
    parameters.append(target)
  }

  static func decode(_ row: PostgresRow) throws -> NonHumanIdentity { try NonHumanIdentity(row) }
}

struct FindIdentityByID: Statement {
  static let sql = NonHumanIdentity.selection + "\nWHERE i.id = $1"

  let id: IdentityID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id.rawValue) }

  static func decode(_ row: PostgresRow) throws -> NonHumanIdentity { try NonHumanIdentity(row) }
}

struct FindIdentitiesByID: Statement {
  static let sql = NonHumanIdentity.selection + "\nWHERE i.id = ANY($1)"

  let ids: [IdentityID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(ids.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> NonHumanIdentity { try NonHumanIdentity(row) }
}

extension NonHumanIdentity {
  fileprivate static let selection = """
    SELECT i.id, i.target_id, i.name, i.login_mode, i.purpose, i.environment, i.workload, i.rights, i.expires_at,
      o.id, o.external_id, o.state, b.id, b.external_id, b.state,
      p.id, p.name, EXTRACT(epoch FROM p.rotation_period)::float8, EXTRACT(epoch FROM p.rotation_jitter)::float8,
      EXTRACT(epoch FROM p.overlap)::float8, EXTRACT(epoch FROM p.settle)::float8,
      EXTRACT(epoch FROM p.retry_reserve)::float8, p.on_expiry, p.secret_length
    FROM governance.identity AS i
    JOIN governance.person AS o ON o.id = i.owner_id
    JOIN governance.person AS b ON b.id = i.backup_owner_id
    JOIN governance.policy AS p ON p.id = i.policy_id
    """

  fileprivate init(_ row: PostgresRow) throws {
    self.init(
      id: IdentityID(try row[0]), target: TargetID(try row[1]), name: try row[2], loginMode: try row[3],
      owner: try Person(row, from: 9), backupOwner: try Person(row, from: 12), purpose: try row[4],
      environment: try row[5], workload: try row[6], rights: try row[7], policy: try Policy(row, from: 15),
      expiresAt: try row[8])
  }
}
