import ArgumentParser
import Foundation
import Logging
import Schedules
import Vault

extension BenchCommand {
  /// Seeded lives of credentials on targets that misbehave; the oracle after each.
  struct Schedules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Run seeded schedules of faults, crashes and replaced workers on simulated targets, and look after each.",
      discussion: """
        The real state machine and runner, with rows in memory under the guards of the statements. A seed always gives the same \
        schedule. A failing one is printed with the command that replays it.
        """)

    @Option(help: "Schedules, 1 to 10000000.") var count = 10_000
    @Option(help: "The first seed; the others follow it.") var from: UInt64 = 1
    @Option(help: "Only this seed, with everything that happens.") var seed: UInt64?
    @Option(help: "At once, 1 to 64.") var concurrency = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Break a rule on purpose; the oracle must find it.") var sabotage: String?
    @OptionGroup var global: GlobalOptions

    private var broken: Sabotage? { sabotage.flatMap(Sabotage.init(rawValue:)) }

    func validate() throws {
      guard (1...10_000_000).contains(count) else { throw ValidationError("--count must be 1 to 10000000") }
      guard (1...64).contains(concurrency) else { throw ValidationError("--concurrency must be 1 to 64") }
      guard from <= UInt64.max - UInt64(count) else {
        throw ValidationError("--from must leave room for --count seeds")
      }
      guard sabotage == nil || broken != nil else {
        throw ValidationError(
          "--sabotage must be one of \(Sabotage.allCases.map(\.rawValue).joined(separator: ", "))")
      }
    }

    mutating func run() async throws {
      do {
        let folder = try DemoWorld.makeFolder()
        let vault = EnvelopeVault(keys: try LocalKeyProvider.create(path: folder + "/schedules.keys"))
        let failures = try await play(vault)
        try FileManager.default.removeItem(atPath: folder)
        if failures > 0 { throw BenchError(description: "the oracle found something in \(failures) schedules") }
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    private func play(_ vault: EnvelopeVault) async throws -> Int {
      // Interrupted sagas are what this is about; they are no news.
      let logger = Logger(label: "keyturn.schedules") { _ in SwiftLogNoOpLogHandler() }
      guard seed == nil else { return await replay(vault, logger) }
      let start = ContinuousClock.now
      var sum = Sum()
      await withTaskGroup(of: Sum.self) { group in
        for part in 0..<concurrency {
          group.addTask { await self.part(part, vault, logger) }
        }
        for await part in group { sum.add(part) }
      }
      let seconds = (ContinuousClock.now - start).seconds
      for (seed, why) in sum.failed.sorted(by: { $0.key < $1.key }).prefix(20) {
        global.output.say("seed \(seed): \(why)")
        global.output.say("  replay: \(command(seed))")
      }
      global.output.record(
        Machine.facts + [
          ("schedules", "\(count)"), ("first seed", "\(from)"), ("failed", "\(sum.failed.count)"),
          ("runs", "\(sum.runs)"), ("workers ended at a crash point", "\(sum.crashes)"),
          ("workers replaced and woken up", "\(sum.replacements)"), ("faults", "\(sum.faults)"),
          ("sagas", sum.endings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")),
          ("landscapes", "\(sum.landscapes.count)"), ("seconds", String(format: "%.1f", seconds)),
          ("schedules per second", String(format: "%.0f", Double(count) / seconds)),
        ])
      return sum.failed.count
    }

    private func part(_ part: Int, _ vault: EnvelopeVault, _ logger: Logger) async -> Sum {
      var sum = Sum()
      for number in stride(from: part, to: count, by: concurrency) {
        let seed = from + UInt64(number)
        sum.add(await Schedule(seed: seed, vault: vault, sabotage: broken, logger: logger).run(), seed)
      }
      return sum
    }

    private func replay(_ vault: EnvelopeVault, _ logger: Logger) async -> Int {
      let outcome = await Schedule(seed: seed ?? 0, vault: vault, sabotage: broken, logger: logger).run(
        keepsTrace: true)
      for line in outcome.trace { global.output.say(line) }
      global.output.record([
        ("seed", "\(seed ?? 0)"), ("landscape", outcome.landscape),
        ("violations", outcome.violations.isEmpty ? "none" : outcome.violations.joined(separator: "; ")),
      ])
      return outcome.violations.isEmpty ? 0 : 1
    }

    private func command(_ seed: UInt64) -> String {
      "keyturn bench schedules --seed \(seed)" + (sabotage.map { " --sabotage \($0)" } ?? "")
    }
  }

  private struct Sum: Sendable {
    var failed: [UInt64: String] = [:]
    var runs = 0
    var crashes = 0
    var replacements = 0
    var faults = 0
    var endings: [String: Int] = [:]
    var landscapes: Set<String> = []

    mutating func add(_ outcome: Schedule.Outcome, _ seed: UInt64) {
      if !outcome.violations.isEmpty {
        failed[seed] = "\(outcome.landscape): \(outcome.violations.joined(separator: "; "))"
      }
      runs += outcome.runs
      crashes += outcome.crashes
      replacements += outcome.replacements
      faults += outcome.faults
      endings.merge(outcome.endings, uniquingKeysWith: +)
      landscapes.insert(outcome.landscape)
    }

    mutating func add(_ other: Sum) {
      failed.merge(other.failed) { first, _ in first }
      runs += other.runs
      crashes += other.crashes
      replacements += other.replacements
      faults += other.faults
      endings.merge(other.endings, uniquingKeysWith: +)
      landscapes.formUnion(other.landscapes)
    }
  }
}
