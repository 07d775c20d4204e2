import Postgres

/// What a worker holds and wants: pure, so that it can be tested without a database.
struct WorkerState {
  struct Held {
    let job: ClaimedJob
    let term: LeaseTerm
    /// Where the row is, until somebody updates it.
    var location: TupleID?
    let since: ContinuousClock.Instant
    /// Nil once the handler returned, or before it began.
    var task: Task<Void, Never>?
  }

  enum Phase: Equatable {
    case working
    /// Claims no more; waits for what is in flight.
    case draining
    /// Gives back what is in flight.
    case releasing
  }

  private(set) var phase: Phase = .working
  private(set) var held: [SubjectID: Held] = [:]
  let maximumInFlight: Int
  var statistics = WorkerStatistics()
  /// Where notifications say that something arrived.
  private var hints: Set<ClaimHints.Hint> = []
  /// Look for what has arrived, and ask also the groups that had no room, or nothing, when they were last asked.
  var isPoll = true
  /// Groups of jobs that ended since the last claim.
  private var freed: Set<ClaimFrontier.Key> = []

  init(maximumInFlight: Int) { self.maximumInFlight = maximumInFlight }

  /// How many jobs to ask for.
  var demand: Int { phase == .working ? max(0, maximumInFlight - held.count) : 0 }

  mutating func note(_ heard: ClaimHints) {
    guard let heard = heard.hints else {
      isPoll = true
      return
    }
    hints.formUnion(heard)
  }

  mutating func takeSignals() -> (isPoll: Bool, hints: Set<ClaimHints.Hint>, freed: Set<ClaimFrontier.Key>) {
    defer {
      hints = []
      isPoll = false
      freed = []
    }
    return (isPoll, hints, freed)
  }

  /// Room that is worth a claim while other jobs are in flight: many small claims cost more than a few larger ones. What is
  /// less is claimed at the next poll.
  var isRoomWorthwhile: Bool { demand >= max(1, maximumInFlight / 8) || held.isEmpty }

  var isDrained: Bool { phase != .working && held.isEmpty }

  mutating func hold(_ job: ClaimedJob, term: LeaseTerm, location: TupleID?, since: ContinuousClock.Instant) {
    held[job.subject] = Held(job: job, term: term, location: location, since: since)
    statistics.claimed(job)
  }

  mutating func attach(_ task: Task<Void, Never>, to subject: SubjectID) { held[subject]?.task = task }

  /// A newer lease of the same subject stays.
  mutating func letGo(_ job: ClaimedJob) {
    if held[job.subject]?.job.lease == job.lease { held[job.subject] = nil }
    freed.insert(ClaimFrontier.Key(bucket: job.lease.bucket.rawValue, id: job.group.rawValue))
  }

  /// The handler returned; the lease stays until its end is written. Nil when it is no longer ours.
  mutating func returned(_ lease: Lease) -> Held? {
    guard let found = held[lease.subject], found.job.lease == lease else { return nil }
    held[lease.subject]!.task = nil
    return found
  }

  mutating func moved(_ subject: SubjectID, to location: TupleID) { held[subject]?.location = location }

  /// working → draining → releasing; never back.
  mutating func stop() { if phase == .working { phase = .draining } }

  mutating func release() { phase = .releasing }

  /// Leases whose remaining time is below half.
  func leasesToRenew(now: ContinuousClock.Instant, lease: Duration) -> [Held] {
    held.values.filter { !$0.term.isLost && $0.term.deadline - now < lease / 2 }
  }
}
