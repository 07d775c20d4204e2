import ArgumentParser
import Evidence
import Foundation
import Governance

extension AuditCommand {
  struct HoldOptions: ParsableArguments {
    @Option(name: .customLong("case"), help: "A case.", transform: parseID) var caseID: UUID?
    @Option(help: "A person.") var person: String?
    @Option(help: "Who orders it.") var by: String
    @Option(help: "Why; kept as an erasable value.") var reason: String

    func validate() throws {
      guard (caseID == nil) != (person == nil) else { throw ValidationError("give --case or --person") }
    }

    func subject(_ session: Session) async throws -> HoldSubject {
      if let caseID { return .onCase(caseID) }
      return .onPerson(try await session.governance.person(person ?? "", in: session.client).id.rawValue)
    }
  }

  struct Hold: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Legal hold: nothing of the case or about the person is erased or pruned until it is released.")
    @OptionGroup var options: HoldOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let subject = try await options.subject(session)
      let made = try await session.client.withTransaction { transaction in
        let who = try await session.governance.activeOperator(options.by, reason: options.reason, in: transaction)
        return try await EvidenceLog().placeHold(
          subject, by: who.person.id.rawValue, reason: who.reason, in: transaction)
      }
      session.output.say(made == nil ? "It is on hold already." : "On hold.")
    }
  }

  struct Release: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Lift a legal hold.")
    @OptionGroup var options: HoldOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let subject = try await options.subject(session)
      let lifted = try await session.client.withTransaction { transaction in
        let who = try await session.governance.activeOperator(options.by, reason: options.reason, in: transaction)
        return try await EvidenceLog().liftHold(
          subject, by: who.person.id.rawValue, reason: who.reason, in: transaction)
      }
      guard lifted != nil else { throw EvidenceError(code: .unknownCase, message: "there is no such hold") }
      session.output.say("Released.")
    }
  }

  struct Erase: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Forget in the evidence whom a person's pseudonyms stand for and what is hidden about them.",
      discussion: "Leaves and proofs stay whole. What is on legal hold stays, and is counted.")
    @Option(help: "The person.") var person: String
    @Option(help: "Who orders it.") var by: String
    @Option(help: "Why; kept as an erasable value.") var reason: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let (erased, held) = try await session.client.withTransaction { transaction in
        let who = try await session.governance.activeOperator(by, reason: reason, in: transaction)
        let person = try await session.governance.person(person, in: transaction)
        return try await EvidenceLog().erase(
          person: person.id.rawValue, by: who.person.id.rawValue, reason: who.reason, in: transaction)
      }
      session.output.record([("erased", "\(erased)"), ("held", "\(held)")])
      if held > 0 { throw EvidenceError(code: .held, message: "\(held) values stay because of a legal hold") }
    }
  }

  struct Prune: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Delete leaves whose retention is over, in whole tiles; their hashes stay, so proofs go on working.")
    @Option(help: "At most so many tiles of 256 leaves, 1 to 10000.") var tiles: Int32 = 1000
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...10_000).contains(tiles) else { throw ValidationError("--tiles must be 1 to 10000") }
    }

    func run(_ session: Session) async throws {
      let pruned = try await session.client.withTransaction { try await EvidenceLog().prune(atMost: tiles, in: $0) }
      session.output.record([("tiles_pruned", "\(pruned.count)"), ("leaves", "\(pruned.count * 256)")])
    }
  }
}
