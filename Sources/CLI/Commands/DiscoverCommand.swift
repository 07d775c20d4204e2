import ArgumentParser
import Foundation
import Lifecycle
import Postgres

struct DiscoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discover",
    abstract: "Find logins on a target that no identity explains, and identities that are gone.",
    subcommands: [Look.self, Findings.self, Explain.self], defaultSubcommand: Look.self)

  struct Look: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Look a target over now; workers do so every hour.")
    @Argument(help: "The target.") var target: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let found = try await session.lifecycle.discover(target)
      let rows = try await session.client.query(ListFindings(target: target, isOpenOnly: true))
      session.output.report(
        [
          ("target", target), ("logins", "\(found.logins)"), ("governed", "\(found.governed)"),
          ("found", "\(found.findings.count)"), ("open", "\(rows.count)"),
        ],
        [
          Output.Table(
            name: "findings", headings: ListFindings.headings, rows: rows, empty: "Nothing waits for an explanation.")
        ])
    }
  }

  struct Findings: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List findings without looking again.")
    @Option(help: "Only of this target.") var target: String?
    @Flag(help: "Also those that are explained or gone.") var all = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      session.output.table(
        ListFindings.headings, try await session.client.query(ListFindings(target: target, isOpenOnly: !all)),
        empty: "No finding.")
    }
  }

  struct Explain: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say why a finding is as it should be.",
      discussion: "It stays explained until it is gone; when it comes back, it is open again.")
    @Argument(help: "The target.") var target: String
    @Argument(help: "The name on the target.") var name: String
    @Option(help: "Kind of finding.") var kind: DiscoveryAssessment.Finding.Kind = .unexplainedLogin
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.lifecycle.explainFinding(kind, name, on: target, by: order.by, reason: order.reason)
      session.output.record([("target", target), ("name", name), ("state", "explained")])
    }
  }
}

extension DiscoveryAssessment.Finding.Kind: ExpressibleByArgument {}

struct ListFindings: Statement {
  static let sql = """
    SELECT target, kind, name, identity, state, detail, to_char(first_seen_at, 'YYYY-MM-DD HH24:MI:SS'), explained_by,
      explanation
    FROM keyturn.v_finding
    WHERE ($1::text IS NULL OR target = $1) AND (NOT $2 OR state = 'open')
    ORDER BY target, state, kind, name
    """

  static let headings = [
    "target", "kind", "name", "identity", "state", "detail", "first_seen", "explained_by", "explanation",
  ]

  let target: String?
  let isOpenOnly: Bool

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(target)
    parameters.append(isOpenOnly)
  }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(9) }
}
