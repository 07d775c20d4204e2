import Foundation
import Postgres

struct InsertRequest: Statement {
  static let sql = """
    INSERT INTO governance.request
      (id, revision, origin, identity_id, actions, requester_id, beneficiary_id, ticket, core, digest, break_glass,
        owning_system, delegated_approver_id, submitted_at)
    VALUES ($1, $10, $2, $3, $4, $5, $6, $7, $8, $9, $11, $12, $13, clock_timestamp())
    ON CONFLICT (id, revision) DO NOTHING
    """

  let id: RequestID
  let revision: Int32
  let origin: String
  let identity: IdentityID
  let actions: [GovernedAction]
  let requester: PersonID?
  let beneficiary: PersonID?
  let ticket: String
  let core: [UInt8]
  let digest: RequestDigest
  var isBreakGlass = false
  var owningSystem: String?
  var delegatedApprover: PersonID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id.rawValue)
    parameters.append(origin)
    parameters.append(identity.rawValue)
    parameters.append(actions.map(\.rawValue))
    parameters.append(requester?.rawValue)
    parameters.append(beneficiary?.rawValue)
    parameters.append(ticket)
    parameters.append(core)
    parameters.append(digest.bytes)
    parameters.append(revision)
    parameters.append(isBreakGlass)
    parameters.append(owningSystem)
    parameters.append(delegatedApprover?.rawValue)
  }
}

struct FindRequest: Statement {
  static let sql = Request.selection + "\nWHERE r.id = $1\nORDER BY r.revision DESC\nLIMIT 1"

  let id: RequestID

  func bind(_ parameters: inout PostgresParameters) { parameters.append(id.rawValue) }

  static func decode(_ row: PostgresRow) throws -> Request { try Request(row) }
}

struct ListRequests: Statement {
  static let sql = Request.selection + "\nORDER BY r.submitted_at DESC\nLIMIT 500"

  static func decode(_ row: PostgresRow) throws -> Request { try Request(row) }
}

extension Request {
  /// Deny wins over approve.
  fileprivate static let selection = """
    SELECT r.id, r.revision, r.identity_id, r.actions, r.requester_id, r.beneficiary_id, r.ticket, r.core, r.digest,
      r.submitted_at,
      CASE
        WHEN EXISTS (SELECT FROM governance.approval AS d
          WHERE d.request_id = r.id AND d.revision = r.revision AND d.decision = 'deny') THEN 'denied'
        WHEN EXISTS (SELECT FROM governance.authorization AS a
          WHERE a.request_id = r.id AND a.revision = r.revision) THEN 'approved'
        WHEN EXISTS (SELECT FROM governance.request_withdrawal AS w WHERE w.request_id = r.id) THEN 'withdrawn'
        ELSE 'waiting'
      END,
      r.break_glass
    FROM governance.request AS r
    """

  fileprivate init(_ row: PostgresRow) throws {
    let actions: [String] = try row[3]
    let requester: UUID? = try row[4]
    let beneficiary: UUID? = try row[5]
    self.init(
      id: RequestID(try row[0]), revision: try row[1], identity: IdentityID(try row[2]),
      actions: actions.compactMap(GovernedAction.init(rawValue:)), requester: requester.map { PersonID($0) },
      beneficiary: beneficiary.map { PersonID($0) }, ticket: try row[6], core: try row[7],
      digest: RequestDigest(bytes: try row[8]), submittedAt: try row[9], decision: try row[10],
      isBreakGlass: try row[11])
  }
}

struct InsertApproval: Statement {
  static let sql = """
    INSERT INTO governance.approval (id, request_id, revision, digest, approver_id, decision, decided_at, acting_for_id,
      delegation_id, stage, strength, is_human, relations, remote_transaction, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
    ON CONFLICT (request_id, revision, approver_id) DO NOTHING
    """

  let approval: ApprovalFacts
  let request: Request
  let signature: String?
  let remote: String?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(approval.id)
    parameters.append(request.id.rawValue)
    parameters.append(request.revision)
    parameters.append(request.digest.bytes)
    parameters.append(approval.approver)
    parameters.append(approval.verdict.rawValue)
    parameters.append(approval.decidedAt.date)
    parameters.append(approval.actingFor)
    parameters.append(approval.delegation)
    parameters.append(Int16(approval.stage))
    parameters.append(approval.strength.rawValue)
    parameters.append(approval.isHuman)
    parameters.append(approval.relations)
    parameters.append(remote)
    parameters.append(signature)
  }
}

struct FindRemoteTransaction: Statement {
  static let sql = "SELECT EXISTS (SELECT FROM governance.approval WHERE remote_transaction = $1)"

  let remote: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(remote) }
  static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
}

struct InsertApprovalWithdrawal: Statement {
  static let sql = """
    INSERT INTO governance.approval_withdrawal (approval_id, reason)
    SELECT a.id, $4
    FROM governance.approval AS a
    WHERE a.request_id = $1 AND a.revision = $2 AND a.approver_id = $3 AND a.decision = 'approve'
    ON CONFLICT (approval_id) DO NOTHING
    """

  let request: RequestID
  let revision: Int32
  let person: PersonID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(request.rawValue)
    parameters.append(revision)
    parameters.append(person.rawValue)
    parameters.append(reason)
  }
}

struct InsertRequestWithdrawal: Statement {
  static let sql = """
    INSERT INTO governance.request_withdrawal (request_id, person_id, reason)
    VALUES ($1, $2, $3)
    ON CONFLICT (request_id) DO NOTHING
    """

  let request: RequestID
  let person: PersonID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(request.rawValue)
    parameters.append(person.rawValue)
    parameters.append(reason)
  }
}

struct InsertAuthorization: Statement {
  static let sql = """
    INSERT INTO governance.authorization
      (id, request_id, revision, digest, approval_id, identity_id, actions, valid_until, decision_id, people, known_people)
    VALUES ($1, $2, $8, $3, $4, $5, $6, $7, $9, $10, $11)
    ON CONFLICT (request_id, revision) DO NOTHING
    """

  let authorization: Authorization
  let revision: Int32
  let digest: RequestDigest
  let approval: UUID?
  let decision: UUID?
  let standing: Standing

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(authorization.id.rawValue)
    parameters.append(authorization.request.rawValue)
    parameters.append(digest.bytes)
    parameters.append(approval)
    parameters.append(authorization.identity.rawValue)
    parameters.append(authorization.actions.map(\.rawValue))
    parameters.append(authorization.validUntil)
    parameters.append(revision)
    parameters.append(decision)
    parameters.append(standing.people)
    parameters.append(standing.knownPeople)
  }
}

struct VoidAuthorizations: Statement {
  static let sql = """
    UPDATE governance.authorization
    SET voided_at = now(), void_reason = $2
    WHERE identity_id = $1 AND voided_at IS NULL AND actions <> ARRAY['revoke']
    """

  let identity: IdentityID
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(identity.rawValue)
    parameters.append(reason)
  }
}

struct VoidOtherAuthorizations: Statement {
  static let sql = """
    UPDATE governance.authorization
    SET voided_at = now(), void_reason = $3
    WHERE identity_id = $1 AND id <> $2 AND voided_at IS NULL AND actions <> ARRAY['revoke']
    """

  let kept: Authorization
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(kept.identity.rawValue)
    parameters.append(kept.id.rawValue)
    parameters.append(reason)
  }
}
