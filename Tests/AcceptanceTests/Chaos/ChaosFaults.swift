import Foundation
import Schedules
import TestSupport

/// Real worker processes, and what is done to them.
final class ChaosWorkers {
  private let url: String
  private let folder: String
  private var running: [Process] = []
  private var sleepers: [Task<Void, any Error>] = []
  private var asleep: [Process] = []
  private var started = 0

  init(_ count: Int, of world: ChaosWorld) throws {
    folder = world.target.folder
    url = world.control.url
    for _ in 0..<count { try start() }
  }

  private func start() throws {
    started += 1
    running.append(try WorkerProcess.start("worker-\(started)", url: url, folder: folder))
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
    let id = process.processIdentifier
    asleep.append(process)
    Foundation.kill(id, SIGSTOP)
    // When it wakes it writes what it had in hand, if it can, and ends.
    sleepers.append(
      Task {
        try await Task.sleep(for: time)
        Foundation.kill(id, SIGCONT)
        Foundation.kill(id, SIGTERM)
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
      })
    try start()
  }

  /// Until all who stood still have woken up and ended.
  func allAwake() async throws {
    for sleeper in sleepers { try await sleeper.value }
    sleepers = []
  }

  /// One that ended by itself is an error of its own.
  var ended: [Int32] { running.filter { !$0.isRunning }.map(\.terminationStatus) }

  /// At once, whatever they do; for a test that fails.
  func killAll() {
    for process in running + asleep where process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
  }

  func end() async throws {
    try await allAwake()
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

  private let kinds: [Kind]

  /// - Parameter longSleeps: some workers stand still for longer than their lease, which takes its time.
  init(seed: UInt64, longSleeps: Bool) {
    dice = SeededGenerator(seed: seed)
    kinds = Kind.allCases.filter { longSleeps || $0 != .stopWorkerPastItsLease }
  }

  var total: Int { count.values.reduce(0, +) }

  /// Every kind comes as often as it should, in an order of the seed's.
  private mutating func draw() -> Kind {
    if deck.isEmpty {
      let shares: [Kind: Int] = [
        .killWorker: 12, .stopWorker: 7, .stopWorkerPastItsLease: 1, .restartTarget: 1, .crashTarget: 1,
        .restartControl: 1, .crashControl: 1,
      ]
      let all = kinds.flatMap { Array(repeating: $0, count: shares[$0] ?? 0) }
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
