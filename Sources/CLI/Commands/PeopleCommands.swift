import ArgumentParser
import Governance

struct PersonCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "person", abstract: "People who own, request and approve.",
    subcommands: [Add.self, List.self, SetState.self])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Add an active person.")
    @Argument(help: "The person's key in your directory.") var person: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let id = try await session.governance.addPerson(person, in: session.client)
      session.output.record([("person", person), ("id", "\(id)")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List people.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let people = try await session.governance.people(in: session.client)
      session.output.table(
        ["person", "state"], people.map { [$0.externalID, $0.state.rawValue] },
        empty: "Nobody yet; add somebody with `keyturn person add`.")
    }
  }

  struct SetState: StoreCommand {
    static let configuration = CommandConfiguration(
      commandName: "state", abstract: "Set a person's state; who is not active neither owns nor approves.")
    @Argument var person: String
    @Argument(help: "active, suspended or terminated.") var state: Person.State
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.governance.setState(state, of: person, in: session.client)
      session.output.record([("person", person), ("state", state.rawValue)])
    }
  }
}

extension Person.State: ExpressibleByArgument {}
extension Policy.OnExpiry: ExpressibleByArgument {}

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Lifetimes of secrets.", subcommands: [Add.self, List.self])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Add a policy. Times in seconds.")
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
}
