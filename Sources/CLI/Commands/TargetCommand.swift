import ArgumentParser
import Foundation
import Governance
import Jobs
import Lifecycle
import Secrets

struct TargetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "target", abstract: "Systems where credentials live.",
    subcommands: [Add.self, List.self, Check.self])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Examine a target and add it.",
      discussion: """
        The admin's password is read from the standard input (first line) or from --password-file, never from an argument.
        PostgreSQL: --set host=… --set port=… --set database=… --set user=… --set sslmode=… --set sslrootcert=…
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
      let secret = try readSecret()
      let pairs = settings.map {
        $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      }
      let id = try await session.lifecycle.addTarget(
        name: name, kind: kind, environment: environment,
        settings: Dictionary(pairs.map { ($0[0], $0[1]) }) { _, last in last }, adminSecret: secret,
        limit: limit.limit)
      session.output.record([("target", name), ("id", "\(id)")])
    }

    private func readSecret() throws -> SecretBytes {
      let text: String?
      if let passwordFile {
        text = try String(contentsOfFile: passwordFile, encoding: .utf8)
          .split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init)
      } else {
        if isatty(STDIN_FILENO) == 1 {
          text = getpass("Password of the admin login: ").map { String(cString: $0) }
        } else {
          text = readLine()
        }
      }
      guard let text, !text.isEmpty else { throw ValidationError("the admin's password is empty") }
      return SecretBytes(copying: Array(text.utf8))
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
    static let configuration = CommandConfiguration(abstract: "Examine a target again.")
    @Argument var name: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let problems = try await session.lifecycle.examineTarget(name)
      session.output.table(["problem"], problems.map { [$0] }, empty: "\(name) is sound.")
      if !problems.isEmpty { throw ExitCode(5) }
    }
  }
}

/// How much runs on a target.
struct LimitOptions: ParsableArguments {
  @Option(help: "Jobs at once on this target, 1 to 10000; the leak lane has one more.") var maximumRunning: Int32 = 8
  @Option(help: "Jobs begun per minute, 1 to 1000000; default: no limit.") var perMinute: Int32?
  @Option(help: "Jobs that may begin at once after a pause, within the rate.") var burst: Int32 = 1

  var limit: GroupLimit { GroupLimit(maximumRunning: maximumRunning, perMinute: perMinute, burst: burst) }

  func validate() throws {
    do { try limit.validate() } catch { throw ValidationError(error.message) }
  }
}
