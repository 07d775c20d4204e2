import ArgumentParser
import Foundation
import Governance
import Lifecycle
import Postgres

struct BreakGlassCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "break-glass",
    abstract: "Emergency access: two registered people, four hours at most, reviewed within a business day.",
    discussion: """
      Register people beforehand: `keyturn person role alice break_glass`. It is for one identity, or, without one, for \
      `keyturn contain --break-glass`.
      """,
    subcommands: [Open.self, Confirm.self, Review.self, List.self])

  struct Open: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask for it; a second registered person confirms within an hour.")
    @Argument(help: "The identity; left out: to contain a leak.") var identity: String?
    @Option(help: "Needed when the name exists on several targets.") var target: String?
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let governance = session.governance
      guard let name = identity else {
        let opened = try await session.client.withTransaction {
          try await governance.openBreakGlass(toContainBy: order.by, reason: order.reason, in: $0)
        }
        let id = opened.id.uuidString.lowercased()
        session.output.record([("break_glass", id), ("ticket", opened.ticket)])
        session.output.say("Next: keyturn break-glass confirm \(id) --by <second person>")
        return
      }
      let identity = try await governance.identity(name, on: target, in: session.client)
      let request = try await session.client.withTransaction {
        try await governance.openBreakGlass(for: identity, by: order.by, reason: order.reason, in: $0)
      }
      session.output.record([
        ("break_glass", "\(request.id)"), ("ticket", request.ticket), ("digest", "\(request.digest)"),
      ])
      session.output.say(
        "Next: keyturn break-glass confirm \(request.id) --by <second person> --digest \("\(request.digest)".prefix(16))"
      )
    }
  }

  struct Confirm: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Confirm it as the second person; it begins at once.")
    @Argument(help: "Its id.", transform: parseID) var id: UUID
    @Option(help: "The second registered person.") var by: String
    @Option(help: "For an identity: the digest that was read, at least its first 12 digits.") var digest: String?
    @Option(help: "How long, at most 4h.") var duration = "4h"
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard PolicyParser.duration(duration) != nil else { throw ValidationError("--duration must be like 30m or 4h") }
    }

    func run(_ session: Session) async throws {
      let seconds = PolicyParser.duration(duration) ?? BreakGlass.longest
      let until = try await session.client.withTransaction { transaction in
        guard let digest else {
          return try await session.governance.confirmContainment(id, by: by, duration: seconds, in: transaction)
        }
        let found = try await session.governance.request(RequestID(id), in: transaction)
        let seen = found.digest.matches(digest) ? found.digest : RequestDigest(bytes: [])
        let authorization = try await session.governance.confirmBreakGlass(
          found.id, by: by, sawDigest: seen, duration: seconds, in: transaction)
        _ = try await session.lifecycle.start(authorization, for: found, in: transaction)
        return authorization.validUntil
      }
      session.output.record([("break_glass", id.uuidString.lowercased()), ("until", Output.time(until))])
    }
  }

  struct Review: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what the review found; by somebody who took no part.")
    @Argument(help: "Its id.", transform: parseID) var id: UUID
    @Option(help: "Who reviews.") var by: String
    @Option(help: "What was found, 1 to 500 characters.") var verdict: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.client.withTransaction {
        try await session.governance.reviewBreakGlass(id, by: by, verdict: verdict, in: $0)
      }
      session.output.record([("break_glass", id.uuidString.lowercased()), ("review", "closed")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Emergency access, with an open review first.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      session.output.table(
        [
          "break_glass", "identity", "opened_by", "second", "ticket", "reason", "until", "review_due", "review",
          "reviewed_by", "verdict",
        ], try await session.client.query(ListBreakGlass()), empty: "The glass was never broken.")
    }
  }
}

struct ListBreakGlass: Statement {
  static let sql = """
    SELECT break_glass_id::text, COALESCE(identity, 'contain'), opened_by, second, ticket, reason,
      to_char(valid_until, 'YYYY-MM-DD HH24:MI:SS'), to_char(review_due_at, 'YYYY-MM-DD HH24:MI:SS'),
      CASE WHEN confirmed_at IS NULL THEN 'not confirmed' WHEN reviewed_at IS NOT NULL THEN 'closed'
        WHEN review_overdue THEN 'overdue' ELSE 'open' END, reviewed_by, verdict
    FROM keyturn.v_break_glass
    ORDER BY confirmed_at IS NOT NULL AND reviewed_at IS NULL DESC, opened_at DESC
    LIMIT 1000
    """

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(11) }
}
