import ArgumentParser
import Foundation
import Governance
import Postgres

struct PermissionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "permission", abstract: "What people may do besides asking and approving.",
    subcommands: [Grant.self, Withdraw.self, List.self])

  struct Grant: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Grant a permission; nobody grants one to themselves.")
    @Argument(help: "contain: cut off many credentials at once.") var permission: OperatorPermission.Kind
    @Argument(help: "Who gets it.") var person: String
    @Option(help: "Only for targets of this environment.") var environment: String?
    @Option(help: "When it ends: 2027-01-31, or +30d.") var until: Instant?
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let id = try await session.governance.grantPermission(
        permission, to: person, environment: environment, validUntil: until?.date, by: order.by, reason: order.reason,
        in: session.client)
      session.output.record([
        ("permission", permission.rawValue), ("person", person), ("environment", environment ?? "all"),
        ("id", id.uuidString.lowercased()),
      ])
    }
  }

  struct Withdraw: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Withdraw a permission; takes effect with the next order.")
    @Argument(help: "contain.") var permission: OperatorPermission.Kind
    @Argument(help: "Who loses it.") var person: String
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let count = try await session.governance.withdrawPermission(
        permission, from: person, by: order.by, reason: order.reason, in: session.client)
      session.output.record([("person", person), ("withdrawn", "\(count)")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Who holds which permission now.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      var rows: [[String?]] = []
      for kind in OperatorPermission.Kind.allCases {
        rows += try await session.governance.permissions(kind, of: nil, in: session.client).map {
          [
            $0.person, $0.kind.rawValue, $0.environment ?? "all", $0.grantedBy,
            $0.validUntil >= .distantFuture ? nil : Output.time($0.validUntil),
          ]
        }
      }
      session.output.table(
        ["person", "permission", "environment", "granted_by", "until"], rows,
        empty: "Nobody holds a permission; grant one with `keyturn permission grant`.")
    }
  }
}

extension OperatorPermission.Kind: ExpressibleByArgument {}

struct EmergencyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "emergency", abstract: "Break the glass: two people act at once, a third reviews it.",
    subcommands: [Open.self, Review.self, List.self])

  struct Open: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take authority for at most four hours; a review is due within a business day.")
    @Option(help: "Who breaks it; an active person.") var by: String
    @Option(help: "Who stands beside; another active person.") var second: String
    @Option(help: "Why, 1 to 500 characters; recorded.") var reason: String
    @Option(help: "For how many hours, at most 4.") var hours = 1.0
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let opened = try await session.client.withTransaction {
        try await session.governance.openEmergency(by: by, second: second, reason: reason, hours: hours, in: $0)
      }
      session.output.record([
        ("emergency", opened.id.uuidString.lowercased()), ("until", Output.time(opened.validUntil)),
        ("review_due", Output.time(opened.reviewDue)),
      ])
    }
  }

  struct Review: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Close the review of an emergency; by somebody who was not part of it.")
    @Argument(help: "The emergency's id.") var id: String
    @Option(help: "Who reviews it.") var by: String
    @Option(help: "What was found, 1 to 500 characters; recorded.") var finding: String
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard UUID(uuidString: id) != nil else {
        throw ValidationError("the id must be one that `keyturn emergency list` prints")
      }
    }

    func run(_ session: Session) async throws {
      guard let uuid = UUID(uuidString: id) else { return }
      try await session.client.withTransaction {
        try await session.governance.reviewEmergency(uuid, by: by, finding: finding, in: $0)
      }
      session.output.record([("emergency", id), ("review", "closed")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Emergencies, those with an open review first.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let rows = try await session.client.query(ListEmergencies())
      session.output.table(
        ["emergency", "opened_by", "second", "reason", "until", "review_due", "review", "reviewed_by", "finding"], rows,
        empty: "The glass was never broken.")
    }
  }
}

struct ListEmergencies: Statement {
  static let sql = """
    SELECT emergency_id::text, opened_by, second, reason, to_char(valid_until, 'YYYY-MM-DD HH24:MI:SS'),
      to_char(review_due_at, 'YYYY-MM-DD HH24:MI:SS'),
      CASE WHEN reviewed_at IS NOT NULL THEN 'closed' WHEN review_overdue THEN 'overdue' ELSE 'open' END, reviewed_by,
      finding
    FROM keyturn.v_emergency
    ORDER BY reviewed_at IS NULL DESC, opened_at DESC
    LIMIT 1000
    """

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(9) }
}
