import ArgumentParser
import Evidence
import Foundation
import Governance

extension AuditCommand {
  struct RetentionGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retention", abstract: "How long leaves are kept before `keyturn audit prune` may delete them.",
      subcommands: [List.self, Set.self], defaultSubcommand: List.self)

    struct List: StoreCommand {
      static let configuration = CommandConfiguration(abstract: "Every type of leaf, and how long it is kept.")
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        session.output.table(
          ["type", "days", "kept"],
          try await LogReader(client: session.client).retentions().map {
            [$0.type.rawValue, $0.days.map { "\($0)" }, $0.days.map { HTML.years($0) } ?? "for ever"]
          }, empty: "")
      }
    }

    struct Set: StoreCommand {
      static let configuration = CommandConfiguration(
        abstract: "Keep leaves of a type so long.",
        discussion: """
          Holds win over it, and a tile of 256 leaves goes only when every leaf of it is over. What says why other leaves are \
          missing is kept for ever.
          """)
      @Argument(help: "The type, such as record.changed.") var type: String
      @Option(help: "Days, 365 to 36500.") var days: Int32?
      @Flag(help: "Never delete them.") var forEver = false
      @Option(help: "Who orders it.") var by: String
      @Option(help: "Why; kept as an erasable value.") var reason: String
      @OptionGroup var global: GlobalOptions

      func validate() throws {
        guard (days == nil) == forEver else { throw ValidationError("give --days or --for-ever") }
      }

      func run(_ session: Session) async throws {
        let retention = try Retention(type: type, days: days)
        let was = try await session.client.withTransaction { transaction in
          let who = try await session.governance.activeOperator(by, reason: reason, in: transaction)
          return try await EvidenceLog().keep(
            retention, by: who.person.id.rawValue, reason: who.reason, in: transaction)
        }
        session.output.record([
          ("type", retention.type.rawValue), ("days", days.map { "\($0)" } ?? "for ever"),
          ("before", was.map { "\($0)" } ?? "for ever"),
        ])
      }
    }
  }
}

extension HTML {
  /// Days in years when they are at least one.
  fileprivate static func years(_ days: Int32) -> String { String(format: "%.1f years", Double(days) / 365.25) }
}
