import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres

/// What benchmarks on a real PostgreSQL target have in common.
extension DemoWorld {
  /// A world of its own for `body`, whose figures are printed and written to `out` at the end.
  static func measure(
    _ name: String, _ plan: Plan, _ global: GlobalOptions, out: String?,
    _ body: (DemoWorld, inout BenchReport) async throws -> Void
  ) async throws {
    let world = try await make(plan, logger: global.makeLogger("keyturn.bench", default: .error)) { _ in }
    var report = BenchReport(name: name, fields: Machine.facts)
    #if DEBUG
      report.add("build", "debug: figures of no worth; use the release build")
    #endif
    do {
      try await body(world, &report)
    } catch {
      await world.close(keep: false)
      throw error
    }
    await world.close(keep: false)
    try report.finish(global.output, path: out)
  }

  /// A worker in this process while `body` runs. It does not wait for what is under way then.
  func withWorker<Result: Sendable>(
    atOnce maximum: Int, poll: Double = 0.05, _ body: () async throws -> Result
  ) async throws -> Result {
    let service = try composition.makeWorker(
      WorkerConfiguration(name: "bench", maximumInFlight: maximum, lease: 60, poll: poll), planEvery: 3600)
    async let running: Void = service.run()
    do {
      let result = try await body()
      // Twice: now, and not when all has ended.
      service.worker.stop()
      service.worker.stop()
      await running
      return result
    } catch {
      service.worker.stop()
      service.worker.stop()
      await running
      throw error
    }
  }

  /// Asks for identities, which are approved, and waits until all of `total` have been issued.
  func issue(_ names: [(name: String, target: String)], total: Int? = nil) async throws {
    for (name, target) in names { try await requestAndApprove(name, on: target) }
    while let progress = try await composition.client.queryFirst(DemoProgress()),
      progress.active < total ?? names.count || progress.open > 0
    {
      if let reason = progress.quarantined { throw BenchError(description: "an issue needs a person: \(reason)") }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
