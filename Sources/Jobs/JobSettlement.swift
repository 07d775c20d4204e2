/// What is written when a handler returns: pure.
enum JobSettlement {
  case archive
  case giveBack(SettleJob)

  init(
    job: ClaimedJob, outcome: JobOutcome, isRelentless: Bool, isStopping: Bool, retry: RetryPolicy,
    using generator: inout some RandomNumberGenerator
  ) {
    let lease = job.lease
    switch outcome {
    case .done:
      self = .archive
    case .retry where isStopping:
      // A handler that was told to stop did not fail.
      self = .giveBack(SettleJob(lease: lease, attemptsTakenBack: 1))
    case .retry(let failure):
      let failures = job.failures + 1
      if failures >= retry.maximumFailures && !isRelentless {
        let reason = "failed \(failures) times, last with \(failure.code)"
        self = .giveBack(SettleJob(lease: lease, state: "quarantined", reason: reason, failures: 1))
      } else {
        let delay = retry.delay(failures: failures, using: &generator)
        self = .giveBack(SettleJob(lease: lease, reason: failure.code, delay: delay, failures: 1))
      }
    case .snooze(let seconds, let reason):
      self = .giveBack(SettleJob(lease: lease, reason: reason, delay: max(0, seconds), attemptsTakenBack: 1))
    case .quarantine(let reason):
      self = .giveBack(SettleJob(lease: lease, state: "quarantined", reason: reason))
    case .block(let reason):
      self = .giveBack(SettleJob(lease: lease, state: "blocked", reason: reason, attemptsTakenBack: 1))
    case .abandon:
      self = .giveBack(SettleJob(lease: lease, attemptsTakenBack: 1))
    }
  }
}
