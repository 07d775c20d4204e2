import Foundation
import Lifecycle
import Postgres

/// The three verbs over many accounts with one worker in this process, and between them what the target and this machine
/// allow at best: before the rotations and after them, so that both see the same weather.
struct RotateBench {
  let world: DemoWorld
  let names: [String]
  let concurrency: Int

  func run() async throws -> [(String, String?)] {
    try await world.withWorker(atOnce: 256) {
      let issued = try await measured({ for name in names { try await world.requestAndApprove(name) } }) { $0.active }
      let bench = TargetLimitBench(world: world, names: names, concurrency: concurrency, seconds: 4)
      var limit = TargetLimitBench.Figures()
      try await bench.run(&limit)
      var rotated = try await measured({ try await world.forceAll(names) }) { $0.forced }
      // By the rows: what comes before the order and after the last proof is this benchmark's own.
      guard let span = try await world.composition.client.queryFirst(RotationSpan()) ?? nil else {
        throw BenchError(description: "no rotation has ended")
      }
      rotated.seconds = span
      try await bench.run(&limit)
      let revoked = try await measured({ for name in names { try await world.submitAndApprove([.revoke], name) } }) {
        $0.revoked
      }
      let rate = Double(names.count) / rotated.seconds
      return [
        ("accounts", "\(names.count)"), ("jobs at once", "\(concurrency)"), ("issues per second", perSecond(issued)),
        ("rotations per second", perSecond(rotated)), ("revocations per second", perSecond(revoked)),
        ("new logins per second", number(limit.logins.mean)),
        ("ALTER ROLE … PASSWORD per second", number(limit.passwords.mean)),
        ("limit of rotations per second, 1 / (3 logins + 1 password)", number(limit.leastRate)),
        ("share of that limit", String(format: "%.2f", rate / limit.leastRate)),
        ("the same logins and role changes by hand, per second", number(limit.rounds.mean)),
        ("share of what is possible by hand", String(format: "%.2f", rate / limit.rounds.mean)),
        ("processor ms per rotation: target", milliseconds(rotated.used.target)),
        ("processor ms per rotation: database", milliseconds(rotated.used.control)),
        ("processor ms per rotation: worker", milliseconds(rotated.used.own)),
        ("processor ms by hand: target", number(limit.target.mean)),
        ("processor ms by hand: client", number(limit.client.mean)),
      ]
    }
  }

  private struct Measured {
    var seconds: Double
    var used: UsedTime
  }

  private func number(_ value: Double) -> String { String(format: "%.1f", value) }

  private func perSecond(_ measured: Measured) -> String { number(Double(names.count) / measured.seconds) }

  private func milliseconds(_ seconds: Double) -> String { number(seconds * 1000 / Double(names.count)) }

  private func measured(
    _ ask: () async throws -> Void, until count: (DemoProgress.Row) -> Int
  ) async throws -> Measured {
    let used = UsedTime(world)
    let start = ContinuousClock.now
    try await ask()
    while let progress = try await world.composition.client.queryFirst(DemoProgress()) {
      if let reason = progress.quarantined { throw DemoError(description: "a rotation needs a person: \(reason)") }
      if count(progress) >= names.count && (progress.open == 0 || progress.revoked > 0) { break }
      // Looking costs too.
      try await Task.sleep(for: .milliseconds(200))
    }
    return Measured(seconds: (ContinuousClock.now - start).seconds, used: UsedTime(world) - used)
  }
}

/// Seconds of processor time, by who used them.
struct UsedTime {
  var target: Double
  var control: Double
  var own: Double

  init(_ world: DemoWorld) {
    target = ProcessorTime.seconds(ofServer: world.targetRunning)
    control = world.composition.database.running.map(ProcessorTime.seconds(ofServer:)) ?? 0
    own = ProcessorTime.seconds(of: getpid())
  }

  static func - (later: UsedTime, earlier: UsedTime) -> UsedTime {
    var used = later
    used.target -= earlier.target
    used.control -= earlier.control
    used.own -= earlier.own
    return used
  }
}

/// Seconds from the order to the end of the last rotation.
private struct RotationSpan: Statement {
  static let sql = """
    SELECT EXTRACT(epoch FROM max(finished_at) - min(created_at))::float8
    FROM lifecycle.rotation
    WHERE action = 'rotate' AND state = 'done'
    """

  static func decode(_ row: PostgresRow) throws -> Double? { try row[0] }
}
