import ArgumentParser
import Foundation
import Governance

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "What is allowed, for how long, and who must agree.",
    subcommands: [
      Add.self, List.self, Check.self, Simulate.self, Propose.self, Approve.self, Deny.self, Show.self,
    ])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Add a policy of lifetimes only. Times in seconds.")
    @Argument var name: String
    @Option(help: "Seconds between rotations, 10 to 315360000.") var period: Double
    @Option(help: "Spread of the due times, at most the period.") var jitter = 0.0
    @Option(help: "How long old and new secret both work; shorter than the period.") var overlap = 3600.0
    @Option(help: "How long a target may need until a new secret works.") var settle = 10.0
    @Option(help: "Time kept free for retries before the identity's end.") var retryReserve = 3600.0
    @Option(help: "What the end of a period leads to: rotate or revoke.") var onExpiry = Policy.OnExpiry.rotate
    @Option(help: "Characters, 16 to 128.") var secretLength = 32
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.governance.addPolicy(
        Policy(
          name: name, rotationPeriod: period, rotationJitter: jitter, overlap: overlap, settle: settle,
          retryReserve: retryReserve, onExpiry: onExpiry, secretLength: secretLength), in: session.client)
      session.output.record([("policy", name)])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List policies.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let policies = try await session.client.query(ListPolicies())
      session.output.table(
        ["policy", "period", "jitter", "overlap", "on_expiry"], policies, empty: "No policy.")
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a policy document: every problem with its line and what would be right.")
    @Argument(help: "A YAML file.") var file: String
    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
      switch PolicyParser.parse(try Self.read(file)) {
      case .success(let document):
        let digest = RequestDigest(of: try document.canonicalBytes())
        global.output.record([("policy", document.policy), ("digest", "\(digest)"), ("problems", "0")])
      case .failure(let problems):
        global.output.table(
          ["line", "where", "problem", "remedy"],
          problems.problems.map { ["\($0.line)", $0.path, $0.message, $0.remedy] }, empty: "")
        throw ExitCode(1)
      }
    }

    static func read(_ file: String) throws -> String {
      guard let data = FileManager.default.contents(atPath: file) else {
        throw ValidationError("the file \(file) cannot be read")
      }
      guard let text = String(data: data, encoding: .utf8) else { throw ValidationError("the file is not UTF-8") }
      return text
    }
  }

  struct Simulate: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what a document would void or newly require; nothing is changed.")
    @Argument(help: "A YAML file.") var file: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let source = try Check.read(file)
      let simulation = try await session.client.withTransaction {
        try await session.governance.simulate(source, in: $0)
      }
      session.output.report(
        [
          ("stricter", simulation.comparison.stricter.joined(separator: ", ")),
          ("looser", simulation.comparison.looser.joined(separator: ", ")),
          ("identities", "\(simulation.identities)"), ("void", "\(simulation.voided.count)"),
        ],
        [
          Output.Table(
            name: "breaking", headings: ["identity", "reasons"],
            rows: simulation.breaking.keys.sorted().map { name in
              [name, simulation.breaking[name]?.map(\.rawValue).joined(separator: ", ")]
            }, empty: "No identity would break a rule of it.")
        ])
    }
  }

  struct Propose: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Propose a version of a policy; it holds when somebody else approves it.")
    @Argument(help: "A YAML file.") var file: String
    @Option(help: "Who proposes.") var by: String
    @Option(help: "The helpdesk's ticket.") var ticket: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let source = try Check.read(file)
      let version = try await session.client.withTransaction {
        try await session.governance.propose(source, by: by, ticket: ticket, in: $0)
      }
      session.output.record([
        ("policy", version.policy), ("version", "\(version.version)"), ("digest", "\(version.digest)"),
      ])
      session.output.say(
        "Next: keyturn policy approve \(version.policy) \(version.version) --by <another person> "
          + "--digest \("\(version.digest)".prefix(16))")
    }
  }

  struct DecideOptions: ParsableArguments {
    @Argument(help: "The policy.") var policy: String
    @Argument(help: "The version.") var version: Int32
    @Option(help: "Who decides.") var by: String
    @Option(help: "The digest that was read, at least its first 12 digits.") var digest: String

    func decide(approve: Bool, _ session: Session) async throws {
      let voided = try await session.client.withTransaction { transaction in
        let found = try await session.governance.policyVersion(policy, version, in: transaction)
        let seen = found.digest.matches(digest) ? found.digest : RequestDigest(bytes: [])
        return try await session.governance.decidePolicy(
          policy, version: version, approve: approve, by: by, sawDigest: seen, in: transaction)
      }
      session.output.record([
        ("policy", policy), ("version", "\(version)"), ("state", approve ? "active" : "denied"),
        ("voided", voided.map(String.init)),
      ])
    }
  }

  struct Approve: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Put a proposed version into force.")
    @OptionGroup var options: DecideOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws { try await options.decide(approve: true, session) }
  }

  struct Deny: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Deny a proposed version.")
    @OptionGroup var options: DecideOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws { try await options.decide(approve: false, session) }
  }

  struct Show: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show the document in force, or a version, with its digest.")
    @Argument var policy: String
    @Option(help: "A version; default: what is in force.") var version: Int32?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let document: PolicyDocument
      if let version {
        document = try await session.client.withTransaction {
          try await session.governance.policyVersion(policy, version, in: $0).document
        }
      } else {
        guard let active = try await session.governance.document(of: policy, in: session.client) else {
          throw GovernanceError.noPolicy(policy)
        }
        document = active
      }
      let bytes = try document.canonicalBytes()
      session.output.record([
        ("policy", policy), ("digest", "\(RequestDigest(of: bytes))"),
        ("document", String(decoding: bytes, as: UTF8.self)),
      ])
    }
  }
}
