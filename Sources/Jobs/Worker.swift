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
  private let warned = Mutex<[String: ContinuousClock.Instant]>([:])
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

  /// The queue's periodic work, fit for this worker's kinds.
  package var duties: [MaintenanceDuty] {
    [
      .reap(relentlessKinds: relentlessKinds, period: min(1, configuration.heartbeat)),
      .archivePartitions(keepDays: configuration.archiveDays),
      .promoteUrgent(within: configuration.urgentWithin),
    ]
  }

  /// Claims no more. Jobs in flight have the grace time to finish; what is left then is given back at once, without
  /// counting an attempt. A second call gives back at once.
  package func stop() {
    let isSecond = state.withLock { state in
      defer { state.stop() }
      return state.phase != .working
    }
    if isSecond { release() }
    wakeup.yield()
  }

  /// Looks for work now instead of at the next poll.
  package func wake() {
    state.withLock { $0.isPoll = true }
    wakeup.yield()
  }

  private func release() {
    let tasks = state.withLock { state in
      state.release()
      return state.held.values.compactMap(\.task)
    }
    for task in tasks { task.cancel() }
  }

  /// Runs until `stop` was called and nothing is in flight, or until cancelled (which gives back at once).
  package func run() async {
    await withTaskGroup(of: Void.self) { services in
      services.addTask { await self.beat() }
      services.addTask { await self.renew() }
      services.addTask { await self.tick() }
      services.addTask { await self.enforceGrace() }
      if configuration.listens { services.addTask { await self.listen() } }
      await claimUntilStopped()
      services.cancelAll()
    }
    await writeStatistics()
    do {
      try await client.execute(StopWorker(worker: id))
    } catch {
      logger.warning("worker could not say that it stopped", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Claiming

  private func claimUntilStopped() async {
    var frontier = ClaimFrontier()
    await withTaskCancellationHandler {
      for await _ in wakeups {
        await claimAll(&frontier)
        if state.withLock({ $0.isDrained }) { break }
      }
    } onCancel: {
      self.release()
      wakeup.yield()
    }
    // Cancelled: the stream has ended, but what was given back is still being written.
    while !state.withLock({ $0.held.isEmpty }) { await Self.pauseEvenIfCancelled() }
  }

  private static func pauseEvenIfCancelled() async {
    await Task { do { try await Task.sleep(for: .milliseconds(5)) } catch {} }.value
  }

  /// Cancels what still runs when the grace time is over.
  private func enforceGrace() async {
    while !Task.isCancelled, state.withLock({ $0.phase }) == .working {
      do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
    }
    do { try await Task.sleep(for: .seconds(configuration.shutdownGrace)) } catch { return }
    release()
    wakeup.yield()
  }

  /// One round: every group that may have work is asked, and again as long as it gives all it is asked for.
  private func claimAll(_ frontier: inout ClaimFrontier) async {
    do {
      let (isPoll, hints, freed) = state.withLock { $0.takeSignals() }
      for hint in hints { frontier.hint(hint) }
      for key in freed { frontier.freed(key) }
      if isPoll {
        frontier.unparkAll()
        let start = clock.now
        frontier.note(try await look(after: frontier.horizon))
        configuration.observer?.looked(in: clock.now - start)
      }
      while let (lanes, groups) = nextClaim(isPoll: isPoll, &frontier) {
        try await claim(lanes, groups, &frontier)
      }
    } catch {
      warn("claim failed", error)
    }
  }

  private func look(after position: Int64) async throws -> ClaimFrontier.Arrivals {
    let results = try await client.pipeline([
      AnyStatement(PreferOrder()), AnyStatement(FindArrivals(after: position)),
    ])
    guard let arrivals = try results[1].rows(of: FindArrivals.self).first else {
      throw JobsError(code: .unavailable, message: "the line could not be read")
    }
    return arrivals
  }

  private func nextClaim(
    isPoll: Bool, _ frontier: inout ClaimFrontier
  ) -> (ClaimLanes, [ClaimFrontier.Candidate])? {
    let (demand, isWorthwhile) = state.withLock { ($0.demand, $0.isRoomWorthwhile) }
    guard demand > 0, isWorthwhile || isPoll, !Task.isCancelled else { return nil }
    // Few groups with many jobs each cost less than many with few.
    return frontier.next(limit: min(demand, max(8, demand / 64), configuration.groupsPerClaim))
  }

  private func claim(
    _ lanes: ClaimLanes, _ groups: [ClaimFrontier.Candidate], _ frontier: inout ClaimFrontier
  ) async throws {
    let horizon = frontier.horizon
    // The stopwatch starts before the claim is sent: our idea of the lease ends before the database's.
    let sent = clock.now
    let demand = state.withLock { $0.demand }
    let rows: [(ClaimFrontier.Report, ClaimJobs.Claim?)]
    do {
      let results = try await client.pipeline([
        AnyStatement(PreferKeys()), AnyStatement(CommitWithoutWaiting()), AnyStatement(LockGroups(groups: groups)),
        AnyStatement(
          ClaimJobs(
            groups: groups, lanes: lanes, share: Int32(max(1, demand / groups.count)), limit: Int64(demand), owner: id,
            leaseSeconds: configuration.lease)),
      ])
      rows = try results[3].rows(of: ClaimJobs.self)
    } catch {
      // They still have work; the next poll asks again.
      for group in groups { frontier.missed(group.key, lanes: lanes) }
      throw error
    }
    let claimed = take(rows, lanes, horizon, sent, groups, &frontier)
    configuration.observer?.claimed(jobs: claimed, in: clock.now - sent)
    // All were locked by other claimers, who need a moment to commit.
    if rows.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
  }

  private func take(
    _ rows: [(ClaimFrontier.Report, ClaimJobs.Claim?)], _ lanes: ClaimLanes, _ horizon: Int64,
    _ sent: ContinuousClock.Instant, _ asked: [ClaimFrontier.Candidate], _ frontier: inout ClaimFrontier
  ) -> Int {
    let deadline = sent + .seconds(configuration.lease - configuration.leaseMargin)
    var reports: [ClaimFrontier.Key: ClaimFrontier.Report] = [:]
    var jobs: [(job: ClaimedJob, location: TupleID, term: LeaseTerm)] = []
    for (report, claim) in rows {
      guard let claim else {
        reports[report.key] = report
        continue
      }
      reports[report.key, default: report].taken += 1
      jobs.append((claim.job(of: report.key, owner: id), claim.location, LeaseTerm(deadline: deadline)))
    }
    for group in asked {
      if let report = reports[group.key] {
        frontier.note(report, horizon: horizon, lanes: lanes, at: sent)
      } else {
        frontier.missed(group.key, lanes: lanes)
      }
    }
    state.withLock { state in
      for job in jobs { state.hold(job.job, term: job.term, location: job.location, since: sent) }
    }
    let isReleasing = state.withLock { $0.phase == .releasing }
    for job in jobs { start(job.job, term: job.term, isReleasing: isReleasing) }
    return jobs.count
  }

  // MARK: Running

  /// The task is owned by `held`: `run` does not return before its job is let go.
  private func start(_ job: ClaimedJob, term: LeaseTerm, isReleasing: Bool) {
    let task = Task {
      let outcome =
        await handlers[job.kind]?.handle(job, term: term) ?? .quarantine(reason: "unknown kind of job")
      settle(job, term: term, outcome: outcome)
    }
    state.withLock { $0.attach(task, to: job.subject) }
    if isReleasing { task.cancel() }
  }

  private func settle(_ job: ClaimedJob, term: LeaseTerm, outcome: JobOutcome) {
    guard let held = state.withLock({ $0.returned(job.lease) }) else { return }
    var generator = SystemRandomNumberGenerator()
    let settlement = Settlement(
      job: job, outcome: outcome, location: held.location, isRelentless: relentlessKinds.contains(job.kind),
      isStopping: Task.isCancelled, retry: configuration.retry, using: &generator)
    if term.isLost || outcome == .abandon { return letGo(held, settlement, isHeld: false) }
    writer.settle(settlement, term: term) { isHeld in
      if !isHeld { self.logger.info("lease lost before the end was written", metadata: ["job.id": "\(job.id)"]) }
      self.letGo(held, settlement, isHeld: isHeld)
    }
  }

  private func letGo(_ held: WorkerState.Held, _ settlement: Settlement, isHeld: Bool) {
    let seconds = (clock.now - held.since) / .seconds(1)
    let mustWake = state.withLock { state in
      state.letGo(held.job)
      state.statistics.settled(held.job, settlement.kind, isHeld: isHeld, seconds: seconds)
      return state.isRoomWorthwhile || state.phase != .working
    }
    if mustWake { wakeup.yield() }
  }

  // MARK: Upkeep

  /// At most one of a kind in ten seconds: an outage is one event, not four a second.
  private func warn(_ message: String, _ error: any Error) {
    if Task.isCancelled { return }
    let now = clock.now
    let isNew = warned.withLock { warned in
      if let last = warned[message], now - last < .seconds(10) { return false }
      warned[message] = now
      return true
    }
    if isNew { logger.warning("\(message)", metadata: ["error": "\(error)"]) }
  }

  private func tick() async {
    var after = Date.distantPast
    var rounds = 0
    while !Task.isCancelled {
      do {
        // From the beginning now and then: what committed more than a minute late is found so.
        if rounds % 120 == 0 { after = .distantPast }
        rounds += 1
        let results = try await client.pipeline([AnyStatement(PreferKeys()), AnyStatement(WakeJobs(after: after))])
        if let woken = try results[1].rows(of: WakeJobs.self).first, woken.count < 1000 { after = woken.next }
      } catch {
        warn("waiting jobs not looked at", error)
      }
      wake()
      do {
        try await Task.sleep(for: .seconds(configuration.poll * Double.random(in: 0.5...1)))
      } catch { break }
    }
    wakeup.yield()
  }

  private func listen() async {
    for await element in client.listen(to: [NotifyWorkers.channel]) {
      switch element {
      case .notification(_, let payload): state.withLock { $0.note(ClaimHints(payload: payload)) }
      case .mayHaveMissed: state.withLock { $0.isPoll = true }
      }
      wakeup.yield()
    }
  }

  private func beat() async {
    var hasWarned = false
    var sinceStatistics = clock.now
    while !Task.isCancelled {
      do {
        let namesakes = try await client.queryFirst(
          Heartbeat(
            worker: id, name: configuration.name, seconds: configuration.heartbeat, inFlight: Int32(inFlight)))
        if let namesakes, namesakes > 0, !hasWarned {
          hasWarned = true
          logger.warning(
            "another live worker has the same name; both work, but give each its own to tell them apart",
            metadata: ["worker.name": "\(configuration.name)"])
        }
        if clock.now - sinceStatistics > .seconds(5) {
          sinceStatistics = clock.now
          await writeStatistics()
        }
      } catch {
        warn("heartbeat failed", error)
      }
      do { try await Task.sleep(for: .seconds(configuration.heartbeat)) } catch { return }
    }
  }

  private func writeStatistics() async {
    let rows = state.withLock { $0.statistics.take() }
    guard !rows.isEmpty else { return }
    do {
      try await client.execute(AddStatistics(rows: rows))
    } catch {
      // A minute's figures are lost, no job is.
      logger.info("statistics not written", metadata: ["error": "\(error)"])
    }
  }

  private func renew() async {
    let lease = Duration.seconds(configuration.lease)
    while !Task.isCancelled {
      do { try await Task.sleep(for: lease / 10) } catch { return }
      let now = clock.now
      let due = state.withLock { $0.leasesToRenew(now: now, lease: lease) }
        .sorted { $0.job.subject < $1.job.subject }
      if due.isEmpty { continue }
      do {
        let results = try await client.pipeline([
          AnyStatement(PreferKeys()),
          AnyStatement(RenewLeases(leases: due.map(\.job.lease), leaseSeconds: configuration.lease)),
        ])
        let renewed = try results[1].rows(of: RenewLeases.self)
        let kept = Dictionary(renewed.map { ($0.subject, $0.location) }, uniquingKeysWith: { $1 })
        for held in due {
          if let location = kept[held.job.subject] {
            held.term.extend(to: now + .seconds(configuration.lease - configuration.leaseMargin))
            state.withLock { $0.moved(held.job.subject, to: location) }
          } else {
            lose(held)
          }
        }
      } catch {
        warn("leases not renewed", error)
        for held in due where held.term.deadline < clock.now { lose(held) }
      }
    }
  }

  /// Cancels the handler, but waits for it: it may be inside an effect.
  private func lose(_ held: WorkerState.Held) {
    held.term.lose()
    guard let task = state.withLock({ $0.held[held.job.subject]?.task }) else { return }
    logger.warning("lease lost", metadata: ["job.id": "\(held.job.id)"])
    task.cancel()
  }
}
