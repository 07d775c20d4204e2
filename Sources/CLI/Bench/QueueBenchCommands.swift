import ArgumentParser
import Foundation

/// Options of every benchmark of the queue.
struct BenchOptions: ParsableArguments {
  @Option(help: "Also write the figures to this file, as a JSON object.") var out: String?
  @Flag(help: "Also print the statements that took the server's time in the last run.") var profile = false
  @OptionGroup var global: GlobalOptions

  /// Sets up a server, runs `body`, prints and writes its report, and takes the server away again.
  func run(_ name: String, _ body: (BenchServer, inout BenchReport) async throws -> Void) async throws {
    do {
      let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
      var report = try await server.report(name)
      do {
        try await body(server, &report)
        if profile {
          global.output.table(
            ["ms", "calls", "rows", "ms_per_call", "statement"], try await server.profile(), empty: "")
        }
      } catch {
        try await server.stop()
        throw error
      }
      try await server.stop()
      try report.finish(global.output, path: out)
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }
}

extension BenchCommand {
  struct Enqueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Enqueue in bulk, merging by subject, beside the plain INSERT of the same rows.")

    @Option(help: "Jobs, 1000 to 10000000.") var jobs = 200_000
    @Option(help: "Connections, 1 to 8.") var connections = 2
    @Option(help: "Runs; the median counts.") var runs = 3
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(jobs, 1000...10_000_000, "jobs")
      try check(connections, 1...8, "connections")
      try check(runs, 1...100, "runs")
    }

