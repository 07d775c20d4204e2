import ArgumentParser
import Foundation
import Lifecycle
import Secrets

extension TargetCommand {
  struct Test: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Examine a target and try it again with an identity of its own.",
      discussion: "Clears away what older trials left that were killed.")
    @Argument(help: "The target.") var name: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let test = try await session.lifecycle.testTarget(name)
      session.output.report(
        [
          ("target", name), ("sound", test.isSound ? "yes" : "no"), ("steps", test.trial.map { "\($0.steps)" }),
          ("seconds", test.trial.map { String(format: "%.2f", $0.seconds) }),
          ("failed_step", test.trial?.failure?.step), ("reason", test.trial?.failure?.reason),
        ],
        [
          Output.Table(
            name: "problems", headings: ["problem"], rows: test.problems.map { [$0] },
            empty: !test.isSound
              ? "It can be examined."
              : test.trial == nil
                ? "Nothing is wrong; it was not tried." : "Nothing is wrong, and the trial left nothing.")
        ])
      if !test.isSound { throw ExitCode(5) }
    }
  }

  struct Standby: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tell a target's second admin, which stands in for the first and lets both be rotated.",
      discussion: """
        Its password is read from the standard input (first line) or from --password-file. It needs the same rights as the \
        admin in use; on PostgreSQL 16 and later, an admin that shall repair the other's password needs the ADMIN option on \
        it.
        """)
    @Argument(help: "The target.") var name: String
    @Option(help: "The second admin's login.") var user: String
    @Option(help: "File with its password; default: standard input.") var passwordFile: String?
    @Option(help: "Give both new secrets by themselves this often, such as 30d; default: only when asked for.")
    var rotateEvery: Span?
    @Option(help: "Time between the one's change and the other's, 0s to 24h.") var overlap = Span(seconds: 60)
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.lifecycle.setStandbyAdmin(
        of: name, login: user, secret: try AdminPassword.read(from: passwordFile), period: rotateEvery?.seconds,
        overlap: overlap.seconds, by: order.by, reason: order.reason)
      session.output.record([("target", name), ("standby", user)])
    }
  }

  struct RotateAdmin: StoreCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate-admin", abstract: "Give both admins of a target new secrets, one after the other.")
    @Argument(help: "The target.") var name: String
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let isNew = try await session.lifecycle.requestAdminRotation(of: name, by: order.by, reason: order.reason)
      session.output.record([("target", name), ("state", isNew ? "started" : "under way already")])
    }
  }
}

/// A length of time: `90s`, `5m`, `12h`, `30d`.
struct Span: ExpressibleByArgument {
  let seconds: Double

  init(seconds: Double) { self.seconds = seconds }

  init?(argument: String) {
    guard let unit = argument.last, let size = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400][unit],
      let count = Double(argument.dropLast()), count >= 0, count * size <= 315_360_000
    else { return nil }
    seconds = count * size
  }

  var defaultValueDescription: String { "\(Int(seconds))s" }
}

/// An admin's password, never from an argument.
enum AdminPassword {
  static func read(from file: String?) throws -> SecretBytes {
    let text: String?
    if let file {
      text = try String(contentsOfFile: file, encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init)
    } else if isatty(STDIN_FILENO) == 1 {
      text = getpass("Password of the admin login: ").map { String(cString: $0) }
    } else {
      text = readLine()
    }
    guard let text, !text.isEmpty else { throw ValidationError("the admin's password is empty") }
    return SecretBytes(copying: Array(text.utf8))
  }
}
