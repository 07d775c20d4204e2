import Foundation
package import Governance
package import Jobs
package import Postgres

/// Jobs of voided authorizations leave the queue in the transaction that voids them; who runs one meets the permit.
/// Revocations stay: what removes is never held. A saga that has begun to change its target is noted, and followed up by
/// `LostAuthority`.
package struct HeldJobs: VoidObserver {
  private let queue: JobQueue

  package init(queue: JobQueue) { self.queue = queue }

  package func voided(_ identities: [IdentityID], in transaction: Transaction) async throws {
    try await transaction.execute(NoteLostAuthority(identities: identities))
    let subjects = try await transaction.query(FindHoldableSubjects(identities: identities))
    guard !subjects.isEmpty else { return }
    try await queue.block(subjects, reason: ReasonCode.authorizationVoided.rawValue, in: transaction)
  }
}

/// Credentials with a live job and without an open revocation.
struct FindHoldableSubjects: Statement {
  static let sql = """
    SELECT c.id
    FROM lifecycle.credential AS c
    WHERE c.identity_id = ANY($1)
      AND EXISTS (SELECT FROM jobs.job AS j WHERE j.subject = c.id AND j.bucket = c.bucket)
      AND NOT EXISTS (
        SELECT FROM lifecycle.rotation AS r
        WHERE r.credential_id = c.id AND r.finished_at IS NULL AND r.action = 'revoke')
    """

  let identities: [IdentityID]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identities.map(\.rawValue)) }

  static func decode(_ row: PostgresRow) throws -> SubjectID { SubjectID(try row[0]) }
}
