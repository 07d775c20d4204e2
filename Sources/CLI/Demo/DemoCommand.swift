import ArgumentParser
import Daemon
import Foundation
import Lifecycle
import Logging
import Postgres

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "See it work on real PostgreSQL servers.",
    subcommands: [RotationDemoCommand.self, GovernanceDemoCommand.self], defaultSubcommand: RotationDemoCommand.self)
}

struct RotationDemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotation",
    abstract: "Issue, rotate under load and revoke service accounts on a real PostgreSQL, and check the end state.",
    discussion: """
      Makes two PostgreSQL clusters in a temporary folder, requests and approves the accounts, lets client processes log
      in all the time, rotates every secret twice (once forced, once by expiry), revokes all, and asks the target directly
      whether the result is what Keyturn says. Exit code 0 only if everything holds.
      """)

  @Option(help: "Service accounts, 1 to 500.") var accounts = 50
  @Option(help: "Client processes, 1 to 32.") var clients = 4
  @Option(help: "Seconds between rotations by expiry, 10 to 600.") var period = 30.0
  @Flag(help: "Kill a worker with SIGKILL in the middle, and let the next one finish.") var killWorker = false
  @Flag(help: "Keep the folder with databases and logs.") var keep = false
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (1...500).contains(accounts) else { throw ValidationError("--accounts must be 1 to 500") }
    guard (1...32).contains(clients) else { throw ValidationError("--clients must be 1 to 32") }
    guard (10...600).contains(period) else { throw ValidationError("--period must be 10 to 600 seconds") }
  }

  mutating func run() async throws {
    let logger = global.makeLogger("keyturn.demo")
    let output = global.output
    do {
      let world = try await DemoWorld.make(
        .init(period: period, jitter: period / 8, overlap: 3), logger: logger, say: output.say)
      let play = DemoPlay(
        world: world, names: (1...accounts).map { "svc_" + String(format: "%03d", $0) }, clientCount: clients,
        killsWorker: killWorker, output: output, logger: logger)
      let report: DemoReport
      do {
        report = try await runUntilSignal(play)
      } catch {
        await play.stopChildren()
        let isInterrupted = error is CancellationError
        if !isInterrupted { output.say("logs of workers and clients: \(world.root)") }
        await world.close(keep: keep || !isInterrupted)
        throw isInterrupted ? DemoError(description: "interrupted; everything was stopped") : error
      }
      report.show(output)
      await world.close(keep: keep)
      if keep { output.say("kept: \(world.root)") }
      if !report.holds { throw ExitCode(1) }
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }

  /// Ctrl-C ends the play, not the clean-up.
  private func runUntilSignal(_ play: DemoPlay) async throws -> DemoReport {
    try await withThrowingTaskGroup(of: DemoReport?.self) { group in
      group.addTask { try await play.run() }
      group.addTask {
        for await _ in StopSignals.stream() { return nil }
        return nil
      }
      let first = try await group.next() ?? nil
      group.cancelAll()
      guard let first else {
        _ = try? await group.next()
        throw CancellationError()
      }
      return first
    }
  }
}

struct DemoError: Error, CustomStringConvertible {
  let description: String
}
