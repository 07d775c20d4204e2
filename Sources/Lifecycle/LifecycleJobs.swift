package import Jobs

/// The kinds of job of this module. They say what is wanted most; the saga says what is done.
package enum LifecycleJobs {
  package static let verify = JobKind(name: "verify", precedence: 1)
  package static let rotate = JobKind(name: "rotate", precedence: 2)
  /// Never given up: a live secret nobody revoked is an incident, not a dead letter.
  package static let revoke = JobKind(name: "revoke", precedence: 3, isRelentless: true)

  /// Cuts off what is known to others; never given up.
  package static let contain = JobKind(name: "contain", precedence: 4, isRelentless: true)
  /// Tells a consumer of new versions; ends by itself when a message is too old.
  package static let notify = JobKind(name: "notify", precedence: 1, isRelentless: true)

  package static let all = [verify, rotate, revoke]

  /// About a target, not about a credential.
  package static let discover = JobKind(name: "discover", precedence: 1, isRelentless: true)
  package static let rotateAdmin = JobKind(name: "rotate-admin", precedence: 2, isRelentless: true)

  static func kind(for action: String) -> JobKind { action == "revoke" ? revoke : rotate }
}

/// Takes up the open saga of the job's credential.
struct SagaJobHandler: JobHandler {
  let runner: RotationRunner

  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    await runner.resume(job.lease, term: term)
  }
}
