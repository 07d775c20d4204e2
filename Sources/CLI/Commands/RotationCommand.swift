import ArgumentParser
import Foundation
import Governance
import Lifecycle
import Postgres

struct RotationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotation",
    abstract: "Sagas that need a person: see why, let them go on, take them back or give them up; narrow rights.",
    subcommands: [List.self, Release.self, Rollback.self, Abandon.self, WaiveCommand.self, Narrow.self],
    defaultSubcommand: List.self)

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(
      commandName: "quarantined", abstract: "What is quarantined: why, the last proof, and what may be done.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let rows = try await session.client.query(ListQuarantined())
      session.output.table(
        ["identity", "target", "action", "stood", "since", "reason", "last_proof", "allowed"], rows,
        empty: "Nothing is quarantined.")
    }
  }

  struct Release: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a quarantined saga go on where it was, after its cause was removed.")
    @OptionGroup var subject: IdentityOptions
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await RotationCommand.decide(.release, subject, order, session)
    }
  }

  struct Rollback: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take the candidate of a quarantined rotation off the target again.",
      discussion: """
        Ends when the candidate was refused and the old secret accepted. Refused once the new version is published, for an \
        issue or a revocation, and for a leak, whose old secret is known to others.
        """)
    @OptionGroup var subject: IdentityOptions
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await RotationCommand.decide(.rollback, subject, order, session)
    }
  }

  struct Abandon: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a quarantined saga up; whoever does it answers for what is left on the target.",
      discussion: """
        The candidate's sealed secret is destroyed. Name and reason are kept with the saga and in `queue actions`. A revocation \
        is not given up: `rotation waive`.
        """)
    @OptionGroup var subject: IdentityOptions
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await RotationCommand.decide(.abandon, subject, order, session)
    }
  }

  struct Narrow: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask for only some of an identity's rights; it is narrowed when somebody else approves.",
      discussion: """
        Then one saga takes the other rights away on the target, replaces the secret and ends the sessions of the old one, and \
        what was granted for more is void. Name what is kept with --keep, once for each right.
        """)
    @OptionGroup var subject: IdentityOptions
    @Option(help: "A right that is kept, in the target's notation; may be repeated.") var keep: [String] = []
    @Flag(help: "Keep none.") var none = false
    @Option(help: "Who asks.") var by: String
    @Option(help: "The helpdesk's ticket.") var ticket: String
    @OptionGroup var details: DetailOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard keep.isEmpty == none else { throw ValidationError("give either --keep, once for each right, or --none") }
    }

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      let request = try await session.lifecycle.requestNarrowing(
        of: identity.id, to: keep, by: by, ticket: ticket, details: details.details)
      RequestCommand.show(request, session.output)
    }
  }

  private static func decide(
    _ action: QuarantineAction, _ subject: IdentityOptions, _ order: OperatorOptions, _ session: Session
  ) async throws {
    let identity = try await subject.identity(session)
    let decided = try await session.lifecycle.decideQuarantine(
      identity.id, action, by: order.by, reason: order.reason)
    session.output.record([
      ("identity", identity.name), ("saga", decided.action.rawValue), ("stood", decided.stood.rawValue),
      ("decision", action.rawValue),
    ])
  }
}

struct VerifyCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Have a live credential looked at now: login, rights, and who else has written there.",
    discussion: "Every live credential is looked at once a day. `keyturn status` shows what was found.")
  @OptionGroup var subject: IdentityOptions
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws {
    let identity = try await subject.identity(session)
    let isNew = try await session.lifecycle.verifyNow(identity.id)
    session.output.record([
      ("identity", identity.name), ("look", isNew ? "started" : "something is under way, which looks itself"),
    ])
  }
}

struct ListQuarantined: Statement {
  static let sql = """
    SELECT identity, target, open_action, open_quarantine ->> 'state',
      to_char((open_quarantine ->> 'since')::timestamptz, 'YYYY-MM-DD HH24:MI:SS'), open_quarantine ->> 'reason',
      (open_quarantine #>> '{last_proof,kind}') || ' ' || (open_quarantine #>> '{last_proof,result}'),
      (SELECT string_agg(a, ', ') FROM jsonb_array_elements_text(open_quarantine -> 'allowed') AS a)
        || CASE WHEN open_action = 'revoke' THEN ', waive' ELSE '' END
    FROM keyturn.v_credential
    WHERE open_state = 'quarantined'
    ORDER BY target, identity
    LIMIT 10000
    """

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(8) }
}
