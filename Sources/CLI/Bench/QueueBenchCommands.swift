import ArgumentParser
import Foundation

extension BenchCommand {
  /// No-op jobs per second, beside what plain SQL does with the same rows.
  struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Empty a full queue of jobs that do nothing; fence, archive and exact caps on.")

    @Option(help: "Jobs, 1000 to 10000000.") var jobs = 100_000
    @Option(help: "Worker processes, 1 to 16.") var workers = 2
    @Option(help: "Targets the jobs belong to, 1 to 10000.") var targets = 100
    @Option(help: "Jobs in flight per worker, 1 to 10000.") var concurrency = 2000
    @Option(help: "Runs; the median counts.") var runs = 3
    @Flag(help: "Also print the statements that took the server's time in the last run.") var profile = false
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      do {
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        var drained = Sample()
        var limit = Sample()
        for number in 1...runs {
          limit.add(try await LimitBench(server: server, jobs: jobs, connections: 2, batch: 500).run())
          drained.add(
            try await DrainBench(
              server: server, jobs: jobs, workers: workers, groups: targets, concurrency: concurrency
            ).run("\(number)"))
        }
        if profile {
          global.output.table(
            ["ms", "calls", "rows", "ms_per_call", "statement"], try await server.profile(), empty: "")
        }
        try await server.stop()
        global.output.record(
          Machine.facts + [
            ("jobs", "\(jobs)"), ("worker processes", "\(workers)"), ("targets", "\(targets)"),
            ("jobs per second", String(format: "%.0f", drained.median)), ("from to", drained.range),
            ("plain SQL rows per second", String(format: "%.0f", limit.median)),
            ("share of plain SQL", String(format: "%.2f", drained.median / limit.median)),
          ])
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }
  }
}
