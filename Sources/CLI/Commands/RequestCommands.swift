import ArgumentParser
import Foundation
import Governance
import Lifecycle

struct RequestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request", abstract: "Ask for exactly one change; approvers see its digest.",
    subcommands: [Issue.self, Revoke.self, Show.self, List.self, Withdraw.self])

  struct Issue: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ask for the account and its routine rotation until the identity's end.")
    @Argument var identity: String
    @Option(help: "Who asks.") var by: String
    @Option(name: .customLong("for"), help: "Who benefits, if somebody else.") var beneficiary: String?
    @Option(help: "The helpdesk's ticket.") var ticket: String
    @Option(help: "Needed when the name exists on several targets.") var target: String?
    @OptionGroup var details: DetailOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await RequestCommand.submit(
        [.issue, .rotate], identity, target: target, by: by, for: beneficiary, ticket: ticket,
        details: details.details, session)
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

  struct Withdraw: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a request or one's approval of it back; what it granted is void.")
    @Argument(transform: parseID) var request: UUID
    @Option(help: "Who takes it back.") var by: String
    @Option(help: "Why.") var reason: String
    @Flag(help: "Only this person's approval.") var approval = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.client.withTransaction { transaction in
        if approval {
          try await session.governance.withdrawApproval(
            of: RequestID(request), by: by, reason: reason, in: transaction)
        } else {
          try await session.governance.withdraw(RequestID(request), by: by, reason: reason, in: transaction)
        }
      }
      session.output.record([("request", request.uuidString.lowercased()), ("state", "withdrawn")])
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
    details: RequestDetails, _ session: Session
  ) async throws {
    let request = try await session.client.withTransaction { transaction in
      let identity = try await session.governance.identity(name, on: target, in: transaction)
      return try await session.governance.submit(
        actions, for: identity, requester: by, beneficiary: beneficiary, ticket: ticket, details: details, now: Date(),
        in: transaction)
    }
    show(request, session.output)
  }

  /// What was asked for, and what comes next.
  static func show(_ request: Request, _ output: Output) {
    output.record([
      ("request", "\(request.id)"), ("change", String(decoding: request.core, as: UTF8.self)),
      ("digest", "\(request.digest)"),
    ])
    output.say(
      "Next: keyturn approve \(request.id) --by <another person> --digest \("\(request.digest)".prefix(16))")
  }
}

/// What a policy may make mandatory.
struct DetailOptions: ParsableArguments {
  @Option(help: "The system whose owner answers for it.") var owningSystem: String?
  @Option(help: "Who approves in the owner's place.") var delegatedApprover: String?

  var details: RequestDetails {
    RequestDetails(owningSystem: owningSystem, delegatedApprover: delegatedApprover)
  }
}

struct RevocationOptions: ParsableArguments {
  @Argument(help: "The identity.") var identity: String
  @Option(help: "Who asks.") var by: String
  @Option(help: "The helpdesk's ticket.") var ticket: String
  @Option(help: "Needed when the name exists on several targets.") var target: String?
  @OptionGroup var details: DetailOptions

  func submit(_ session: Session) async throws {
    try await RequestCommand.submit(
      [.revoke], identity, target: target, by: by, for: nil, ticket: ticket, details: details.details, session)
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

  @Option(name: .customLong("for"), help: "Whose authority is used; needs a registered delegation.") var actingFor:
    String?
  @Option(help: "A file with an SSH signature over the digest: the strongest approval.") var signature: String?

  func decide(approve: Bool, _ session: Session) async throws {
    let id = RequestID(request)
    let request = try await session.governance.request(id, in: session.client)
    guard let seen = try confirmed(request, approve: approve) else {
      session.output.say("Nothing was decided.")
      return
    }
    let input = ApprovalInput(
      verdict: approve ? .approve : .deny, approver: by, actingFor: actingFor, digest: seen,
      signature: try await verifiedSignature(over: seen, session))
    let (result, credential) = try await session.lifecycle.decide(id, input)
    var decision = approve ? "approved" : "denied"
    if case .waiting(let stage, let missing) = result { decision = "recorded; \(stage) needs \(missing) more" }
    session.output.record([
      ("request", "\(id)"), ("decision", decision), ("credential", credential.map { "\($0)" }),
    ])
  }

  private func verifiedSignature(over digest: RequestDigest, _ session: Session) async throws -> VerifiedSignature? {
    guard let signature else { return nil }
    let text = try String(contentsOfFile: signature, encoding: .utf8)
    let person = try await session.governance.person(by, in: session.client)
    let keys = try await session.governance.signingKeys(of: person.id, in: session.client)
    return try await SignatureCheck().verify(text, over: digest, by: person.id, keys: keys)
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
