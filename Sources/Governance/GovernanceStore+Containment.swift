import Foundation
package import Postgres

extension GovernanceStore {
  /// Revocations that policy opens by itself for a leak, one for each identity: authorized at once, because what reduces
  /// needs no approval when policy asks for it. The caller has checked the authority of `requester`.
  package func openLeakRevocations(
    of identities: [IdentityID], requester: String, ticket: String, in transaction: Transaction
  ) async throws -> [IdentityID: AuthorizationID] {
    let found = try await transaction.query(FindIdentitiesByID(ids: identities))
    var names: [TargetID: String] = [:]
    for target in Set(found.map(\.target)) { names[target] = try await self.target(target, in: transaction).name }
    var rows: [InsertPolicyRevocations.Revocation] = []
    rows.reserveCapacity(found.count)
    for identity in found {
      let core = RequestCore(
        identity: identity, targetName: names[identity.target] ?? "", actions: [.revoke], requester: requester,
        beneficiary: "policy", ticket: ticket, revision: 1)
      let bytes = try core.canonicalBytes()
      rows.append(
        .init(
          request: .make(), authorization: .make(), identity: identity.id, core: bytes,
          digest: RequestDigest(of: bytes)))
    }
    try await transaction.execute(InsertPolicyRevocations(rows: rows, ticket: ticket))
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.identity, $0.authorization) })
  }

  /// What was granted for a containment ends with it.
  package func voidAuthorizations(
    _ ids: [AuthorizationID], reason: String, in transaction: Transaction
  ) async throws {
    try await transaction.execute(VoidTheseAuthorizations(ids: ids, reason: reason))
  }
}

struct InsertPolicyRevocations: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT *
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::bytea[])
        AS w (request_id, authorization_id, identity_id, core, digest)
    ), requested AS (
      INSERT INTO governance.request (id, revision, origin, identity_id, actions, ticket, core, digest)
      SELECT request_id, 1, 'policy', identity_id, ARRAY['revoke'], $6, core, digest
      FROM wanted
      RETURNING id
    )
    INSERT INTO governance.authorization
      (id, request_id, revision, digest, identity_id, actions, valid_until)
    SELECT w.authorization_id, w.request_id, 1, w.digest, w.identity_id, ARRAY['revoke'], 'infinity'
    FROM wanted AS w
    JOIN requested AS r ON r.id = w.request_id
    """

  struct Revocation: Sendable {
    let request: RequestID
    let authorization: AuthorizationID
    let identity: IdentityID
    let core: [UInt8]
    let digest: RequestDigest
  }

  let rows: [Revocation]
  let ticket: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.request.rawValue))
    parameters.append(rows.map(\.authorization.rawValue))
    parameters.append(rows.map(\.identity.rawValue))
    parameters.append(rows.map(\.core))
    parameters.append(rows.map(\.digest.bytes))
    parameters.append(ticket)
  }
}

struct VoidTheseAuthorizations: Statement {
  static let sql = """
    UPDATE governance.authorization
    SET voided_at = now(), void_reason = $2
    WHERE id = ANY($1) AND voided_at IS NULL
    """

  let ids: [AuthorizationID]
  let reason: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(ids.map(\.rawValue))
    parameters.append(reason)
  }
}
