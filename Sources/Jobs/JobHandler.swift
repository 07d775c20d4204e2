/// What a module registers to have its jobs run.
package protocol JobHandler: Sendable {
  /// Runs until the work is done or must wait. Called again after a crash, so every step must be resumable.
  /// The task is cancelled when the lease is lost and when the process must stop.
  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome
}

package enum JobOutcome: Sendable, Equatable {
  case done
  /// Nothing to do, and nothing was done: the work is no longer wanted.
  case discard(reason: String)
  /// Counts a failure; waits with full jitter.
  case retry(JobFailure)
  /// Not a failure: there is nothing to do before then.
  case snooze(seconds: Double, reason: String)
  /// Needs a person.
  case quarantine(reason: String)
  /// Not allowed now; returns when the authorization does.
  case block(reason: String)
  /// The lease is lost: write nothing.
  case abandon
}

/// Why an attempt failed, in words that hold no secret.
package struct JobFailure: Sendable, Equatable {
  package let code: String
  /// The group's fault, such as a target that does not answer: counts towards its circuit breaker.
  package let blamesGroup: Bool

  package init(code: String, blamesGroup: Bool = false) {
    self.code = code
    self.blamesGroup = blamesGroup
  }
}
