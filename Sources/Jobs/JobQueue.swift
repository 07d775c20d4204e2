package import Foundation
package import Postgres

/// The face of the queue for producers and operators. Everything takes the caller's transaction: a job exists exactly
/// when the change that needs it does.
package struct JobQueue: Sendable {
  package init() {}

  /// A job to be.
  package struct Order: Sendable {
    package let kind: JobKind
    package let subject: SubjectID
    package let group: LimitGroupID
    package let lane: Lane
    /// Seconds from now; 0 is at once.
    package let delay: Double
    /// When it is too late; orders within a lane.
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

  /// Merges with the live job of the same subject, if any. Durable when `transaction` commits.
  @discardableResult
  package func enqueue(_ order: Order, in transaction: Transaction) async throws -> Enqueued {
    guard order.delay >= 0, order.delay.isFinite else {
      throw JobsError(code: .invalidJob, message: "delay must be zero or more seconds")
    }
    guard let row = try await transaction.queryFirst(EnqueueJob(order: order, id: UUID())) else {
      throw JobsError(code: .invalidJob, message: "the job was not stored")
    }
    return row
  }

  /// Makes the group if it is new; otherwise changes its cap. `maximumRunning` 1…10000.
  package func setLimit(_ group: LimitGroupID, maximumRunning: Int32, in runner: some StatementRunner) async throws {
    try await runner.execute(SetLimit(group: group, maximumRunning: maximumRunning))
  }

  /// Waiting and quarantined jobs of these subjects leave the ready index. Leased ones meet the permit.
  package func block(_ subjects: [SubjectID], reason: String, in transaction: Transaction) async throws {
    try await transaction.execute(BlockJobs(subjects: subjects, reason: reason))
  }

  /// Puts a quarantined, blocked or waiting job first in line. False when the subject has no such job.
  package func retryNow(_ subject: SubjectID, in runner: some StatementRunner) async throws -> Bool {
    try await runner.execute(RetryJobNow(subject: subject)) == 1
  }
}
