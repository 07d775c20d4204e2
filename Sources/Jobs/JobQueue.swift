package import Foundation
package import Postgres

/// The face of the queue for producers. Everything takes the caller's transaction: a job exists exactly when the change that
/// needs it does.
package struct JobQueue: Sendable {
  private let notifier: JobNotifier?

  /// - Parameter notifier: nil: workers find the work at their next poll.
  package init(notifier: JobNotifier? = nil) { self.notifier = notifier }

  /// A job to be.
  package struct Order: Sendable {
    package let kind: JobKind
    package let subject: SubjectID
    package let group: LimitGroupID
    package let lane: Lane
    /// Seconds from now; 0 is at once.
    package let delay: Double
    /// When it is too late; near it, the job goes to the hard-expiry lane.
    package let deadline: Date?
    /// The highest fencing number the subject has used; the new job's numbers are above it.
    package let fence: Int64

    package init(
      kind: JobKind, subject: SubjectID, group: LimitGroupID, lane: Lane, delay: Double = 0, deadline: Date? = nil,
      fence: Int64
    ) {
      self.kind = kind
      self.subject = subject
      self.group = group
      self.lane = lane
      self.delay = delay
      self.deadline = deadline
      self.fence = fence
    }
  }

  /// What became of an order.
  package enum Enqueued: String, Sendable {
    /// A new job.
    case inserted
    /// A waiting job took over what was stronger in the order.
    case merged
    /// A running job will be followed by the order.
    case followUp = "follow_up"
    /// A running job of the same kind and lane already does it.
    case unchanged
  }

  package struct EnqueueCounts: Sendable, Equatable {
    package var inserted = 0
    package var merged = 0
    package var followUps = 0
    package var unchanged = 0
  }

  /// Orders per statement: more gains nothing and holds locks for longer.
  package static let batch = 1000

  /// Merges with the live job of the same subject, if any. Durable when `transaction` commits.
  @discardableResult
  package func enqueue(_ order: Order, in transaction: Transaction) async throws -> Enqueued {
    let counts = try await enqueue([order], in: transaction)
    if counts.inserted > 0 { return .inserted }
    if counts.merged > 0 { return .merged }
    return counts.followUps > 0 ? .followUp : .unchanged
  }

  /// As above, for many; several orders for one subject count as the strongest of them.
  @discardableResult
  package func enqueue(_ orders: [Order], in transaction: Transaction) async throws -> EnqueueCounts {
    let distinct = try Self.distinct(orders)
    var total = EnqueueCounts()
    for start in stride(from: 0, to: distinct.count, by: Self.batch) {
      let batch = Array(distinct[start..<min(start + Self.batch, distinct.count)])
      let results = try await transaction.pipeline(Self.statements(batch))
      let counts = try Self.counts(results[1])
      total.inserted += counts.inserted
      total.merged += counts.merged
      total.followUps += counts.followUps
      total.unchanged += counts.unchanged
    }
    if let notifier {
      let hints = ClaimHints(distinct)
      transaction.afterCommit { notifier.signal(hints) }
    }
    return total
  }

  /// As above, for orders that need nothing else in their transaction; at most `batch` of them. One round trip; durable on
  /// return.
  ///
  /// Workers see the orders, and hear of them, while the disk is still writing: the log is one sequence, so the first thing a
  /// handler commits puts the order on disk too, and no effect comes before one. What returns here has waited for the disk.
  @discardableResult
  package func enqueue(_ orders: [Order], on client: PostgresClient) async throws -> EnqueueCounts {
    let distinct = try Self.distinct(orders)
    guard distinct.count <= Self.batch else {
      throw JobsError(code: .invalidJob, message: "orders: at most \(Self.batch) at once outside of a transaction")
    }
    let hints = ClaimHints(distinct)
    var visible = [AnyStatement(CommitWithoutWaiting())] + Self.statements(distinct)
    let notifies = notifier?.takeTurn() ?? false
    if notifies { visible.append(AnyStatement(NotifyWorkers(hints: hints))) }
    defer {
      if notifies { notifier?.endTurn() } else { notifier?.signal(hints) }
    }
    let results = try await client.pipeline(transactions: [visible, [AnyStatement(CommitDurably())]])
    return try Self.counts(results[2])
  }

  private static func distinct(_ orders: [Order]) throws(JobsError) -> [Order] {
    for order in orders { try validate(order) }
    return strongest(orders).sorted { $0.subject < $1.subject }
  }

  /// The second is the order itself. For a few orders, planning costs more than storing; for many, one plan for all would join them the slow way.
  private static func statements(_ batch: [Order]) -> [AnyStatement] {
    [
      AnyStatement(SetPlanCacheMode(mode: batch.count <= 10 ? "force_generic_plan" : "auto")),
      AnyStatement(EnqueueJobs(orders: batch)), AnyStatement(SetPlanCacheMode(mode: "auto")),
    ]
  }

  private static func counts(_ result: PipelineResult) throws -> EnqueueCounts {
    guard let counts = try result.rows(of: EnqueueJobs.self).first else {
      throw JobsError(code: .invalidJob, message: "the jobs were not stored")
    }
    return counts
  }

  private static func validate(_ order: Order) throws(JobsError) {
    guard order.delay >= 0, order.delay <= 315_360_000 else {
      throw JobsError(code: .invalidJob, message: "delay must be 0 to 315360000 seconds (ten years)")
    }
    guard (1...40).contains(order.kind.name.count) else {
      throw JobsError(code: .invalidJob, message: "kind must have 1 to 40 characters")
    }
    guard order.fence >= 0 else { throw JobsError(code: .invalidJob, message: "fence must not be negative") }
  }

  private static func strongest(_ orders: [Order]) -> [Order] {
    guard orders.count > 1 else { return orders }
    var found: [SubjectID: Order] = [:]
    found.reserveCapacity(orders.count)
    for order in orders {
      guard let other = found[order.subject] else {
        found[order.subject] = order
        continue
      }
      let (strong, weak) = order.kind.precedence > other.kind.precedence ? (order, other) : (other, order)
      found[order.subject] = Order(
        kind: strong.kind, subject: strong.subject, group: strong.group,
        lane: strong.lane.rawValue < weak.lane.rawValue ? strong.lane : weak.lane,
        delay: min(strong.delay, weak.delay), deadline: [strong.deadline, weak.deadline].compactMap { $0 }.min(),
        fence: max(strong.fence, weak.fence))
    }
    return Array(found.values)
  }

  /// Makes the group if it is new; otherwise changes its limits.
  package func setLimit(_ group: LimitGroupID, _ limit: GroupLimit, in runner: some StatementRunner) async throws {
    try limit.validate()
    try await runner.execute(SetLimit(group: group, limit: limit))
  }

  /// Waiting and ready jobs of these subjects leave the line. Leased ones meet the permit.
  package func block(_ subjects: [SubjectID], reason: String, in transaction: Transaction) async throws {
    try await transaction.execute(BlockJobs(subjects: subjects, reason: reason))
  }

  /// Puts a quarantined, blocked or waiting job into the operator's lane. False when the subject has no such job.
  package func retryNow(_ subject: SubjectID, in transaction: Transaction) async throws -> Bool {
    let isFound = try await transaction.execute(RetryJobNow(subject: subject)) == 1
    if isFound, let notifier { transaction.afterCommit { notifier.signal() } }
    return isFound
  }

  /// Ends the live job of the subject as cancelled. A worker that has it loses its lease and can write nothing more. False
  /// when there is none.
  package func cancel(_ subject: SubjectID, reason: String, in transaction: Transaction) async throws -> Bool {
    try await transaction.execute(CancelJob(subject: subject, reason: reason)) == 1
  }

  /// Moves jobs that wait or are ready to another lane, at the end of its line. Returns how many.
  package func changeLane(_ subjects: [SubjectID], to lane: Lane, in transaction: Transaction) async throws -> Int {
    let count = try await transaction.execute(ChangeLane(subjects: subjects, lane: lane))
    if count > 0, let notifier { transaction.afterCommit { notifier.signal() } }
    return count
  }

  /// Nothing of the group begins until `resume`; what runs goes on. False when the group is unknown or paused already.
  package func pause(_ group: LimitGroupID, reason: String, in transaction: Transaction) async throws -> Bool {
    try await transaction.execute(PauseGroup(group: group, reason: reason)) == 1
  }

  /// Also closes the group's breaker. False when the group was neither paused nor failing.
  package func resume(_ group: LimitGroupID, in transaction: Transaction) async throws -> Bool {
    let isFound = try await transaction.execute(ResumeGroup(group: group)) == 1
    if isFound, let notifier { transaction.afterCommit { notifier.signal() } }
    return isFound
  }

  /// Keeps what an operator did, in the same transaction. Append-only.
  package func record(_ action: OperatorAction, in transaction: Transaction) async throws {
    try await transaction.execute(RecordOperatorAction(action: action))
  }
}

