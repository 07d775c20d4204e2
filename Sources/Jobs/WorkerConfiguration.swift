/// Who is told what a worker's database calls cost. Called on the worker's tasks: be quick.
package protocol WorkerObserver: Sendable {
  /// One claim: how many jobs it brought, and how long it took from sending to decoded.
  func claimed(jobs: Int, in duration: Duration)
  /// One look for arrivals.
  func looked(in duration: Duration)
}

/// How a worker process behaves. Seconds throughout.
package struct WorkerConfiguration: Sendable {
  /// Shown in `keyturn jobs` and logs; 1…200 characters.
  package var name: String
  /// Jobs in flight at once, 1…10000.
  package var maximumInFlight: Int
  /// Length of a lease. Renewed past half of it.
  package var lease: Double
  /// Taken off the lease on this side, for clock drift and the way to the database.
  package var leaseMargin: Double
  package var heartbeat: Double
  /// Longest time between two looks at the queue.
  package var poll: Double
  /// How long a stopping worker waits for jobs to finish by themselves.
  package var shutdownGrace: Double
  package var retry: RetryPolicy
  /// The longest single effect of any handler. A lease must hold for at least one.
  package var longestEffect = 0.0
  /// Wait for notifications on a connection of its own; without it, or behind a pooler, polling alone finds the work.
  package var listens = true
  /// Groups that one claim looks at, 1…1000.
  package var groupsPerClaim = 128
  /// Days that finished jobs are kept, 1…3660.
  package var archiveDays: Int32 = 30
  /// Jobs whose deadline is nearer than this go to the hard-expiry lane.
  package var urgentWithin = 3600.0
  package var observer: (any WorkerObserver)?

  package init(
    name: String, maximumInFlight: Int = 64, lease: Double = 30, leaseMargin: Double = 5, heartbeat: Double = 2,
    poll: Double = 0.25, shutdownGrace: Double = 10, retry: RetryPolicy = .standard
  ) {
    self.name = name
    self.maximumInFlight = maximumInFlight
    self.lease = lease
    self.leaseMargin = leaseMargin
    self.heartbeat = heartbeat
    self.poll = poll
    self.shutdownGrace = shutdownGrace
    self.retry = retry
  }

  /// Names the first setting that cannot work, and what would.
  package func validate() throws(JobsError) {
    func refuse(_ message: String) -> JobsError { JobsError(code: .invalidConfiguration, message: message) }
    guard (1...200).contains(name.count) else { throw refuse("worker name must have 1 to 200 characters") }
    guard (1...10_000).contains(maximumInFlight) else { throw refuse("jobs in flight must be 1 to 10000") }
    guard lease >= 2, lease <= 3600 else { throw refuse("lease must be 2 to 3600 seconds") }
    guard leaseMargin >= 0, leaseMargin <= lease / 2 else {
      throw refuse("lease margin must be between 0 and half of the lease (\(lease / 2) s)")
    }
    guard heartbeat > 0, heartbeat * 3 <= lease else {
      throw refuse("heartbeat must be positive and at most a third of the lease (\(lease / 3) s)")
    }
    guard longestEffect <= lease - leaseMargin else {
      throw refuse(
        "lease (\(lease) s) less its margin (\(leaseMargin) s) is shorter than the longest effect (\(longestEffect) s); "
          + "make the lease at least \(longestEffect + leaseMargin) s")
    }
    guard (1...1000).contains(groupsPerClaim) else { throw refuse("groups per claim must be 1 to 1000") }
    guard (1...3660).contains(archiveDays) else { throw refuse("archive days must be 1 to 3660") }
    guard urgentWithin >= 0, urgentWithin.isFinite else { throw refuse("urgent-within must be 0 or more seconds") }
    guard poll > 0, poll <= 60 else { throw refuse("poll must be more than 0 and at most 60 seconds") }
    guard shutdownGrace >= 0, shutdownGrace <= 600 else { throw refuse("shutdown grace must be 0 to 600 seconds") }
  }
}
