import ArgumentParser
import Daemon
import Drivers
import Foundation
import Jobs
import Lifecycle
import Postgres
import Synchronization

/// A worker process of the rotation benchmark: the product's own worker, writer and runner, with simulated targets in the
/// process. Prints, every 10 ms when it changed, how many sagas it has begun and how many it holds.
struct SagaWorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "bench-saga-worker", shouldDisplay: false)

  @Option var name: String
  @Option var concurrency = 2000
  @Flag var ungated = false
  @OptionGroup var global: GlobalOptions

  private struct Counted: JobHandler {
    let handler: any JobHandler
    let count: Counter

    func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
      count.begin()
      return await handler.handle(job, term: term)
    }
  }

  private final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    func begin() { value.add(1, ordering: .relaxed) }
    var count: Int { value.load(ordering: .relaxed) }
  }

  mutating func run() async throws {
    let logger = global.makeLogger("bench")
    let composition = try await Composition.open(
      global.daemon, .requireSchema, extraFactories: [SimulatedTargetFactory(targets: SimulatedTargets())],
      logger: logger)
    let counter = Counter()
    let writer = StepWriter(client: composition.client, logger: logger)
    let gate: any PermitGate = ungated ? OpenGate() : AuthorityGate()
    let handlers = composition.lifecycle.handlers(writer: writer, gate: gate)
      .map { ($0.0, Counted(handler: $0.1, count: counter) as any JobHandler) }
    var configuration = WorkerConfiguration(name: name, maximumInFlight: concurrency, lease: 60, poll: 0.1)
    configuration.longestEffect = CredentialLifecycle.longestEffect
    let worker = try Worker(
      client: composition.client, configuration: configuration, handlers: handlers, writer: writer, logger: logger)
    let report = Task {
      var last = (-1, -1)
      let parent = BenchParent()
      while !Task.isCancelled {
        if parent.isGone { worker.stop() }
        let now = (counter.count, worker.inFlight)
        if now != last { FileHandle.standardOutput.write(Data("\(now.0) \(now.1)\n".utf8)) }
        last = now
        do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
      }
    }
    let signals = Task {
      for await _ in StopSignals.stream() { worker.stop() }
    }
    await worker.run()
    report.cancel()
    signals.cancel()
    print("\(counter.count) \(worker.inFlight) \(ProcessFigures.read().peakResidentMB)")
    await composition.close()
  }
}
