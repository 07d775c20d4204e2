package import Foundation
package import Logging
package import Postgres
import Synchronization

/// One process's share of the queue: claims, runs, renews, settles.
///
/// A class because it is one running thing with an identity; its state is a struct behind a lock.
package final class Worker: Sendable {
  package let id = UUID()
  private let client: PostgresClient
  private let configuration: WorkerConfiguration
  private let handlers: [String: any JobHandler]
  private let relentlessKinds: [String]
  private let writer: StepWriter
  private let logger: Logger
  private let clock = ContinuousClock()
  private let state: Mutex<WorkerState>
  private let wakeups: AsyncStream<Void>
  private let wakeup: AsyncStream<Void>.Continuation

  /// - Parameter handlers: who runs which kind; a job of another kind is quarantined, not dropped.
  package init(
    client: PostgresClient, configuration: WorkerConfiguration, handlers: [(JobKind, any JobHandler)],
    writer: StepWriter, logger: Logger
  ) throws(JobsError) {
    try configuration.validate()
    self.client = client
    self.configuration = configuration
    self.handlers = Dictionary(uniqueKeysWithValues: handlers.map { ($0.0.name, $0.1) })
    relentlessKinds = handlers.filter { $0.0.isRelentless }.map(\.0.name)
    self.writer = writer
    self.logger = logger
    state = Mutex(WorkerState(maximumInFlight: configuration.maximumInFlight))
    (wakeups, wakeup) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  package var inFlight: Int { state.withLock { $0.held.count } }

  /// The reaping duty that fits this worker's kinds.
  package var reaping: MaintenanceDuty {
    .reap(relentlessKinds: relentlessKinds, period: min(1, configuration.heartbeat))
  }

  /// Claims no more. Jobs in flight have the grace time to finish; what is left then is given back at once, without
  /// counting an attempt. A second call gives back at once.
  package func stop() {
    state.withLock { state in
      if state.phase == .working { state.stop() } else { state.release() }
    }
    wakeup.yield()
  }

  /// Runs until `stop` was called and nothing is in flight, or until cancelled (which gives back at once).
  package func run() async {
    await withTaskGroup(of: Void.self) { services in
      services.addTask { await self.beat() }
      services.addTask { await self.renew() }
      services.addTask { await self.tick() }
      await claimUntilStopped()
      services.cancelAll()
    }
    do {
      try await client.execute(StopWorker(worker: id))
    } catch {
      logger.warning("worker could not say that it stopped", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Claiming

  private func claimUntilStopped() async {
    await withTaskGroup(of: Void.self) { jobs in
      jobs.addTask { await self.enforceGrace() }
      for await _ in wakeups {
        while await claimOnce(into: &jobs) {}
        if state.withLock({ $0.isDrained }) || Task.isCancelled { break }
        if state.withLock({ $0.phase == .releasing }) { jobs.cancelAll() }
      }
      jobs.cancelAll()
    }
  }

  /// Cancels what still runs when the grace time is over.
  private func enforceGrace() async {
    while !Task.isCancelled {
      if state.withLock({ $0.phase }) != .working { break }
      do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
    }
    do { try await Task.sleep(for: .seconds(configuration.shutdownGrace)) } catch { return }
    state.withLock { $0.release() }
    wakeup.yield()
  }

  /// True when there may be more to claim at once.
  private func claimOnce(into jobs: inout TaskGroup<Void>) async -> Bool {
    let demand = state.withLock { $0.demand }
    guard demand > 0, !Task.isCancelled else { return false }
    // The stopwatch starts before the claim is sent: our idea of the lease ends before the database's.
    let deadline = clock.now + .seconds(configuration.lease - configuration.leaseMargin)
    let claimed: [ClaimedJob]
    do {
      claimed = try await claim(demand)
    } catch {
      logger.warning("claim failed", metadata: ["error": "\(error)"])
      return false
    }
    for job in claimed {
      let term = LeaseTerm(deadline: deadline)
      state.withLock { $0.hold(job, term: term) }
      jobs.addTask { await self.perform(job, term: term) }
    }
    return claimed.count == demand
  }

  private func claim(_ demand: Int) async throws -> [ClaimedJob] {
    try await client.withTransaction { transaction in
      let groups = try await transaction.query(LockReadyGroups(limit: Int64(demand)))
      if groups.isEmpty { return [] }
      let rows = try await transaction.query(
        ClaimJobs(groups: groups, limit: Int64(demand), owner: self.id, leaseSeconds: self.configuration.lease))
      return rows.map { $0.job(owner: self.id) }
    }
  }

  // MARK: Running

  private func perform(_ job: ClaimedJob, term: LeaseTerm) async {
    let outcome = await outcome(of: job, term: term)
    await settle(job, term: term, outcome: outcome)
    state.withLock { $0.letGo(job.id) }
    wakeup.yield()
  }

  private func outcome(of job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    guard let handler = handlers[job.kind] else { return .quarantine(reason: "unknown kind of job") }
    return await withTaskGroup(of: JobOutcome?.self) { race in
      race.addTask { await handler.handle(job, term: term) }
      race.addTask {
        await term.untilLost()
        return nil
      }
      // Losing the lease cancels the handler, but we wait for it: it may be inside an effect.
      var outcome: JobOutcome?
      for await result in race {
        race.cancelAll()
        if let result { outcome = result }
      }
      return outcome ?? .abandon
    }
  }

  private func settle(_ job: ClaimedJob, term: LeaseTerm, outcome: JobOutcome) async {
    if term.isLost || outcome == .abandon { return }
    var generator = SystemRandomNumberGenerator()
    let settlement = JobSettlement(
      job: job, outcome: outcome, isRelentless: relentlessKinds.contains(job.kind),
      isStopping: Task.isCancelled, retry: configuration.retry, using: &generator)
    do {
      try await write(settlement, lease: job.lease)
    } catch {
      // The lease runs out and the job is taken up again from its durable state.
      logger.warning("job not settled", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
    }
  }

  private func write(_ settlement: JobSettlement, lease: Lease) async throws(JobsError) {
    switch settlement {
    case .archive:
      var archive = Step(lease)
      archive.add(ArchiveJob(lease: lease))
      do {
        try await writer.commit(archive)
      } catch  where error.code == .guardFailed {
        var followUp = Step(lease)
        followUp.add(SettleJob(lease: lease, always: false))
        try await writer.commit(followUp)
      }
    case .giveBack(let statement):
      var step = Step(lease)
      step.add(statement)
      try await writer.commit(step)
    }
  }

  // MARK: Upkeep

  private func tick() async {
    while !Task.isCancelled {
      wakeup.yield()
      do {
        try await Task.sleep(for: .seconds(configuration.poll * Double.random(in: 0.5...1)))
      } catch { break }
    }
    wakeup.yield()
  }

  private func beat() async {
    while !Task.isCancelled {
      do {
        try await client.execute(
          Heartbeat(
            worker: id, name: configuration.name, seconds: configuration.heartbeat, inFlight: Int32(inFlight)))
      } catch {
        logger.warning("heartbeat failed", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: .seconds(configuration.heartbeat)) } catch { return }
    }
  }

  private func renew() async {
    let lease = Duration.seconds(configuration.lease)
    while !Task.isCancelled {
      do { try await Task.sleep(for: lease / 10) } catch { return }
      let now = clock.now
      let due = state.withLock { $0.leasesToRenew(now: now, lease: lease) }
      if due.isEmpty { continue }
      do {
        let renewed = try await client.query(
          RenewLeases(leases: due.map(\.lease), owner: id, leaseSeconds: configuration.lease))
        let kept = Set(renewed)
        for held in due {
          if kept.contains(held.lease.job) {
            held.term.extend(to: now + .seconds(configuration.lease - configuration.leaseMargin))
          } else {
            logger.warning("lease lost", metadata: ["job.id": "\(held.lease.job)"])
            held.term.lose()
          }
        }
      } catch {
        logger.warning("leases not renewed", metadata: ["error": "\(error)"])
        for held in due where held.term.deadline < clock.now { held.term.lose() }
      }
    }
  }
}
