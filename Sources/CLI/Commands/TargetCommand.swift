import ArgumentParser
import Foundation
import Governance
import Jobs
import Lifecycle
import Secrets

struct TargetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "target", abstract: "Systems where credentials live.",
    subcommands: [
      Add.self, List.self, Check.self, Test.self, Standby.self, RotateAdmin.self, Pause.self, Resume.self, Limit.self,
    ])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Examine a target, try it with an identity of its own, and add it.",
      discussion: """
        The trial identity (keyturn_trial_…) is issued, used, rotated and revoked, and must leave nothing; a target where it \
        does not is refused with the step that failed.
        The admin's password is read from the standard input (first line) or from --password-file, never from an argument.
        PostgreSQL: --set host=… --set port=… --set database=… --set user=… --set sslmode=… --set sslrootcert=…
        Where an extension locks logins after failed ones: --set lockout_threshold=3 --set lockout_window=1800 (seconds).
        The admin needs CREATEROLE and membership in pg_signal_backend.
        """)

    @Argument var name: String
    @Option(help: "Kind of target.") var kind = "postgresql"
    @Option(help: "Such as production or test.") var environment: String
    @Option(name: .customLong("set"), help: "A setting, key=value; may be repeated.") var settings: [String] = []
    @Option(help: "File with the admin's password; default: standard input.") var passwordFile: String?
    @OptionGroup var limit: LimitOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      for setting in settings where !setting.contains("=") { throw ValidationError("--set takes key=value") }
    }

    func run(_ session: Session) async throws {
      let secret = try AdminPassword.read(from: passwordFile)
      let pairs = settings.map {
        $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      }
      let id = try await session.lifecycle.addTarget(
        name: name, kind: kind, environment: environment,
        settings: Dictionary(pairs.map { ($0[0], $0[1]) }) { _, last in last }, adminSecret: secret,
        limit: limit.change.applied(to: LimitOptions.usual))
      session.output.record([("target", name), ("id", "\(id)")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List targets with their limits, pause and breaker.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let targets = try await session.client.query(ListTargets())
      session.output.table(
        ["target", "kind", "environment"] + ListTargets.stateHeadings,
        targets.map { [$0.name, $0.kind, $0.environment] + $0.state },
        empty: "No target yet; add one with `keyturn target add`.")
    }
  }

  struct Check: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Examine a target again; changes nothing on it.")
    @Argument var name: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let problems = try await session.lifecycle.examineTarget(name)
      session.output.table(["problem"], problems.map { [$0] }, empty: "\(name) is sound.")
      if !problems.isEmpty { throw ExitCode(5) }
    }
  }

  struct Pause: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Begin nothing more on a target; what runs goes on.")
    @Argument(help: "The target.") var name: String
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let control = try await session.lifecycle.pauseTarget(name, by: order.by, reason: order.reason)
      session.output.record([
        ("target", name), ("state", control.isChanged ? "paused" : "paused already"),
        ("reason", control.isChanged ? order.reason : control.before.pausedReason),
      ])
    }
  }

  struct Resume: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Begin work on a target again, and close its breaker.")
    @Argument(help: "The target.") var name: String
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let control = try await session.lifecycle.resumeTarget(name, by: order.by, reason: order.reason)
      let before = control.before
      session.output.record([
        ("target", name),
        ("state", before.isPaused ? "resumed" : control.isChanged ? "was not paused" : "neither paused nor failing"),
        ("breaker", before.breaker == "closed" ? "closed already" : "closed, was \(before.breaker)"),
      ])
    }
  }

  struct Limit: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change how much runs on a target; what is not named stays.")
    @Argument(help: "The target.") var name: String
    @OptionGroup var limit: LimitOptions
    @Flag(help: "Take the limit per minute away.") var noRate = false
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    private var change: LimitChange {
      var change = limit.change
      if noRate { change.rate = .unlimited }
      return change
    }

    func validate() throws {
      guard change != LimitChange() else {
        throw ValidationError("give at least one of --maximum-running, --per-minute, --burst and --no-rate")
      }
      guard !noRate || limit.perMinute == nil else { throw ValidationError("give either --per-minute or --no-rate") }
    }

    func run(_ session: Session) async throws {
      let control = try await session.lifecycle.limitTarget(name, change, by: order.by, reason: order.reason)
      let limit = change.applied(to: control.before.limit)
      session.output.record([
        ("target", name), ("maximum_running", "\(limit.maximumRunning)"),
        ("per_minute", limit.perMinute.map(String.init)),
        ("burst", "\(limit.burst)"), ("changed", control.isChanged ? "yes" : "no, it is so already"),
      ])
    }
  }
}

/// How much runs on a target.
struct LimitOptions: ParsableArguments {
  @Option(help: "Jobs at once on this target, 1 to 10000; the leak lane has one more. A new target has 8.")
  var maximumRunning: Int32?
  @Option(help: "Jobs begun per minute, 1 to 1000000; a new target has no limit.") var perMinute: Int32?
  @Option(help: "Jobs that may begin at once after a pause, within the rate, 1 to 10000. A new target has 1.")
  var burst: Int32?

  /// What a new target has.
  static let usual = GroupLimit(maximumRunning: 8)

  var change: LimitChange {
    LimitChange(
      maximumRunning: maximumRunning, rate: perMinute.map(LimitChange.Rate.perMinute) ?? .kept, burst: burst)
  }

  func validate() throws {
    do { try change.applied(to: Self.usual).validate() } catch { throw ValidationError(error.message) }
  }
}
