import ArgumentParser
import Foundation
import Governance
import Targets

struct IdentityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity", abstract: "Service accounts: who owns them, why they exist, until when.",
    subcommands: [Add.self, List.self, Rights.self, Change.self, Attest.self, Signal.self])

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

extension IdentityCommand {
  struct Rights: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read what an identity may do on its target, by where it comes from.",
      discussion: """
        Approval is about what was given to the identity by name, and about predefined roles and role attributes wherever \
        they are reached. What its groups may do, what everybody may do, and what it made itself is listed and not counted.
        """)
    @Argument(help: "The identity.") var identity: String
    @Option(help: "Needed when the name exists on several targets.") var target: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await session.governance.identity(identity, on: target, in: session.client)
      let rights = try await session.lifecycle.effectiveRights(of: identity)
      let found = rights.compared(with: PrivilegeSet(identity.rights))
      func given(_ set: PrivilegeSet, _ status: String) -> [[String?]] {
        set.entries.map { [$0, status, nil, rights.givers[$0]?.joined(separator: " ")] }
      }
      let groups = rights.inherited.keys.sorted().flatMap { group in
        (rights.inherited[group]?.entries ?? []).map { [$0, "inherited", group, nil] }
      }
      let rows =
        given(found.approved, "approved") + given(found.extra, "extra") + given(found.missing, "missing") + groups
        + given(rights.owned, "owned") + given(rights.fromPublic, "public")
      session.output.table(["right", "status", "through", "given_by"], rows, empty: "It may do nothing.")
      if !found.isEqual { throw ExitCode(3) }
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
