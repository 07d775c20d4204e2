import Postgres

/// How a live job ends or goes back: what is written when a handler returns.
package struct Settlement: Sendable {
  package enum Kind: Sendable {
    case archive(ArchiveOutcome, reason: String?)
    case giveBack(GiveBack)
  }

  let lease: Lease
  /// Where the claim or the last renewal left the row.
  var location: TupleID?
  let kind: Kind
  /// Nil: says nothing about the group.
  var groupVerdict: (group: LimitGroupID, failed: Bool)?
}

package enum ArchiveOutcome: String, Sendable {
  case done
  case discarded
  case cancelled
}

/// Why a job may not be claimed.
package enum JobHold: String, Sendable {
  case waiting
  case blocked
  case quarantined
}

package struct GiveBack: Sendable {
  var hold: JobHold?
  var reason: String?
  /// Seconds.
  var delay = 0.0
  var attemptsTakenBack: Int32 = 0
  var failures: Int32 = 0
  /// False: only when a follow-up waits.
  var always = true
}

extension Settlement {
  /// What an outcome means: pure.
  init(
    job: ClaimedJob, outcome: JobOutcome, location: TupleID?, isRelentless: Bool, isStopping: Bool, retry: RetryPolicy,
    using generator: inout some RandomNumberGenerator
  ) {
    let kind: Kind
    var verdict: (LimitGroupID, Bool)?
    switch outcome {
    case .done:
      kind = .archive(.done, reason: nil)
      if job.groupIsAiling { verdict = (job.group, false) }
    case .discard(let reason):
      kind = .archive(.discarded, reason: reason)
    case .retry where isStopping:
      // A handler that was told to stop did not fail.
      kind = .giveBack(GiveBack(attemptsTakenBack: 1))
    case .retry(let failure):
      if failure.blamesGroup { verdict = (job.group, true) }
      let failures = job.failures + 1
      if failures >= retry.maximumFailures && !isRelentless {
        let reason = "failed \(failures) times, last with \(failure.code)"
        kind = .giveBack(GiveBack(hold: .quarantined, reason: reason, failures: 1))
      } else {
        let delay = retry.delay(failures: failures, using: &generator)
        kind = .giveBack(GiveBack(hold: .waiting, reason: failure.code, delay: delay, failures: 1))
      }
    case .snooze(let seconds, let reason):
      let delay = max(0, seconds)
      kind = .giveBack(
        GiveBack(hold: delay > 0 ? .waiting : nil, reason: reason, delay: delay, attemptsTakenBack: 1))
      if job.groupIsAiling { verdict = (job.group, false) }
    case .quarantine(let reason):
      kind = .giveBack(GiveBack(hold: .quarantined, reason: reason))
    case .block(let reason):
      kind = .giveBack(GiveBack(hold: .blocked, reason: reason, attemptsTakenBack: 1))
    case .abandon:
      kind = .giveBack(GiveBack(attemptsTakenBack: 1))
    }
    self.init(lease: job.lease, location: location, kind: kind, groupVerdict: verdict.map { ($0.0, $0.1) })
  }
}
