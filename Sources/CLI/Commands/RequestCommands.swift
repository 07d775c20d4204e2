import ArgumentParser
import Foundation
import Governance
import Lifecycle

struct RequestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request", abstract: "Ask for exactly one change; approvers see its digest.",
    subcommands: [Issue.self, Revoke.self, Show.self, List.self])

  struct Issue: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask for the account and its routine rotation until the identity's end.")
    @Argument var identity: String
    @Option(help: "Who asks.") var by: String
    @Option(name: .customLong("for"), help: "Who benefits, if somebody else.") var beneficiary: String?
    @Option(help: "The helpdesk's ticket.") var ticket: String
    @Option(help: "Needed when the name exists on several targets.") var target: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await RequestCommand.submit(
        [.issue, .rotate], identity, target: target, by: by, for: beneficiary, ticket: ticket, session)
    }
  }

  struct Revoke: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Ask for the end of the account.")
    @OptionGroup var options: RevocationOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws { try await options.submit(session) }
  }

  struct Show: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Show what would change, and the digest to approve.")
    @Argument(transform: parseID) var request: UUID
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let request = try await session.governance.request(RequestID(request), in: session.client)
      session.output.record([
        ("request", "\(request.id)"), ("decision", request.decision), ("ticket", request.ticket),
        ("change", String(decoding: request.core, as: UTF8.self)), ("digest", "\(request.digest)"),
      ])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List requests, newest first.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let requests = try await session.governance.requests(in: session.client)
      session.output.table(
        ["request", "actions", "ticket", "decision", "submitted"],
        requests.map {
          [
            "\($0.id)", $0.actions.map(\.rawValue).joined(separator: "+"), $0.ticket, $0.decision,
            Output.time($0.submittedAt),
          ]
        }, empty: "No request yet.")
    }
  }

  static func submit(
    _ actions: [GovernedAction], _ name: String, target: String?, by: String, for beneficiary: String?, ticket: String,
    _ session: Session
  ) async throws {
    let request = try await session.client.withTransaction { transaction in
      let identity = try await session.governance.identity(name, on: target, in: transaction)
      return try await session.governance.submit(
        actions, for: identity, requester: by, beneficiary: beneficiary, ticket: ticket, now: Date(), in: transaction)
    }
    session.output.record([
      ("request", "\(request.id)"), ("change", String(decoding: request.core, as: UTF8.self)),
      ("digest", "\(request.digest)"),
    ])
    session.output.say(
      "Next: keyturn approve \(request.id) --by <another person> --digest \("\(request.digest)".prefix(16))")
  }
}

struct RevocationOptions: ParsableArguments {
  @Argument(help: "The identity.") var identity: String
  @Option(help: "Who asks.") var by: String
  @Option(help: "The helpdesk's ticket.") var ticket: String
  @Option(help: "Needed when the name exists on several targets.") var target: String?

  func submit(_ session: Session) async throws {
    try await RequestCommand.submit(
      [.revoke], identity, target: target, by: by, for: nil, ticket: ticket, session)
  }
}

struct RevokeCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Ask for the end of an account; it is revoked when somebody else approves.")
  @OptionGroup var options: RevocationOptions
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws { try await options.submit(session) }
}

struct DecisionOptions: ParsableArguments {
  @Argument(help: "The request's id.", transform: parseID) var request: UUID
  @Option(help: "Who decides.") var by: String
  @Option(help: "The digest that was read, at least its first 12 digits. Without it a terminal asks.") var digest:
    String?

  func decide(approve: Bool, _ session: Session) async throws {
    let id = RequestID(request)
    let request = try await session.governance.request(id, in: session.client)
    guard let seen = try confirmed(request, approve: approve) else {
      session.output.say("Nothing was decided.")
      return
    }
    let credential = try await session.lifecycle.decide(id, approve: approve, by: by, sawDigest: seen)
    session.output.record([
      ("request", "\(id)"), ("decision", approve ? "approved" : "denied"), ("credential", credential.map { "\($0)" }),
    ])
  }

  private func confirmed(_ request: Request, approve: Bool) throws -> RequestDigest? {
    if let digest {
      // A digest that does not match goes on as it is, so that the rules refuse it with their own reason.
      return request.digest.matches(digest) ? request.digest : RequestDigest(bytes: [])
    }
    guard isatty(STDIN_FILENO) == 1 else {
      throw ValidationError("--digest is needed: the digest of what was read (`keyturn request show`)")
    }
    print(String(decoding: request.core, as: UTF8.self))
    print("digest \(request.digest)")
    print("\(approve ? "Approve" : "Deny") exactly this? [y/N] ", terminator: "")
    return readLine()?.lowercased() == "y" ? request.digest : nil
  }
}

struct ApproveCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Approve a request; the work it grants starts at once.")
  @OptionGroup var options: DecisionOptions
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws { try await options.decide(approve: true, session) }
}

struct DenyCommand: StoreCommand {
  static let configuration = CommandConfiguration(commandName: "deny", abstract: "Deny a request.")
  @OptionGroup var options: DecisionOptions
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws { try await options.decide(approve: false, session) }
}

/// An id as an argument; the usage error says what is wanted.
func parseID(_ text: String) throws -> UUID {
  guard let id = UUID(uuidString: text) else {
    throw ValidationError("an id is 32 hexadecimal digits with four hyphens")
  }
  return id
}
