import ArgumentParser
import Foundation
import Lifecycle

struct IncarnationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "incarnation",
    abstract: "Whether this host may change targets by this database; after a restore, a person says so.",
    discussion: """
      The database has an incarnation id, and this host remembers it in a file. A database that was restored, copied, or is \
      not known to this host is only observed: secrets can be read, targets can be looked at, nothing is changed.
      """,
    subcommands: [Show.self, Confirm.self], defaultSubcommand: Show.self)

  struct Show: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "What the database and this host say.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let report = try await session.composition.incarnation.report()
      session.output.record([
        ("database", report.inside.map { "\($0.id.uuidString.lowercased()) mark \($0.mark)" }),
        ("this_host", report.outside.map { "\($0.id.uuidString.lowercased()) mark \($0.mark)" }),
        ("file", report.path),
        ("state", report.doubt == nil ? (report.inside == nil ? "not begun" : "holds") : "observe-only"),
        ("doubt", report.doubt?.rawValue), ("explanation", report.doubt?.explanation),
      ])
    }
  }

  struct Confirm: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "This database is the one to work on: effects go on.",
      discussion: """
        After a restore or in a copy, a new incarnation begins, and every other host must confirm too, or get this host's \
        file. Be sure that no other copy of the database has workers: two of them would fight over the same targets.
        """)
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let done = try await session.composition.incarnation.confirm(
        by: order.by, reason: order.reason, host: ProcessInfo.processInfo.hostName, governance: session.governance)
      session.output.record([
        ("incarnation", done.claim.id.uuidString.lowercased()),
        ("began", done.beganAnew ? "now" : "before; this host knows it now"),
      ])
    }
  }
}
