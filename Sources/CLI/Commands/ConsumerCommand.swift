import ArgumentParser
import Foundation
import Governance
import Lifecycle
import Postgres
import Secrets

struct ConsumerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consumer", abstract: "Registered readers of a credential.",
    subcommands: [Add.self, Remove.self, List.self, Overdue.self])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register a reader and print its token, which is shown once.",
      discussion: """
        The consumer reads with GET /v1/credentials/NAME/secret and the header Authorization: Bearer TOKEN, and says with POST \
        /v1/credentials/NAME/acknowledgements which version it has in use. With --webhook it is told of new versions, \
        signed as Standard Webhooks says; that secret is shown once too.
        """)
    @Argument(help: "The identity it reads.") var identity: String
    @Option(help: "The consumer's name; unique per identity.") var name: String
    @Option(help: "Where to send news: an https URL, or http to this host.") var webhook: String?
    @Option(help: "When the token ends: 2027-01-31, or +90d; default: never.") var expires: Instant?
    @Option(help: "Needed when the identity's name exists on several targets.") var target: String?
    @Flag(help: "Print only the token, for use in a pipe.") var onlyToken = false
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await session.governance.identity(identity, on: target, in: session.client)
      let added = try await session.lifecycle.addConsumer(
        name, of: identity.id, webhook: webhook, expiresAt: expires?.date, by: order.by, reason: order.reason)
      if onlyToken {
        added.token.withBytes { FileHandle.standardOutput.write(Data($0)) }
        return
      }
      session.output.record([
        ("consumer", name), ("identity", identity.name), ("id", "\(added.id)"),
        ("token", added.token.withBytes { String(decoding: $0, as: UTF8.self) }),
        ("webhook", webhook), ("webhook_secret", added.webhookSecret.map(WebhookSignature.text)),
      ])
      session.output.say("Keep them now: they are stored as a hash and sealed, and never shown again.")
    }
  }

  struct Remove: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a reader off the list: its token is refused, and no rotation waits for it.")
    @Argument(help: "The identity it reads.") var identity: String
    @Option(help: "The consumer's name.") var name: String
    @Option(help: "Needed when the identity's name exists on several targets.") var target: String?
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await session.governance.identity(identity, on: target, in: session.client)
      try await session.lifecycle.removeConsumer(name, of: identity.id, by: order.by, reason: order.reason)
      session.output.record([("consumer", name), ("identity", identity.name), ("state", "removed")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Readers, what they read, and what they have in use.")
    @Argument(help: "Only of this identity.") var identity: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let rows = try await session.client.query(ListConsumers(identity: identity))
      session.output.table(
        [
          "consumer", "identity", "target", "current", "acknowledged", "read", "last_read", "reads", "webhook",
          "open_deliveries", "expires",
        ], rows, empty: "No consumer yet; add one with `keyturn consumer add`.")
    }
  }

  struct Overdue: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "What a policy does when the overlap is over and a consumer has not moved.",
      discussion:
        "retire: the old secret ends all the same, with an alarm. extend: it stays, with an alarm, until all moved.")
    @Argument(help: "The policy.") var policy: String
    @Argument(help: "retire or extend.") var action: String
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.lifecycle.setOnUnacknowledged(policy, action, by: order.by, reason: order.reason)
      session.output.record([("policy", policy), ("unacknowledged", action)])
    }
  }
}

struct ListConsumers: Statement {
  static let sql = """
    SELECT name, identity, target, current_version::text, acknowledged_version::text, last_read_version::text,
      to_char(last_read_at, 'YYYY-MM-DD HH24:MI:SS'), reads::text, webhook_url, open_deliveries::text,
      to_char(expires_at, 'YYYY-MM-DD HH24:MI:SS')
    FROM keyturn.v_consumer
    WHERE $1::text IS NULL OR identity = $1
    ORDER BY target, identity, name
    LIMIT 10000
    """

  let identity: String?

  func bind(_ parameters: inout PostgresParameters) { parameters.append(identity) }

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(11) }
}
