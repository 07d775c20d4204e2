import Foundation
import Jobs
import Lifecycle
import Postgres

/// The three verbs over many accounts with one worker in this process, and between them what the target and this machine
/// allow at best: before the rotations and after them, so that both see the same weather.
struct RotateBench {
  let world: DemoWorld
  let names: [String]
  let concurrency: Int

  func run() async throws -> [(String, String?)] {
    let service = try world.composition.makeWorker(
      WorkerConfiguration(name: "bench", maximumInFlight: 256, lease: 60, poll: 0.05), planEvery: 3600)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await service.run() }
      defer { service.worker.stop() }
      let issued = try await timed({ for name in names { try await world.requestAndApprove(name) } }) { $0.active }
      let bench = TargetLimitBench(world: world, names: names, concurrency: concurrency, seconds: 4)
      var limit = TargetLimitBench.Figures()
      try await bench.run(&limit)
      let rotated = try await timed({ try await world.forceAll(names) }) { $0.forced }
      try await bench.run(&limit)
      let revoked = try await timed({ for name in names { try await world.submitAndApprove([.revoke], name) } }) {
        $0.revoked
      }
      return [
        ("accounts", "\(names.count)"), ("issues per second", rate(issued)), ("rotations per second", rate(rotated)),
        ("revocations per second", rate(revoked)),
        ("new logins per second", String(format: "%.1f", limit.loginRate)),
        ("ALTER ROLE … PASSWORD per second", String(format: "%.1f", limit.passwordRate)),
        ("limit of rotations per second, 1 / (3 logins + 1 password)", String(format: "%.1f", limit.rotationRate)),
        ("share of the limit", String(format: "%.2f", Double(names.count) / rotated / limit.rotationRate)),
      ]
    }
  }

  private func rate(_ seconds: Double) -> String { String(format: "%.1f", Double(names.count) / seconds) }

  private func timed(
    _ ask: () async throws -> Void, until count: (DemoProgress.Row) -> Int
  ) async throws -> Double {
    let start = ContinuousClock.now
    try await ask()
    while let progress = try await world.composition.client.queryFirst(DemoProgress()) {
      if let reason = progress.quarantined { throw DemoError(description: "a rotation needs a person: \(reason)") }
      if count(progress) >= names.count && (progress.open == 0 || progress.revoked > 0) { break }
      try await Task.sleep(for: .milliseconds(50))
    }
    return (ContinuousClock.now - start).seconds
  }
}
