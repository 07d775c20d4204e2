import ArgumentParser
import Daemon
import Foundation
import Jobs
import Postgres
import Synchronization

/// A worker process of a benchmark: jobs that do nothing, or wait. Prints, every 10 ms when it changed, how many jobs it has
/// begun and how many it holds.
struct BenchWorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "bench-worker", shouldDisplay: false)

  @Option var url: String
  @Option var name: String
  @Option var concurrency = 2000
  @Option var connections = 4
  @Option var poll = 0.25
  @Option var lease = 60.0
  /// Milliseconds each job takes.
  @Option var work = 0
  /// Print a line for each job's start, and for each claim and look, instead of counts.
  @Flag var trace = false
  @OptionGroup var global: GlobalOptions

  private struct Handler: JobHandler {
    let count: Counter
    let milliseconds: Int
    let trace: BenchTrace?

    func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
      count.begin()
      trace?.began(job)
      if milliseconds > 0 {
        do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch {
          return .retry(JobFailure(code: "stopped"))
        }
      }
      return .done
    }
  }

  private final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    func begin() { value.add(1, ordering: .relaxed) }
    var count: Int { value.load(ordering: .relaxed) }
  }

  mutating func run() async throws {
    var configuration = try PostgresConfiguration(url: url)
    configuration.role = "keyturn_engine"
    configuration.pool.maximumConnections = connections
    let logger = global.makeLogger("bench")
    let client = PostgresClient(configuration, logger: logger)
    let counter = Counter()
    let tracing = trace ? BenchTrace() : nil
    var settings = WorkerConfiguration(
      name: name, maximumInFlight: concurrency, lease: lease, leaseMargin: min(5, lease / 4),
      heartbeat: min(2, lease / 4), poll: poll)
    settings.observer = tracing
    let worker = try Worker(
      client: client, configuration: settings,
      handlers: [(BenchServer.kind, Handler(count: counter, milliseconds: work, trace: tracing))],
      writer: StepWriter(client: client, logger: logger), logger: logger)
    let report = Task {
      var last = (-1, -1)
      let parent = BenchParent()
      while !Task.isCancelled {
        if parent.isGone { worker.stop() }
        let now = (counter.count, worker.inFlight)
        tracing?.flush()
        if tracing == nil, now != last { FileHandle.standardOutput.write(Data("\(now.0) \(now.1)\n".utf8)) }
        last = now
        do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
      }
    }
    let signals = Task {
      for await _ in StopSignals.stream() { worker.stop() }
    }
    let maintenance = Maintenance(client: client, duties: worker.duties, logger: logger)
    await withTaskGroup(of: Void.self) { services in
      services.addTask { await maintenance.run() }
      await worker.run()
      services.cancelAll()
    }
    report.cancel()
    signals.cancel()
    let process = ProcessFigures.read()
    tracing?.flush()
    if tracing == nil { print("\(counter.count) \(worker.inFlight) \(process.peakResidentMB)") }
    await client.close()
  }
}
