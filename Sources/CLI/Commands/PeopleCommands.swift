import ArgumentParser
import Foundation
import Governance

struct PersonCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "person", abstract: "People who own, request and approve.",
    subcommands: [
      Add.self, List.self, SetState.self, Account.self, Role.self, Delegate.self, Key.self, Feed.self, SCIM.self,
    ])

  struct Add: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Add an active person.")
    @Argument(help: "The person's key in your directory.") var person: String
    @Option(help: "Full name.") var name: String?
    @Option(help: "E-mail address, unique among people who have not left.") var email: String?
    @Option(help: "The manager's key.") var manager: String?
    @Option(help: "Department.") var department: String?
    @Option(help: "Job title.") var title: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let id = try await session.client.withTransaction { transaction in
        let id = try await session.governance.addPerson(person, in: transaction)
        if [name, email, manager, department, title].contains(where: { $0 != nil }) {
          let attributes = PersonAttributes(
            externalID: person, displayName: name, email: email, manager: manager, department: department,
            jobTitle: title)
          try await session.governance.put(attributes, source: "manual", in: transaction)
        }
        return id
      }
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
      commandName: "state", abstract: "Set a person's state.",
      discussion: """
        suspended: what rests on the person pauses. terminated: it is void, and tickets open that say what is needed.
        """)
    @Argument var person: String
    @Argument(help: "active, suspended or terminated.") var state: Person.State
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let voided = try await session.governance.setState(state, of: person, in: session.client)
      session.output.record([("person", person), ("state", state.rawValue), ("voided", "\(voided.count)")])
    }
  }

  struct Account: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register a login of a helpdesk or directory as this person's.")
    @Argument var person: String
    @Option(help: "Where the login is, such as rt.") var realm: String
    @Option(help: "The login there.") var login: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.governance.addAccount(realm: realm, login: login, of: person, in: session.client)
      session.output.record([("person", person), ("realm", realm), ("login", login)])
    }
  }

  struct Role: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a person a role that approval stages ask for, or take it away.")
    @Argument var person: String
    @Argument(help: "Such as security or break_glass.") var role: String
    @Option(help: "Only on this target.") var target: String?
    @Flag(help: "Take it away; approvals that rest on it are void.") var end = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let voided = try await session.client.withTransaction { transaction in
        if end {
          return try await session.governance.unassign(role: role, from: person, on: target, in: transaction).count
        }
        try await session.governance.assign(role: role, to: person, on: target, in: transaction)
        return 0
      }
      session.output.record([
        ("person", person), ("role", role), ("target", target), ("state", end ? "ended" : "held"),
        ("voided", "\(voided)"),
      ])
    }
  }

  struct Delegate: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register that one person may approve for another, from now or later until a date; or end that.")
    @Argument(help: "Whose authority it is; with --end the delegation's id.") var delegator: String
    @Option(help: "Who may use it.") var to: String?
    @Option(help: "Only for stages of this role.") var role: String?
    @Option(help: "Only on this target.") var target: String?
    @Option(help: "When it begins; not in the past.") var from: Instant?
    @Option(help: "When it ends: 2027-01-31, or +14d from now.") var until: Instant?
    @Option(help: "Who registers it.") var by: String?
    @Flag(help: "End it now.") var end = false
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      if end { return }
      guard to != nil, until != nil, by != nil else { throw ValidationError("--to, --until and --by are needed") }
    }

    func run(_ session: Session) async throws {
      if end {
        let id = try parseID(delegator)
        let voided = try await session.client.withTransaction {
          try await session.governance.endDelegation(id, in: $0)
        }
        session.output.record([("delegation", delegator), ("state", "ended"), ("voided", "\(voided.count)")])
        return
      }
      guard let to, let until, let by else { return }
      let id = try await session.client.withTransaction {
        try await session.governance.delegate(
          from: delegator, to: to, role: role, target: target, validFrom: from?.date, validUntil: until.date,
          registeredBy: by, in: $0)
      }
      session.output.record([
        ("delegation", id.uuidString.lowercased()), ("from", delegator), ("to", to), ("until", Output.time(until.date)),
      ])
    }
  }

  struct Key: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register an SSH public key; signatures of it over a digest are the person's strongest approval.")
    @Argument var person: String
    @Argument(help: "The public key's file, such as ~/.ssh/id_ed25519.pub.") var file: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let line = try String(contentsOfFile: file, encoding: .utf8)
      try await session.governance.addSigningKey(
        line.trimmingCharacters(in: .whitespacesAndNewlines), of: person, in: session.client)
      session.output.record([("person", person), ("key", file)])
    }
  }
}

extension Person.State: ExpressibleByArgument {}
extension Policy.OnExpiry: ExpressibleByArgument {}