    mutating func run() async throws {
      try await options.run("enqueue") { server, report in
        var ours = Sample()
        var plain = Sample()
        let bench = EnqueueBench(server: server, jobs: jobs, connections: connections)
        for _ in 1...runs {
          plain.add(try await bench.plain())
          try await server.clearProfile()
          ours.add(try await bench.run())
        }
        report.add("jobs", "\(jobs)")
        report.add("connections", "\(connections)")
        report.add("jobs per second", ours.median)
        report.add("from to", ours.range)
        report.add("plain SQL rows per second", plain.median)
        report.add("share of plain SQL", ours.median / plain.median, digits: 2)
      }
    }
  }

  struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Empty a full queue of jobs that do nothing: fence, archive and exact caps on; beside plain SQL.")

    @Option(help: "Jobs, 1000 to 10000000.") var jobs = 100_000
    @Option(help: "Worker processes, 1 to 16.") var workers = 2
    @Option(help: "Targets the jobs belong to, 1 to 10000.") var targets = 100
    @Option(help: "Jobs in flight per worker, 1 to 10000.") var concurrency = 2000
    @Option(help: "Runs; the median counts.") var runs = 3
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(jobs, 1000...10_000_000, "jobs")
      try check(workers, 1...16, "workers")
      try check(targets, 1...10_000, "targets")
      try check(concurrency, 1...10_000, "concurrency")
      try check(runs, 1...100, "runs")
    }

    mutating func run() async throws {
      try await options.run("drain") { server, report in
        var (drained, ourServer, ourWorkers) = (Sample(), Sample(), Sample())
        var (limit, plainServer, plainClient) = (Sample(), Sample(), Sample())
        for number in 1...runs {
          let plain = try await LimitBench(server: server, jobs: jobs, connections: 2, batch: 500).run()
          limit.add(plain.jobsPerSecond)
          plainServer.add(plain.server)
          plainClient.add(plain.clients)
          let ours = try await DrainBench(
            server: server, jobs: jobs, workers: workers, groups: targets, concurrency: concurrency
          ).run("\(number)")
          drained.add(ours.jobsPerSecond)
          ourServer.add(ours.server)
          ourWorkers.add(ours.clients)
        }
        report.add("jobs", "\(jobs)")
        report.add("worker processes", "\(workers)")
        report.add("targets", "\(targets)")
        report.add("jobs per second", drained.median)
        report.add("from to", drained.range)
        report.add("plain SQL rows per second", limit.median)
        report.add("share of plain SQL", drained.median / limit.median, digits: 2)
        report.add("processor µs per job, server", ourServer.median, digits: 1)
        report.add("processor µs per job, workers", ourWorkers.median, digits: 1)
        report.add("processor µs per row of plain SQL, server", plainServer.median, digits: 1)
        report.add("processor µs per row of plain SQL, client", plainClient.median, digits: 1)
      }
    }
  }

  struct Limit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The same rows moved by plain array SQL in a loop: what this machine can do.")

    @Option(help: "Jobs, 1000 to 10000000.") var jobs = 200_000
    @Option(help: "Connections, 1 to 8.") var connections = 2
    @Option(help: "Rows per statement, 1 to 10000.") var batch = 500
    @Option(help: "Runs; the median counts.") var runs = 3
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(jobs, 1000...10_000_000, "jobs")
      try check(connections, 1...8, "connections")
      try check(batch, 1...10_000, "batch")
      try check(runs, 1...100, "runs")
    }

    mutating func run() async throws {
      try await options.run("limit") { server, report in
        var limit = Sample()
        for _ in 1...runs {
          limit.add(
            try await LimitBench(server: server, jobs: jobs, connections: connections, batch: batch).run().jobsPerSecond
          )
        }
        report.add("rows", "\(jobs)")
        report.add("connections", "\(connections)")
        report.add("rows per statement", "\(batch)")
        report.add("rows per second", limit.median)
        report.add("from to", limit.range)
      }
    }
  }

  struct Costs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What fence, archive and exact caps cost each, in microseconds of processor time per job.")

    @Option(help: "Jobs, 1000 to 10000000.") var jobs = 200_000
    @Option(help: "Runs; the median counts.") var runs = 3
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(jobs, 1000...10_000_000, "jobs")
      try check(runs, 1...100, "runs")
    }

    mutating func run() async throws {
      try await options.run("costs") { server, report in
        var results: [CostBench.Result] = []
        for number in 1...runs { results.append(try await CostBench(server: server, jobs: jobs).run("\(number)")) }
        func add(_ name: String, _ value: (CostBench.Result) -> Double, digits: Int = 2) {
          var sample = Sample()
          for result in results { sample.add(value(result)) }
          report.add(name, sample.median, digits: digits)
        }
        report.add("jobs", "\(jobs)")
        add("server, claim and delete, µs", { $0.plain.server })
        add("the fence adds, µs", { $0.fenced.server - $0.plain.server })
        add("the archive adds, µs", { $0.archived.server - $0.fenced.server })
        add(
          "exact caps, lanes, fairness, rates, breakers and heartbeats add, µs",
          { $0.workers.server - $0.archived.server })
        add("worker processes, µs", { $0.workers.clients })
        add("jobs per second, plain SQL, delete alone", { $0.plain.jobsPerSecond }, digits: 0)
        add("jobs per second, plain SQL, fence and archive", { $0.archived.jobsPerSecond }, digits: 0)
        add("jobs per second, workers", { $0.workers.jobsPerSecond }, digits: 0)
      }
    }
  }

  struct Latency: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Single jobs at a steady rate: from the enqueueing call to the handler in another process.")

    @Option(help: "Jobs per second, 1 to 1000.") var rate = 50
    @Option(help: "Seconds per run, 1 to 600.") var seconds = 20
    @Option(help: "Runs; medians of their percentiles count.") var runs = 3
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(rate, 1...1000, "rate")
      try check(seconds, 1...600, "seconds")
      try check(runs, 1...100, "runs")
    }

    mutating func run() async throws {
      try await options.run("latency") { server, report in
        var results: [LatencyBench.Result] = []
        for _ in 1...runs {
          results.append(try await LatencyBench(server: server, rate: Double(rate), seconds: Double(seconds)).run())
        }
        report.add("jobs per second", "\(rate)")
        report.add("jobs", "\(rate * seconds * runs)")
        for share in [50.0, 95, 99] {
          var total = Sample()
          var calls = Sample()
          var claims = Sample()
          for result in results {
            total.add(result.total.percentile(share))
            calls.add(result.enqueue.percentile(share))
            claims.add(result.claims.percentile(share))
          }
          report.add("enqueue to start p\(Int(share)) ms", total.median, digits: 2)
          report.add("enqueue call p\(Int(share)) ms", calls.median, digits: 2)
          report.add("claim p\(Int(share)) ms", claims.median, digits: 2)
        }
      }
    }
  }

  struct Pinned: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A steady flow while another session holds an old snapshot, so that no dead row can be removed.")

    @Option(help: "Jobs per second, 10 to 20000.") var rate = 3000
    @Option(help: "Minutes with the snapshot held, 1 to 60.") var minutes = 10
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(rate, 10...20_000, "rate")
      try check(minutes, 1...60, "minutes")
    }

    mutating func run() async throws {
      try await options.run("pinned") { server, report in
        let output = options.global.output
        let result = try await PinnedBench(server: server, rate: rate, window: 60, windows: minutes).run {
          number, window in
          output.say(
            String(
              format:
                "minute %d: %.1f ms of the server per 1000 jobs; claim p50 %.2f p99 %.2f ms; look p99 %.2f ms; %d dead rows",
              number, window.serverTime, window.claim.median, window.claim.percentile(99), window.look.percentile(99),
              window.deadRows))
        }
        guard let last = result.pinned.last else { return }
        report.add("jobs per second", "\(rate)")
        report.add("minutes pinned", "\(minutes)")
        report.add("server ms per 1000 jobs, free", result.free.serverTime, digits: 1)
        report.add("server ms per 1000 jobs, last minute", last.serverTime, digits: 1)
        report.add("ratio of server time", last.serverTime / result.free.serverTime, digits: 2)
        report.add("claim p50 ms, free", result.free.claim.median, digits: 2)
        report.add("claim p50 ms, last minute", last.claim.median, digits: 2)
        report.add("ratio of claim p50", last.claim.median / result.free.claim.median, digits: 2)
        report.add("claim p99 ms, free", result.free.claim.percentile(99), digits: 2)
        report.add("claim p99 ms, last minute", last.claim.percentile(99), digits: 2)
        report.add("dead rows at the end", "\(last.deadRows)")
      }
    }
  }

  struct Growth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What a claim costs with a full archive, many credentials and a saturated target beside it.")

    @Option(help: "Finished jobs in the archive, in two steps: a tenth, and all.") var archived = 10_000_000
    @Option(help: "Credentials that are not due.") var credentials = 1_000_000
    @Option(help: "Jobs that wait on one saturated target.") var saturated = 200_000
    @Option(help: "Seconds per measure, 5 to 600.") var seconds = 20
    @OptionGroup var options: BenchOptions

    func validate() throws {
      try check(archived, 0...100_000_000, "archived")
      try check(credentials, 0...10_000_000, "credentials")
      try check(saturated, 0...10_000_000, "saturated")
      try check(seconds, 5...600, "seconds")
    }

    mutating func run() async throws {
      try await options.run("growth") { server, report in
        let bench = GrowthBench(server: server, seconds: Double(seconds))
        var rows: [(String, Sample)] = [("empty", try await bench.claims("empty"))]
        try await bench.fillArchive(archived / 10)
        rows.append(("\(archived / 10) archived", try await bench.claims("archive-1")))
        try await bench.fillArchive(archived - archived / 10)
        rows.append(("\(archived) archived", try await bench.claims("archive-2")))
        try await bench.fillCredentials(credentials)
        rows.append(("and \(credentials) credentials not due", try await bench.claims("credentials")))
        rows.append(
          ("and \(saturated) jobs on a saturated target", try await bench.claims("saturated", besides: saturated)))
        rows.append(("empty queue again", try await bench.claims("again")))
        for (name, sample) in rows {
          report.add("claim p50 ms, \(name)", sample.median, digits: 2)
          report.add("claim p99 ms, \(name)", sample.percentile(99), digits: 2)
        }
        report.add("p99 full to empty", rows[4].1.percentile(99) / rows[0].1.percentile(99), digits: 2)
        report.add("p50 full to empty", rows[4].1.median / rows[0].1.median, digits: 2)
      }
    }
  }

  struct Memory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Memory of a worker with many jobs in flight.")

    @Option(help: "Jobs in flight, 1 to 10000.") var jobs = 1000
    @OptionGroup var options: BenchOptions

    func validate() throws { try check(jobs, 1...10_000, "jobs") }

    mutating func run() async throws {
      try await options.run("memory") { server, report in
        let groups = try await server.makeGroups(100, maximumRunning: 10_000)
        try await server.enqueue(jobs * 4, over: groups)
        try await server.settle()
        let processes = try BenchWorkers(1, server: server, run: "memory", concurrency: jobs, work: 3000)
        try await processes.waitUntil { $0.held == jobs }
        try await processes.waitUntil { $0.begun == jobs * 4 && $0.held == 0 }
        await processes.stop()
        report.add("jobs in flight", "\(jobs)")
        report.add("resident MB, largest", "\(try processes.progress.peakResidentMB)")
      }
    }
  }
}

private func check(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws {
  guard range.contains(value) else {
    throw ValidationError("--\(name) must be \(range.lowerBound) to \(range.upperBound)")
  }
}