/// How much of a group runs.
package struct GroupLimit: Sendable, Equatable {
  /// Jobs at once, 1…10000. The leak lane has one more.
  package var maximumRunning: Int32
  /// Jobs begun per minute, 1…1000000; nil: no limit. The leak lane is not held up by it.
  package var perMinute: Int32?
  /// Jobs that may begin at once after a pause, within the rate; 1…10000.
  package var burst: Int32

  package init(maximumRunning: Int32, perMinute: Int32? = nil, burst: Int32 = 1) {
    self.maximumRunning = maximumRunning
    self.perMinute = perMinute
    self.burst = burst
  }

  package func validate() throws(JobsError) {
    func refuse(_ message: String) -> JobsError { JobsError(code: .invalidConfiguration, message: message) }
    guard (1...10_000).contains(maximumRunning) else {
      throw refuse("jobs at once must be 1 to 10000; to stop all, pause the target")
    }
    if let perMinute, !(1...1_000_000).contains(perMinute) {
      throw refuse("the rate must be 1 to 1000000 jobs per minute; leave it out for no limit")
    }
    guard (1...10_000).contains(burst) else { throw refuse("the burst must be 1 to 10000 jobs") }
  }
}

/// What an operator did to the queue, and why.
package struct OperatorAction: Sendable {
  package enum Verb: String, Sendable {
    case pause
    case resume
    case limit
    case retry
    case cancel
    case lane
    case enqueue
    /// Of what a person decides about work that cannot go on by itself.
    case release
    case rollback
    case abandon
    case waive
  }

  package let actor: String
  package let verb: Verb
  package var group: LimitGroupID?
  package var subject: SubjectID?
  /// How many jobs it changed.
  package let jobs: Int
  package var detail: String?
  package let reason: String

  package init(
    actor: String, verb: Verb, group: LimitGroupID? = nil, subject: SubjectID? = nil, jobs: Int, detail: String? = nil,
    reason: String
  ) {
    self.actor = actor
    self.verb = verb
    self.group = group
    self.subject = subject
    self.jobs = jobs
    self.detail = detail
    self.reason = reason
  }
}
