import Foundation
import Postgres

struct UpdateOwners: Statement {
  static let sql = "UPDATE governance.identity SET owner_id = $2, backup_owner_id = $3 WHERE id = $1"

  let identity: IdentityID
  let owner: PersonID
  let backup: PersonID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity.rawValue)
    parameters.append(owner.rawValue)
    parameters.append(backup.rawValue)
  }
}

/// Returns the tier it had.
struct SwapTier: Statement {
  static let sql = """
    WITH before AS MATERIALIZED (SELECT id, tier FROM governance.identity WHERE id = $1 FOR NO KEY UPDATE)
    UPDATE governance.identity AS i
    SET tier = $2
    FROM before AS b
    WHERE i.id = b.id
    RETURNING b.tier
    """

  let identity: IdentityID
  let tier: PrivilegeTier

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity.rawValue)
    parameters.append(tier.rawValue)
  }

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

struct UpdateAttestation: Statement {
  static let sql = "UPDATE governance.identity SET attested_at = clock_timestamp() WHERE id = $1"
  let identity: IdentityID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity.rawValue) }
}

struct UpdateIdentityVendor: Statement {
  static let sql = "UPDATE governance.identity SET vendor_id = $2 WHERE id = $1"

  let identity: IdentityID
  let vendor: UUID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity.rawValue)
    parameters.append(vendor)
  }
}

/// Returns the criticality it had.
struct SwapTargetFacts: Statement {
  static let sql = """
    WITH before AS MATERIALIZED (SELECT id, criticality FROM governance.target WHERE id = $1 FOR NO KEY UPDATE)
    UPDATE governance.target AS t
    SET owner_id = COALESCE($2, t.owner_id), criticality = COALESCE($3, t.criticality)
    FROM before AS b
    WHERE t.id = b.id
    RETURNING b.criticality
    """

  let target: TargetID
  let owner: PersonID?
  let criticality: Int16?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(owner?.rawValue)
    parameters.append(criticality)
  }

  static func decode(_ row: PostgresRow) throws -> Int16 { try row[0] }
}

struct UpsertEntitlement: Statement {
  static let sql = """
    INSERT INTO governance.entitlement (target_id, name, risk) VALUES ($1, $2, $3)
    ON CONFLICT (target_id, name) DO UPDATE SET risk = EXCLUDED.risk
    """

  let target: TargetID
  let right: String
  let risk: Int16

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(right)
    parameters.append(risk)
  }
}

struct InsertToxicPair: Statement {
  static let sql = """
    INSERT INTO governance.toxic_pair (target_id, first, second, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT (target_id, first, second) DO UPDATE SET reason = EXCLUDED.reason
    """

  let target: TargetID
  let first: String
  let second: String
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target.rawValue)
    parameters.append(first)
    parameters.append(second)
    parameters.append(reason)
  }
}

struct FindVendor: Statement {
  static let sql = "SELECT id, name FROM governance.vendor WHERE name = $1 FOR NO KEY UPDATE"
  let name: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
  static func decode(_ row: PostgresRow) throws -> (id: UUID, name: String) { (try row[0], try row[1]) }
}

struct UpsertVendor: Statement {
  static let sql = """
    INSERT INTO governance.vendor AS v (id, name, sponsor_id, contract_from, contract_until, review_valid_until,
      allowed_targets, scopes, client_ids, redirect_domains)
    VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (name) DO UPDATE
    SET sponsor_id = EXCLUDED.sponsor_id, contract_from = EXCLUDED.contract_from,
      contract_until = EXCLUDED.contract_until, review_valid_until = EXCLUDED.review_valid_until,
      allowed_targets = EXCLUDED.allowed_targets, scopes = EXCLUDED.scopes, client_ids = EXCLUDED.client_ids,
      redirect_domains = EXCLUDED.redirect_domains, version = v.version + 1
    """

  let vendor: Vendor
  let sponsor: PersonID
  let targets: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(vendor.name)
    parameters.append(sponsor.rawValue)
    parameters.append(vendor.contractFrom)
    parameters.append(vendor.contractUntil)
    parameters.append(vendor.reviewValidUntil)
    parameters.append(targets)
    parameters.append(vendor.scopes)
    parameters.append(vendor.clientIDs)
    parameters.append(vendor.redirectDomains)
  }
}

struct FlagVendor: Statement {
  static let sql = """
    UPDATE governance.vendor
    SET incident_at = CASE WHEN $2 THEN clock_timestamp() END, version = version + 1
    WHERE id = $1
    """

  let vendor: UUID
  let incident: Bool

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(vendor)
    parameters.append(incident)
  }
}

struct InsertRole: Statement {
  static let sql = """
    INSERT INTO governance.role_assignment (id, person_id, role, target_id) VALUES (gen_random_uuid(), $1, $2, $3)
    ON CONFLICT DO NOTHING
    """

  let person: PersonID
  let role: String
  let target: TargetID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(person.rawValue)
    parameters.append(role)
    parameters.append(target?.rawValue)
  }
}

struct EndRole: Statement {
  static let sql = """
    UPDATE governance.role_assignment
    SET ended_at = clock_timestamp()
    WHERE person_id = $1 AND role = $2 AND target_id IS NOT DISTINCT FROM $3 AND ended_at IS NULL
    """

  let person: PersonID
  let role: String
  let target: TargetID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(person.rawValue)
    parameters.append(role)
    parameters.append(target?.rawValue)
  }
}

struct FindIdentitiesApprovedBy: Statement {
  static let sql = """
    SELECT DISTINCT a.identity_id
    FROM governance.approval AS ap
    JOIN governance.authorization AS a ON a.request_id = ap.request_id AND a.revision = ap.revision
    WHERE $1 IN (ap.approver_id, ap.acting_for_id) AND ap.decision = 'approve' AND a.voided_at IS NULL
    """

  let person: PersonID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(person.rawValue) }
  static func decode(_ row: PostgresRow) throws -> IdentityID { IdentityID(try row[0]) }
}

struct InsertDelegation: Statement {
  static let sql = """
    INSERT INTO governance.delegation
      (id, delegator_id, delegate_id, role, target_id, valid_from, valid_until, registered_at, registered_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """

  let id: UUID
  let delegator: PersonID
  let delegate: PersonID
  let role: String?
  let target: TargetID?
  let validFrom: Date
  let validUntil: Date
  let registeredAt: Date
  let registrar: PersonID

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(delegator.rawValue)
    parameters.append(delegate.rawValue)
    parameters.append(role)
    parameters.append(target?.rawValue)
    parameters.append(validFrom)
    parameters.append(validUntil)
    parameters.append(registeredAt)
    parameters.append(registrar.rawValue)
  }
}

struct EndDelegation: Statement {
  static let sql = "UPDATE governance.delegation SET ended_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL"
  let id: UUID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(id) }
}

struct InsertSigningKey: Statement {
  static let sql = """
    INSERT INTO governance.signing_key (person_id, public_key) VALUES ($1, $2) ON CONFLICT (public_key) DO NOTHING
    """

  let person: PersonID
  let key: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(person.rawValue)
    parameters.append(key)
  }
}

struct FindSigningKeys: Statement {
  static let sql = "SELECT public_key FROM governance.signing_key WHERE person_id = $1 AND ended_at IS NULL"
  let person: PersonID
  func bind(_ parameters: inout PostgresParameters) { parameters.append(person.rawValue) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
