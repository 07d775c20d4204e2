import Foundation
import Jobs
import Lifecycle
import Postgres

/// The three verbs over many accounts with one worker in this process.
struct RotateBench {
  let world: DemoWorld
  let names: [String]

  func run() async throws -> [(String, String?)] {
    let service = try world.composition.makeWorker(
      WorkerConfiguration(name: "bench", maximumInFlight: 256, lease: 60, poll: 0.05), planEvery: 3600)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await service.run() }
      defer { service.worker.stop() }
      let issued = try await timed({ for name in names { try await world.requestAndApprove(name) } }) { $0.active }
      let rotated = try await timed({ for name in names { _ = try await world.force(name) } }) { $0.forced }
      let revoked = try await timed({ for name in names { try await world.submitAndApprove([.revoke], name) } }) {
        $0.revoked
      }
      return [
        ("accounts", "\(names.count)"), ("issues per second", rate(issued)), ("rotations per second", rate(rotated)),
        ("revocations per second", rate(revoked)),
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
