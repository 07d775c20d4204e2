import Evidence
import Foundation
import Postgres

/// What sealing costs the rotation benchmark: the same rounds without and with a sealer, in one run, in the order without,
/// with, with, without, so that what slowly changes weighs on both.
struct SealingBench {
  let server: BenchServer
  let world: SagaWorld
  let accounts: Int
  let workers: Int
  let concurrency: Int

  /// What the rounds with a sealer found; the worst of each.
  private struct Worst {
    var most = 0
    var left = 0
    /// Leaves that one second of the round made: what may wait when it ends.
    var perSecond = Double.infinity
    var leaves = 0
    var p50 = 0.0
    var p99 = 0.0
    var max = 0.0
    var bytesPerRotation = 0.0
  }

  func run(into report: inout BenchReport) async throws {
    let log = LogReader(client: server.client)
    var (without, with, worst) = ([Double](), [Double](), Worst())
    // What runs first pays for cold files and empty caches.
    _ = try await round("warm", accounts: min(accounts, 500), log).run()
    for (number, seals) in [false, true, true, false].enumerated() {
      let bench = try await round("round\(number)", accounts: accounts, log)
      if seals {
        with.append(Double(accounts) / (try await sealingRound(bench, log, &worst)).seconds)
      } else {
        without.append(Double(accounts) / (try await bench.run()).seconds)
      }
    }
    try await sealAll(log)
    let (slow, fast) = (with.reduce(0, +) / 2, without.reduce(0, +) / 2)
    let size = try await log.head()?.size ?? 0
    let bytes = try await server.owner.queryFirst(SizeOfEvidence()) ?? 0
    report.add("accounts per round", "\(accounts)")
    report.add("worker processes", "\(workers)")
    report.add(
      "rotations per second without sealing", without.map { String(format: "%.0f", $0) }.joined(separator: ", "))
    report.add("rotations per second with sealing", with.map { String(format: "%.0f", $0) }.joined(separator: ", "))
    report.add("cost of sealing, %", (1 - slow / fast) * 100, digits: 1, goal: .atMost(10))
    report.add("leaves sealed per round, at least", "\(worst.leaves)")
    report.add("event to sealed p50 ms", worst.p50)
    report.add("event to sealed p99 ms", worst.p99, goal: .atMost(1000))
    report.add("event to sealed max ms", worst.max)
    report.add("leaves waiting, most", "\(worst.most)")
    report.add("leaves waiting when a round ends", Double(worst.left), goal: .atMost(worst.perSecond.rounded()))
    report.add("leaves in the log", "\(size)")
    report.add("bytes of evidence on disk per rotation, with indexes", worst.bytesPerRotation)
    report.add("bytes on disk per leaf, all indexes", Double(bytes) / Double(max(1, size)))
  }

  private func round(_ name: String, accounts: Int, _ log: LogReader) async throws -> SagaBench {
    let bench = SagaBench(
      server: server, world: world, accounts: try await world.addAccounts(accounts, prefix: name), workers: workers,
      concurrency: concurrency)
    try await sealAll(log)
    return bench
  }

  private func sealingRound(
    _ bench: SagaBench, _ log: LogReader, _ worst: inout Worst
  ) async throws -> SagaBench.Figures {
    let since = try await server.owner.queryFirst(LogSize()) ?? 0
    let before = try await server.owner.queryFirst(SizeOfEvidence()) ?? 0
    let (figures, waiting) = try await sealing(bench, log)
    guard let delays = try await server.owner.queryFirst(SealDelays(since: since)) else {
      throw BenchError(description: "nothing was sealed during a round of rotations")
    }
    let stored = (try await server.owner.queryFirst(SizeOfEvidence()) ?? 0) - before
    worst.most = max(worst.most, waiting.most)
    worst.left = max(worst.left, waiting.last)
    worst.perSecond = min(worst.perSecond, Double(delays.leaves) / figures.seconds)
    worst.leaves = worst.leaves == 0 ? delays.leaves : min(worst.leaves, delays.leaves)
    worst.p50 = max(worst.p50, delays.p50)
    worst.p99 = max(worst.p99, delays.p99)
    worst.max = max(worst.max, delays.most)
    worst.bytesPerRotation = max(worst.bytesPerRotation, Double(stored) / Double(accounts))
    return figures
  }

  private func sealer() throws -> Sealer {
    let signer = try SigningKeyFile(path: world.composition.evidence.keyFile).load()
    return Sealer(
      client: server.client, signer: signer, known: [], configuration: .init(name: "bench"), logger: server.logger)
  }

  /// What setting up left.
  private func sealAll(_ log: LogReader) async throws {
    let sealer = try sealer()
    guard var term = try await sealer.takeLead() else { throw BenchError(description: "somebody else seals") }
    while try await sealer.sealOnce(&term) > 0 {}
    await sealer.leave(term)
  }

  private func sealing(
    _ bench: SagaBench, _ log: LogReader
  ) async throws -> (SagaBench.Figures, (most: Int, last: Int)) {
    let sealer = try sealer()
    return try await withThrowingTaskGroup(of: Int?.self) { tasks in
      tasks.addTask {
        await sealer.run()
        return nil
      }
      tasks.addTask {
        var most = 0
        while !Task.isCancelled {
          do {
            most = max(most, try await log.waiting().leaves)
            try await Task.sleep(for: .milliseconds(200))
          } catch { break }
        }
        return most
      }
      let figures = try await bench.run()
      let last = try await log.waiting().leaves
      tasks.cancelAll()
      var most = 0
      for try await found in tasks { most = max(most, found ?? 0) }
      return (figures, (most, last))
    }
  }
}

private struct LogSize: Statement {
  static let sql = "SELECT size FROM evidence.log"
  static func decode(_ row: PostgresRow) throws -> Int64 { try row[0] }
}

/// From a leaf's own time, which is just before its commit, to the commit that sealed it; for leaves from an index on.
private struct SealDelays: Statement {
  static let sql = """
    WITH delay AS (
      SELECT extract(epoch FROM s.at - e.at)::float8 * 1000 AS ms
      FROM evidence.sealed AS s
      JOIN evidence.batch AS b ON b.id = s.batch
      CROSS JOIN LATERAL unnest(b.cases, b.sequences) AS m (case_id, cs)
      JOIN evidence.event AS e ON e.case_id = m.case_id AND e.cs = m.cs
      WHERE s.first_index >= $1 AND e.type = 'rotation.step'
    )
    SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), max(ms)
    FROM delay
    HAVING count(*) > 0
    """

  let since: Int64

  func bind(_ parameters: inout PostgresParameters) { parameters.append(since) }

  struct Row: Sendable {
    let leaves: Int
    let p50: Double
    let p99: Double
    let most: Double
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(leaves: try row[0], p50: try row[1], p99: try row[2], most: try row[3])
  }
}
