import Foundation
import Schedules
import TestSupport

/// Real worker processes, and what is done to them.
final class ChaosWorkers {
  private struct Stopped {
    let process: Process
    let until: ContinuousClock.Instant
  }

  private let arguments: [String]
  private let folder: String
  private var running: [Process] = []
  private var stopped: [Stopped] = []
  private var started = 0

  init(_ count: Int, of world: ChaosWorld) throws {
    folder = world.target.folder
    // Dead to the others after 1.5 s; a lease cannot be shorter than an effect may take.
    arguments = [
      "worker", "--database-url", world.control.url, "--data-dir", folder, "--lease", "20", "--heartbeat", "0.5",
      "--poll", "0.1", "--plan-every", "1", "--concurrency", "12", "--connections", "4", "--grace", "5",
    ]
    for _ in 0..<count { try start() }
  }

  private func start() throws {
    started += 1
    let path = "\(folder)/worker-\(started).log"
    try Data().write(to: URL(fileURLWithPath: path))
    let process = Process()
    process.executableURL = CommandTests.program
    process.arguments = arguments + ["--name", "chaos-\(started)"]
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: path)
    process.standardError = process.standardOutput
    try process.run()
    running.append(process)
  }

  /// Dies at once; another one starts.
  func kill(_ index: Int) throws {
    let process = running.remove(at: index % running.count)
    Foundation.kill(process.processIdentifier, SIGKILL)
    try start()
  }

  /// Stands still and then goes on as if nothing had happened; another one starts meanwhile.
  func stop(_ index: Int, for time: Duration) throws {
    let process = running.remove(at: index % running.count)
    Foundation.kill(process.processIdentifier, SIGSTOP)
    stopped.append(Stopped(process: process, until: .now + time))
    try start()
  }

  /// Wakes who has stood still long enough. It writes what it had in hand, if it can, and ends.
  func wake(everybody: Bool = false) {
    for sleeper in stopped where everybody || sleeper.until <= .now {
      Foundation.kill(sleeper.process.processIdentifier, SIGCONT)
      Foundation.kill(sleeper.process.processIdentifier, SIGTERM)
    }
    stopped.removeAll { everybody || $0.until <= .now }
  }

  /// One that ended by itself is an error of its own.
  var ended: [Int32] { running.filter { !$0.isRunning }.map(\.terminationStatus) }

  func end() async throws {
    wake(everybody: true)
    for process in running { Foundation.kill(process.processIdentifier, SIGTERM) }
    let deadline = ContinuousClock.now + .seconds(20)
    for process in running {
      while process.isRunning, .now < deadline { try await Task.sleep(for: .milliseconds(20)) }
      if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }
  }
}

/// Faults of processes and servers in the order of a seed; those of connections are the proxy's.
struct ChaosFaults {
  enum Kind: String, CaseIterable {
    case killWorker = "SIGKILL"
    case stopWorker = "SIGSTOP, its leases taken, SIGCONT"
    case stopWorkerPastItsLease = "SIGSTOP for longer than the lease, SIGCONT"
    case restartTarget = "target restarted"
    case crashTarget = "target crashed"
    case restartControl = "control database restarted"
    case crashControl = "control database crashed"
  }

  private var dice: SeededGenerator
  private var deck: [Kind] = []
  private(set) var count: [Kind: Int] = [:]

  init(seed: UInt64) { dice = SeededGenerator(seed: seed) }

  var total: Int { count.values.reduce(0, +) }

  /// Every kind comes as often as it should, in an order of the seed's.
  private mutating func draw() -> Kind {
    if deck.isEmpty {
      let shares: [Kind: Int] = [
        .killWorker: 12, .stopWorker: 7, .stopWorkerPastItsLease: 1, .restartTarget: 1, .crashTarget: 1,
        .restartControl: 1, .crashControl: 1,
      ]
      let all = Kind.allCases.flatMap { Array(repeating: $0, count: shares[$0] ?? 0) }
      // The first six are one of each, so that a short run has them all, but for the long sleep.
      let first = Kind.allCases.filter { $0 != .stopWorkerPastItsLease }
      deck = (count.isEmpty ? first : all).shuffled(using: &dice)
    }
    return deck.removeLast()
  }

  /// Seconds until the next.
  mutating func pause() -> Double { Double.random(in: 0.3...0.9, using: &dice) }

  mutating func strike(_ world: ChaosWorld, _ workers: ChaosWorkers) async throws {
    let kind = draw()
    let victim = Int.random(in: 0..<1000, using: &dice)
    let time = Double.random(in: 0...1, using: &dice)
    switch kind {
    case .killWorker: try workers.kill(victim)
    case .stopWorker: try workers.stop(victim, for: .seconds(1.8 + 2 * time))
    case .stopWorkerPastItsLease: try workers.stop(victim, for: .seconds(20.5 + time))
    case .restartTarget:
      try await world.target.stop()
      _ = try await world.target.restart()
    case .crashTarget: try await world.target.embedded.crash(folder: world.target.folder)
    case .restartControl: try await world.control.restart()
    case .crashControl: try await world.control.crash()
    }
    count[kind, default: 0] += 1
  }
}
