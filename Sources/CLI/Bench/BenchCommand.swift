import ArgumentParser
import EmbeddedPostgres
import Foundation
import Logging
import Postgres

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure this machine; each benchmark sets up its own databases.",
    subcommands: [
      Audit.self, Calls.self, Contain.self, Costs.self, Decide.self, Drain.self, Enqueue.self, Gates.self, Growth.self,
      Isolation.self,
      Latency.self,
      Leaver.self, Limit.self, Memory.self, Pinned.self, Polls.self, Rotate.self, Schedules.self, Seal.self,
    ])

  /// Slow calls in flight on one worker process.
  struct Calls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Hold many slow database calls in flight and print time, threads and memory.")

    @Option(help: "Calls at once, 1 to 1000.") var count = 500
    @Option(help: "Length of a call in milliseconds.") var milliseconds = 200
    @Option(help: "Calls per connection, one after the other.") var rounds = 5
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...1000).contains(count) else { throw ValidationError("--count must be 1 to 1000") }
      guard (1...60_000).contains(milliseconds) else { throw ValidationError("--milliseconds must be 1 to 60000") }
      guard (1...1000).contains(rounds) else { throw ValidationError("--rounds must be 1 to 1000") }
    }

    mutating func run() async throws {
      do {
        let folder = try DemoWorld.makeFolder()
        let embedded = EmbeddedPostgres(
          .init(dataDirectory: folder + "/postgres", settings: ["max_connections": "\(count + 20)"], durability: .fast))
        let running = try await embedded.start()
        var configuration = try PostgresConfiguration(url: running.databaseURL(database: "postgres"))
        configuration.pool.maximumConnections = count
        configuration.connectTimeout = .seconds(60)
        let client = PostgresClient(configuration, logger: global.makeLogger("keyturn.bench"))
        let calls = rounds * count
        try await measure(client, seconds: 0.001, rounds: 1)
        let start = ContinuousClock.now
        try await measure(client, seconds: Double(milliseconds) / 1000, rounds: rounds)
        let seconds = (ContinuousClock.now - start).seconds
        let process = ProcessFigures.read()
        await client.close()
        try await embedded.stop()
        try FileManager.default.removeItem(atPath: folder)
        global.output.record(
          Machine.facts + [
            ("calls in flight", "\(count)"), ("calls", "\(calls)"), ("milliseconds per call", "\(milliseconds)"),
            ("seconds", String(format: "%.2f", seconds)),
            ("seconds one after the other", String(format: "%.2f", Double(calls * milliseconds) / 1000)),
            ("threads", "\(process.threads)"), ("resident MB, largest", "\(process.peakResidentMB)"),
          ])
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    private func measure(_ client: PostgresClient, seconds: Double, rounds: Int) async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<count {
          group.addTask {
            for _ in 0..<rounds { try await client.query(Sleep(seconds: seconds)) }
          }
        }
        try await group.waitForAll()
      }
    }
  }
}

private struct Sleep: Statement {
  static let sql = "SELECT pg_sleep($1)"
  let seconds: Double
  func bind(_ parameters: inout PostgresParameters) { parameters.append(seconds) }
  static func decode(_ row: PostgresRow) throws {}
}

/// What the numbers were measured on.
enum Machine {
  static var facts: [(String, String?)] {
    [
      ("processors", "\(ProcessInfo.processInfo.activeProcessorCount)"),
      ("memory GB", "\(ProcessInfo.processInfo.physicalMemory >> 30)"),
    ]
  }
}

/// This process, as /proc/self/status has it.
struct ProcessFigures {
  let threads: Int
  let peakResidentMB: Int
  let residentMB: Int

  static func read() -> ProcessFigures {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    func number(_ name: String) -> Int {
      let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
    }
    return ProcessFigures(
      threads: number("Threads"), peakResidentMB: number("VmHWM") / 1024,
      residentMB: number("VmRSS") / 1024)
  }
}
