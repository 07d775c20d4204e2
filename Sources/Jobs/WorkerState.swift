/// What a worker holds and wants: pure, so that it can be tested without a database.
struct WorkerState {
  struct Held {
    let lease: Lease
    let term: LeaseTerm
  }

  enum Phase: Equatable {
    case working
    /// Claims no more; waits for what is in flight.
    case draining
    /// Gives back what is in flight.
    case releasing
  }

  private(set) var phase: Phase = .working
  private(set) var held: [JobID: Held] = [:]
  let maximumInFlight: Int

  init(maximumInFlight: Int) { self.maximumInFlight = maximumInFlight }

  /// How many jobs to ask for.
  var demand: Int { phase == .working ? max(0, maximumInFlight - held.count) : 0 }

  var isDrained: Bool { phase != .working && held.isEmpty }

  mutating func hold(_ job: ClaimedJob, term: LeaseTerm) {
    held[job.id] = Held(lease: job.lease, term: term)
  }

  mutating func letGo(_ id: JobID) { held[id] = nil }

  /// working → draining → releasing; never back.
  mutating func stop() { if phase == .working { phase = .draining } }

  mutating func release() { phase = .releasing }

  /// Leases whose remaining time is below half.
  func leasesToRenew(now: ContinuousClock.Instant, lease: Duration) -> [Held] {
    held.values.filter { !$0.term.isLost && $0.term.deadline - now < lease / 2 }
  }
}
