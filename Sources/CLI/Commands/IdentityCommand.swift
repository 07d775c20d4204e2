import ArgumentParser
import Foundation
import Governance

struct IdentityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity", abstract: "Service accounts: who owns them, why they exist, until when.",
    subcommands: [Add.self, List.self])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register an identity. Nothing exists on the target until a request for it was approved.")

    @Argument(help: "The account's name on the target.") var name: String?
    @Option(help: "Where it will live.") var target: String?
    @Option(help: "The person who answers for it.") var owner: String?
    @Option(help: "Who answers when the owner is away; another person.") var backup: String?
    @Option(help: "What it is for.") var purpose: String?
    @Option(help: "Such as production or test.") var environment: String?
    @Option(help: "What uses it.") var workload: String?
    @Option(help: "When it ends: 2027-01-31, 2027-01-31T12:00:00Z, or +30d, +12h, +90s from now.") var expires: Instant?
    @Option(name: .customLong("right"), help: "An approved right, such as member:readers; may be repeated.")
    var rights: [String] = []
    @Option(help: "Policy of its secrets.") var policy = "standard"
    @Option(help: "alternating (two logins, never without a working secret) or single.") var mode = "alternating"
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let draft = IdentityDraft(
        target: target, name: name, loginMode: mode, owner: owner, backupOwner: backup, purpose: purpose,
        environment: environment, workload: workload, rights: rights, policy: policy, expiresAt: expires?.date)
      let id = try await session.governance.addIdentity(draft, now: Date(), in: session.client)
      session.output.record([("identity", name), ("id", "\(id)")])
      session.output.say("Next: keyturn request issue \(name ?? "") --by <person> --ticket <ticket>")
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List identities.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let rows = try await session.client.query(ListIdentities())
      session.output.table(
        ["identity", "target", "owner", "backup", "purpose", "expires"],
        rows, empty: "No identity yet; add one with `keyturn identity add`.")
    }
  }
}

/// A moment given as a date, a date with time, or a distance from now.
struct Instant: ExpressibleByArgument {
  let date: Date

  init?(argument: String) {
    if argument.hasPrefix("+"), let unit = argument.last, let count = Double(argument.dropFirst().dropLast()),
      let seconds = ["s": 1.0, "m": 60, "h": 3600, "d": 86_400][unit], count > 0, count * seconds < 1e10
    {
      date = Date(timeIntervalSinceNow: count * seconds)
    } else if let day = try? Date(argument, strategy: .iso8601.year().month().day()) {
      date = day
    } else if let moment = try? Date(argument, strategy: .iso8601) {
      date = moment
    } else {
      return nil
    }
  }
}
