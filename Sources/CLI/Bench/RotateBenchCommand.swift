import ArgumentParser
import Evidence
import Foundation
import Jobs
import Lifecycle
import Postgres

extension BenchCommand {
  /// Proven rotations per second: on a real PostgreSQL target, or on simulated ones, where nothing but Keyturn is slow.
  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rotate many accounts, every gate on; prints rates, row writes and step times.",
      discussion: """
        --target postgres issues, rotates and revokes on a real server, and says how near the rotations come to what the server's \
        logins and ALTER ROLE … PASSWORD allow, both measured in the same run. --target simulated rotates on targets inside the \
        worker processes, and compares with plain SQL that writes the same rows.
        """)

    enum Target: String, ExpressibleByArgument, CaseIterable {
      case postgres
      case simulated
    }

    @Option(help: "What is rotated on: postgres or simulated.") var target = Target.postgres
    @Option(help: "Accounts; postgres: 1 to 2000, simulated: 100 to 1000000.") var accounts = 100
    @Option(help: "Jobs at once: on the postgres target 1 to 64; per worker process on simulated ones 1 to 10000.")
    var concurrency: Int?
    @Option(help: "simulated: milliseconds that each call to a target takes.") var latency = 0
    @Option(help: "simulated: worker processes, 1 to 16.") var workers = 2
    @Option(help: "simulated: targets that the accounts are spread over, 1 to 1000.") var targets = 16
    @Flag(help: "simulated: also print the statements that took the server's time.") var profile = false
    @Flag(help: "simulated: four rounds, two of them with the evidence sealed meanwhile; prints what sealing costs.")
    var seal = false
    @Option(help: "simulated: also write the figures as JSON to this file.") var write: String?
    @OptionGroup var global: GlobalOptions

    static let postgresConcurrency = 32

    func validate() throws {
      let isSimulated = target == .simulated
      guard (isSimulated ? 100...1_000_000 : 1...2000).contains(accounts) else {
        throw ValidationError("--accounts must be 1 to 2000, or 100 to 1000000 on simulated targets")
      }
      guard (1...(isSimulated ? 10_000 : 64)).contains(concurrency ?? Self.postgresConcurrency) else {
        throw ValidationError("--concurrency must be 1 to 64, or 1 to 10000 on simulated targets")
      }
      guard (0...60_000).contains(latency) else { throw ValidationError("--latency must be 0 to 60000") }
      guard (1...16).contains(workers) else { throw ValidationError("--workers must be 1 to 16") }
      guard (1...1000).contains(targets) else { throw ValidationError("--targets must be 1 to 1000") }
    }

    mutating func run() async throws {
      do {
        switch target {
        case .postgres: try await runPostgres()
        case .simulated: try await runSimulated()
        }
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    private func runPostgres() async throws {
      let logger = global.makeLogger("keyturn.bench")
      let world = try await DemoWorld.make(
        .init(period: 86_400, jitter: 0, overlap: 0, maximumRunning: Int32(concurrency ?? Self.postgresConcurrency)),
        logger: logger
      ) { _ in }
      let figures = try await RotateBench(
        world: world, names: (1...accounts).map { "svc_" + String(format: "%04d", $0) },
        concurrency: concurrency ?? Self.postgresConcurrency
      ).run()
      let steps = try await world.composition.client.query(StepTime())
      await world.close(keep: false)
      if !global.json {
        global.output.table(["action", "step", "count", "p50_ms", "p99_ms"], steps.map(\.cells), empty: "")
        print("")
      }
      global.output.record(Machine.facts + figures)
    }

    private func runSimulated() async throws {
      let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
      let world = try await SagaWorld.make(on: server, targets: targets, latency: latency)
      if seal {
        let bench = SealingBench(
          server: server, world: world, accounts: accounts, workers: workers, concurrency: concurrency ?? 2000)
        var report = try await server.report("rotate while sealing")
        try await bench.run(into: &report)
        await world.composition.close()
        try await server.stop()
        return try report.finish(global.output, path: write)
      }
      let plain = try await world.addAccounts(accounts, prefix: "plain")
      let limit = try await SagaLimitBench(
        server: server, world: world, accounts: plain, connections: 2, batch: 500
      ).run()
      let saga = try await SagaBench(
        server: server, world: world, accounts: try await world.addAccounts(accounts, prefix: "saga"), workers: workers,
        concurrency: concurrency ?? 2000
      ).run()
      let log = LogReader(client: server.client)
      let (sealed, waiting) = (try await log.head()?.size ?? 0, try await log.waiting().leaves)
      let leafBytes = try await server.owner.queryFirst(SizeOfEvidence()) ?? 0
      if profile {
        global.output.table(["ms", "calls", "rows", "ms_per_call", "statement"], try await server.profile(), empty: "")
      }
      await world.composition.close()
      try await server.stop()
      let (sagaRate, plainRate) = (Double(accounts) / saga.seconds, Double(accounts) / limit.seconds)
      var report = BenchReport(name: "rotate", fields: Machine.facts)
      report.fields += [
        ("accounts", "\(accounts)"), ("worker processes", "\(workers)"), ("targets", "\(targets)"),
        ("milliseconds per call", "\(latency)"), ("sagas per second", String(format: "%.0f", sagaRate)),
        ("row writes per saga", String(format: "%.1f", Double(saga.rowWrites) / Double(accounts))),
        ("row writes per second", String(format: "%.0f", Double(saga.rowWrites) / saga.seconds)),
        ("transactions", "\(saga.transactions)"),
        ("plain SQL sagas per second", String(format: "%.0f", plainRate)),
        ("plain SQL row writes per saga", String(format: "%.1f", Double(limit.rowWrites) / Double(accounts))),
        ("leaves sealed, waiting", "\(sealed), \(waiting)"),
        (
          "bytes of evidence per saga, all leaves, on disk",
          String(format: "%.0f", Double(leafBytes) / Double(2 * accounts))
        ),
        ("processor ms per saga, database", milliseconds(saga.database)),
        ("processor ms per saga, workers", milliseconds(saga.workers)),
        ("processor ms per saga, plain SQL", milliseconds(limit.database)),
        ("share of plain SQL", String(format: "%.2f", sagaRate / plainRate)),
      ]
      try report.finish(global.output, path: write)
    }

    private func milliseconds(_ seconds: Double) -> String {
      String(format: "%.3f", seconds * 1000 / Double(accounts))
    }
  }
}

/// Of all leaves with their indexes and batches; the sagas that the comparison opened by plain SQL have one leaf each.
struct SizeOfEvidence: Statement {
  static let sql = """
    SELECT pg_total_relation_size('evidence.event') + pg_total_relation_size('evidence.batch')
      + pg_total_relation_size('evidence.sealed') + pg_total_relation_size('evidence.tile')
    """

  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}
