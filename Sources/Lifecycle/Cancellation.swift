package import Foundation
package import Governance
import Jobs
import Postgres

extension CredentialLifecycle {
  /// Gives up what is open for the identity, as long as nothing was begun on the target: the saga is cancelled, its
  /// candidate destroyed, its job archived. A worker that has the job loses its lease and can write nothing more. A rotation
  /// that was due is left out; the next one comes a period later.
  ///
  /// Refused for a revocation, and from the first effect on. Lock order: credential, then job: no worker writes to a saga
  /// without its job's row, so what is read after that stays true.
  package func cancel(_ identity: IdentityID, by actor: String, reason: String) async throws -> Cancellation {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let credential = try await credential(of: identity, in: transaction)
      let job = try await transaction.queryFirst(LockLiveJob(credential: credential.id))
      let open = try await transaction.query(FindCancellableSagas(credential: credential.id))
      let saga = try Cancellation.check(open, job)

      // Above every number that a worker may still hold, so that no later job of this credential ever has it again.
      let fence = max(credential.fence, (job?.fence ?? 0) + 1, saga?.fence ?? 0)
      try await transaction.query(Batched(rows: [RaiseCredentialFence(credential: credential.id, fence: fence)]))
      var nextDue = credential.nextDueAt
      if let saga {
        try await cancel(saga, fence: fence, reason: who.reason, in: transaction)
        if saga.action == .rotate { nextDue = try await skipDue(credential, now: saga.now, in: transaction) }
      }
      let orphans = try await transaction.execute(OrphanCandidate(credential: credential.id))
      let hadJob = try await queue.cancel(credential.id.subject, reason: who.reason, in: transaction)
      try await record(
        .cancel, of: credential, by: who, jobs: hadJob ? 1 : 0,
        detail: saga.map { "\($0.action.rawValue) in state \($0.state.rawValue)" }, in: transaction)
      return Cancellation(
        action: saga?.action, state: saga?.state, destroyedCandidate: orphans > 0, hadJob: hadJob, nextDueAt: nextDue)
    }
  }

  private func cancel(
    _ saga: FindCancellableSagas.Row, fence: Int64, reason: String, in transaction: Transaction
  ) async throws {
    let move = MoveSaga.Move(from: saga.state, to: .cancelled, startedAt: saga.enteredAt, at: saga.now)
    let moved = try await transaction.queryFirst(
      Batched(rows: [
        MoveSaga(
          rotation: saga.id, path: [move], reason: reason, fence: fence, newVersion: saga.newVersion,
          oldVersion: saga.oldVersion, candidates: saga.candidates, resumeState: nil, waitUntil: nil)
      ]))
    guard moved == [1] else {
      throw LifecycleError(
        code: .wrongState, message: "the saga went on meanwhile; look at `keyturn status` and try again")
    }
  }

  /// Without this the planner would open the same rotation again at once.
  private func skipDue(
    _ credential: CredentialRecord, now: Date, in transaction: Transaction
  ) async throws -> Date? {
    guard credential.state == .active, let due = credential.nextDueAt, due <= now else { return credential.nextDueAt }
    let identity = try await governance.identity(credential.identity, in: transaction)
    let next = RotationSchedule(policy: identity.policy, credential: credential.id)
      .nextDue(anchor: credential.dueAnchor ?? now, after: now, hardExpiry: credential.hardExpiresAt)
    try await transaction.execute(SetNextDue(credential: credential.id, nextDue: next))
    return next
  }
}

/// What was given up.
package struct Cancellation: Sendable {
  /// Nil: only a job without a saga was there.
  package let action: GovernedAction?
  /// Where the saga stood.
  package let state: RotationState?
  package let destroyedCandidate: Bool
  package let hadJob: Bool
  /// Nil: no further rotation is planned.
  package let nextDueAt: Date?

  /// The saga to cancel, nil when only a job is there; throws the reason when it may not be. Pure.
  static func check(
    _ open: [FindCancellableSagas.Row], _ job: LockLiveJob.Row?
  ) throws(LifecycleError) -> FindCancellableSagas.Row? {
    let revoke = LifecycleJobs.revoke.name
    guard !open.contains(where: { $0.action == .revoke }), job?.kind != revoke, job?.followUpKind != revoke else {
      throw LifecycleError(
        code: .refused,
        message: "a revocation is never given up: its secret would go on working; to hold it back for a while, "
          + "pause the target with `keyturn target pause`")
    }
    guard let saga = open.first else {
      if job != nil { return nil }
      throw LifecycleError(
        code: .wrongState, message: "nothing of this identity waits or runs; `keyturn jobs` lists what does")
    }
    guard [.planned, .claimed, .prepared].contains(saga.state), !saga.hasEffects else {
      throw LifecycleError(
        code: .refused,
        message:
          "the \(saga.action.rawValue) is \(saga.state.rawValue) and has begun to change the target; only going on "
          + "brings it to a proven end; to hold it back for a while, pause the target with `keyturn target pause`")
    }
    return saga
  }
}
