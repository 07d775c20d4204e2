import Evidence
import Foundation
package import Governance
import Jobs
import MerkleLog
import Postgres

/// A revocation ends with proof, or with the signed word of a person who may give it and did not ask for it.
extension CredentialLifecycle {
  /// What `actor` would have to sign. Changes nothing. Refused as `waive` refuses.
  package func offerWaiver(
    of identity: IdentityID, by actor: String, ticket: String, reason: String
  ) async throws -> WaiverOffer {
    try await client.withTransaction { transaction in
      try await waivable(identity, actor, ticket, reason, in: transaction).offer
    }
  }

  /// Ends the revocation without proof. Durable on return: the waiver with its signature, the saga's end, the credential as
  /// `waived`. Sealed secrets stay, so that a later revocation can still prove that they are refused.
  ///
  /// Refused unless the revocation is quarantined or failed five times in a row, `signature` is for a waiver, by `actor`, over
  /// what is known to be left now, and `actor` may waive there and neither asked for the revocation nor benefits from it.
  ///
  /// Lock order: credential, job, saga.
  package func waive(
    _ identity: IdentityID, by actor: String, ticket: String, reason: String, signature: VerifiedSignature
  ) async throws -> WaiverOffer {
    try await client.withTransaction { transaction in
      let found = try await waivable(identity, actor, ticket, reason, in: transaction)
      let (saga, credential, who, offer) = (found.saga, found.credential, found.who, found.offer)
      guard signature.purpose == .waiver, signature.person == who.person.id else {
        throw GovernanceError.refused([.signatureInvalid])
      }
      guard signature.digest == offer.digest else {
        throw LifecycleError(
          code: .refused,
          message: "what is left, or the words, are others than what was signed; look again with "
            + "`keyturn rotation waive` and sign digest \(offer.digest)")
      }
      if found.job?.isLeased == true {
        throw LifecycleError(
          code: .wrongState, message: "a worker is at this revocation right now; try again in a moment")
      }
      let ended = try await transaction.execute(
        InsertWaiver(
          rotation: saga.id, credential: credential.id, by: who.person.id, permission: found.permission,
          ticket: offer.statement.ticket, reason: who.reason, text: offer.text, digest: offer.digest,
          signature: signature.text))
      guard ended == 1 else { throw Self.wentOn }
      try await end(
        saga, credential, found.job,
        .init(
          by: who.person.id.rawValue, reason: "waived: \(who.reason)",
          detail: ["waiver": .object(["digest": .string("\(offer.digest)")])],
          hidden: [
            .init(field: "statement", value: offer.text), .init(field: "ticket", value: offer.statement.ticket),
            .init(field: "signature", value: signature.text, person: who.person.id.rawValue),
          ]), in: transaction)
      try await transaction.execute(MarkWaived(credential: credential.id))
      try await record(
        .waive, of: credential, by: who, detail: "\(offer.statement.why); digest \(offer.digest)", in: transaction)
      return offer
    }
  }

  private struct Waivable {
    let saga: QuarantinedSaga
    let credential: CredentialRecord
    let job: LockLiveJob.Row?
    let who: Operator
    let permission: UUID
    let offer: WaiverOffer
  }

  private func waivable(
    _ identity: IdentityID, _ actor: String, _ ticket: String, _ reason: String, in transaction: Transaction
  ) async throws -> Waivable {
    let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
    let ticket = try GovernanceStore.validTicket(ticket)
    let credential = try await credential(of: identity, in: transaction)
    let job = try await transaction.queryFirst(LockLiveJob(credential: credential.id))
    guard let saga = try await transaction.queryFirst(LockQuarantinedSaga(credential: credential.id)),
      saga.action == .revoke, let facts = try await transaction.queryFirst(FindWaiverFacts(rotation: saga.id))
    else {
      throw LifecycleError(
        code: .wrongState, message: "no revocation of this identity is open; `keyturn status` shows what is")
    }
    guard let why = WaiverRule.stuck(saga, facts) else {
      throw LifecycleError(
        code: .wrongState,
        message:
          "the revocation is under way; only one that is quarantined, or failed \(WaiverRule.failures) times in a "
          + "row, can be waived")
    }
    guard !facts.requesters.contains(who.person.id.rawValue) else {
      throw LifecycleError(
        code: .refused,
        message: "by: \(actor) asked for this revocation or it is for them; somebody else must answer for what is left")
    }
    let held = try await governance.permissions(.waive, of: who.person.id, in: transaction)
    guard let permission = held.first(where: { $0.environment == nil || $0.environment == facts.environment }) else {
      throw LifecycleError(
        code: .refused,
        message: "by: \(actor) may not waive in \(facts.environment); have somebody grant it with "
          + "`keyturn permission grant waive`")
    }
    let statement = WaiverStatement(
      saga, facts, why: why, credential: credential.id, by: actor, ticket: ticket, reason: who.reason)
    return Waivable(
      saga: saga, credential: credential, job: job, who: who, permission: permission.id,
      offer: try WaiverOffer(statement))
  }
}
