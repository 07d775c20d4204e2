/// What is known after a change was sent to a target.
package enum EffectOutcome: Sendable, Equatable {
  /// The target confirmed it.
  case done
  /// The target definitely did not do it. `code` is the target's own (an SQLSTATE, a result code), where it
  /// helps followed by a space and what stands in the way; at most 160 characters, never a secret.
  case refused(RefusalReason, code: String)
  /// It may or may not have happened.
  case unknown(cause: String)
}

package enum RefusalReason: String, Sendable {
  /// The target holds a newer fence than ours: another worker has taken over.
  case fenced
  /// The target's rules do not accept this secret; another candidate may pass.
  case secretRejected = "secret_rejected"
  /// The name exists and is not ours, or does not exist and may not be created.
  case nameConflict = "name_conflict"
  /// It was ours, and somebody else has changed it: renamed, or marked as theirs. Not fought; the code says what was seen.
  case foreignWriter = "foreign_writer"
  /// The admin lacks a right on the target.
  case insufficientRights = "insufficient_rights"
  /// Something still depends on it.
  case residue
  case other
}

/// What guards one effect.
package struct EffectContext: Sendable {
  /// The job's fencing number; a target that keeps one refuses a lower number than it has seen.
  package let fence: Int64
  /// Earlier than the end of the lease, so that an effect cannot outlive it.
  package let deadline: ContinuousClock.Instant
  /// The effect row's id; the same for every repetition.
  package let idempotencyKey: String
  /// Identifies the credential on the target's side, so that a role of somebody else is never touched.
  package let ownershipMark: String

  package init(fence: Int64, deadline: ContinuousClock.Instant, idempotencyKey: String, ownershipMark: String) {
    self.fence = fence
    self.deadline = deadline
    self.idempotencyKey = idempotencyKey
    self.ownershipMark = ownershipMark
  }
}
