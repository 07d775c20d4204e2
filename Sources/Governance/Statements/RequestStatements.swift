import Foundation
import Postgres

struct InsertRequest: Statement {
  static let sql = """
    INSERT INTO governance.request
      (id, revision, origin, identity_id, actions, requester_id, beneficiary_id, ticket, core, digest)
    VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9)
    """

  let id: RequestID
  let origin: String
  let identity: IdentityID
  let actions: [GovernedAction]
  let requester: PersonID?
  let beneficiary: PersonID?
  let ticket: String
  let core: [UInt8]
  let digest: RequestDigest

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
        ELSE 'waiting'
      END
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
      digest: RequestDigest(bytes: try row[8]), submittedAt: try row[9], decision: try row[10])
  }
}

struct InsertApproval: Statement {
  static let sql = """
    INSERT INTO governance.approval (id, request_id, revision, digest, approver_id, decision)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (request_id, revision, approver_id) DO NOTHING
    """

  let id: UUID
  let request: RequestID
  let revision: Int32
  let digest: RequestDigest
  let approver: PersonID
  let decision: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(id)
    parameters.append(request.rawValue)
    parameters.append(revision)
    parameters.append(digest.bytes)
    parameters.append(approver.rawValue)
    parameters.append(decision)
  }
}

struct InsertAuthorization: Statement {
  static let sql = """
    INSERT INTO governance.authorization
      (id, request_id, revision, digest, approval_id, identity_id, actions, valid_until)
    VALUES ($1, $2, 1, $3, $4, $5, $6, $7)
    ON CONFLICT (request_id, revision) DO NOTHING
    """

  let authorization: Authorization
  let digest: RequestDigest
  let approval: UUID?

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(authorization.id.rawValue)
    parameters.append(authorization.request.rawValue)
    parameters.append(digest.bytes)
    parameters.append(approval)
    parameters.append(authorization.identity.rawValue)
    parameters.append(authorization.actions.map(\.rawValue))
    parameters.append(authorization.validUntil)
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
