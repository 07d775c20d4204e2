package import Logging
package import Postgres
import Synchronization

/// Periodic work that one process at a time does. There is no leader: whoever finds the row due and free does it.
package struct MaintenanceDuty: Sendable {
  package let name: String
  /// Seconds between runs.
  package let period: Double
  /// Runs in the transaction that holds the row; must be idempotent and short. Returns what it did, in a few words.
  package let run: @Sendable (Transaction) async throws -> String

  package init(
    name: String, period: Double, run: @escaping @Sendable (Transaction) async throws -> String
  ) {
    self.name = name
    self.period = period
    self.run = run
  }

  /// Makes the coming days' partitions and drops those older than `keepDays`, with the records of the same age.
  package static func archivePartitions(keepDays: Int32) -> MaintenanceDuty {
    MaintenanceDuty(name: "archive-partitions", period: 3600) { transaction in
      let made = try await transaction.queryFirst(MakeArchivePartitions()) ?? 0
      let dropped = try await transaction.queryFirst(DropArchivePartitions(keepDays: keepDays)) ?? 0
      try await transaction.execute(DeleteOldRecords(keepDays: keepDays))
      return "made \(made) partitions, dropped \(dropped)"
    }
  }

  /// Looks at all leases when a worker died, and every two minutes for leases that ran out though their worker lives.
  /// - Parameter relentlessKinds: kinds that are never quarantined.
  package static func reap(relentlessKinds: [String], period: Double) -> MaintenanceDuty {
    let lastSweep = Mutex(ContinuousClock.now - .seconds(3600))
    return MaintenanceDuty(name: "reap", period: period) { transaction in
      let died = try await transaction.execute(MarkDeadWorkers())
      let now = ContinuousClock.now
      guard died > 0 || lastSweep.withLock({ now - $0 }) >= .seconds(120) else { return "no worker died" }
      try await transaction.query(PreferKeys())
      let reaped = try await transaction.query(ReapLeases(relentlessKinds: relentlessKinds))
      lastSweep.withLock { $0 = now }
      return "reaped \(reaped.count) leases of \(died) workers"
    }
  }

  /// - Parameter seconds: jobs whose deadline is nearer go to the hard-expiry lane.
  package static func promoteUrgent(within seconds: Double) -> MaintenanceDuty {
    MaintenanceDuty(name: "promote-urgent", period: 60) { transaction in
      let promoted = try await transaction.execute(PromoteUrgentJobs(seconds: seconds))
      return "promoted \(promoted) jobs"
    }
  }
}

/// Runs duties until cancelled.
package struct Maintenance: Sendable {
  private let client: PostgresClient
  private let duties: [MaintenanceDuty]
  private let logger: Logger

  package init(client: PostgresClient, duties: [MaintenanceDuty], logger: Logger) {
    self.client = client
    self.duties = duties
    self.logger = logger
  }

  package func run() async {
    await withDiscardingTaskGroup { group in
      for duty in duties {
        group.addTask { await self.repeatedly(duty) }
      }
    }
  }

  private func repeatedly(_ duty: MaintenanceDuty) async {
    while !Task.isCancelled {
      do {
        try await perform(duty)
      } catch {
        if Task.isCancelled { return }
        logger.warning("maintenance failed", metadata: ["duty": "\(duty.name)", "error": "\(error)"])
      }
      // Looks more often than it is due, so that another process takes over soon; jitter keeps processes apart.
      let pause = max(0.05, min(duty.period, 30) * Double.random(in: 0.5...1))
      do { try await Task.sleep(for: .seconds(pause)) } catch { return }
    }
  }

  private func perform(_ duty: MaintenanceDuty) async throws {
    let isKnown = try await client.execute(AddMaintenance(duty: duty.name)) == 0
    if !isKnown { logger.debug("maintenance duty added", metadata: ["duty": "\(duty.name)"]) }
    try await client.withTransaction { transaction in
      guard try await transaction.execute(TakeMaintenance(duty: duty.name)) == 1 else { return }
      let result = try await duty.run(transaction)
      try await transaction.execute(FinishMaintenance(duty: duty.name, period: duty.period, result: result))
    }
  }
}
