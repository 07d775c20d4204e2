import Foundation
import Jobs
import Postgres

/// Single jobs at a steady rate, from the call that enqueues to the handler's first line in another process.
struct LatencyBench {
  let server: BenchServer
  /// Jobs per second.
  let rate: Double
  let seconds: Double

  struct Result {
    /// Milliseconds, from before the enqueueing transaction.
    var total = Sample()
    /// Milliseconds that the call which enqueues takes, durable on return.
    var enqueue = Sample()
    /// Milliseconds of the claims that brought jobs, as the worker sees them.
    var claims = Sample()
  }

  func run() async throws -> Result {
    try await server.reset()
    let groups = try await server.makeGroups(100, maximumRunning: 10)
    try await server.clearProfile()
    let processes = try BenchWorkers(1, server: server, run: "latency", concurrency: 100, trace: true)
    try await server.waitForWorkers(1)
    let notifier = JobNotifier(client: server.client, logger: server.logger)
    let queue = JobQueue(notifier: notifier)
    var enqueued: [UUID: (before: UInt64, after: UInt64)] = [:]
    var due = ContinuousClock.now
    let count = Int(rate * seconds)
    for index in 0..<count {
      // Poisson: what is asked for at even times never meets itself.
      due += .seconds(-log(Double.random(in: Double.ulpOfOne..<1)) / rate)
      try await Task.sleep(until: due)
      let subject = UUID()
      let before = BenchTrace.now
      let order = JobQueue.Order(
        kind: BenchServer.kind, subject: SubjectID(subject), group: groups[index % groups.count], lane: .operator,
        fence: 0)
      try await queue.enqueue([order], on: server.client)
      enqueued[subject] = (before, BenchTrace.now)
    }
    await notifier.flush()
    var reading = BenchTrace.Reading(processes.traced)
    while reading.starts.count < count {
      try await Task.sleep(for: .milliseconds(100))
      reading = BenchTrace.Reading(processes.traced)
    }
    await processes.stop()
    var result = Result()
    for (subject, times) in enqueued {
      guard let start = reading.starts[subject] else { continue }
      result.total.add(Double(start - times.before) / 1e6)
      result.enqueue.add(Double(times.after - times.before) / 1e6)
    }
    result.claims = reading.claims
    return result
  }
}
