import ArgumentParser
import Governance
import Jobs
import Lifecycle

struct JobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "Live jobs.",
    subcommands: [List.self, Retry.self, Cancel.self, MoveLane.self], defaultSubcommand: List.self)

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List live jobs in claim order.")
    @Option(help: "At most this many, 1 to 10000.") var limit = 100
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000") }
    }

    func run(_ session: Session) async throws {
      let jobs = try await session.client.query(ListJobs(limit: Int64(limit)))
      session.output.table(
        ["identity", "target", "kind", "state", "lane", "attempt", "failures", "run_at", "worker", "reason"],
        jobs, empty: "No job waits or runs.")
    }
  }

  struct Retry: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a quarantined, blocked or waiting job of an identity up again now.")
    @OptionGroup var subject: IdentityOptions
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      guard try await session.lifecycle.retryNow(identity.id, by: order.by, reason: order.reason) else {
        throw LifecycleError(code: .wrongState, message: "no job of \(identity.name) waits; `keyturn jobs` lists them")
      }
      session.output.record([("identity", identity.name), ("job", "ready")])
    }
  }

  struct Cancel: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give up a rotation or an issue that has not begun to change the target.",
      discussion: """
        A worker that has the job loses it; a stored candidate is destroyed. A due rotation is left out, the next comes a \
        period later. Refused from the first effect on, and always for a revocation.
        """)
    @OptionGroup var subject: IdentityOptions
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      let cancelled = try await session.lifecycle.cancel(identity.id, by: order.by, reason: order.reason)
      session.output.record([
        ("identity", identity.name), ("cancelled", cancelled.action?.rawValue), ("was", cancelled.state?.rawValue),
        ("job", cancelled.hadJob ? "cancelled" : "none"),
        ("candidate", cancelled.destroyedCandidate ? "destroyed" : "none"),
        ("next_due", Output.time(cancelled.nextDueAt)),
      ])
    }
  }

  struct MoveLane: StoreCommand {
    static let configuration = CommandConfiguration(
      commandName: "lane", abstract: "Move a job that waits to the end of another lane.",
      discussion: "Lanes, the first goes first: leak, hard-expiry, narrowing, operator, routine.")
    @OptionGroup var subject: IdentityOptions
    @Argument(help: "leak, hard-expiry, narrowing, operator or routine.") var lane: Lane
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      let isMoved = try await session.lifecycle.changeLane(
        of: identity.id, to: lane, by: order.by, reason: order.reason)
      session.output.record([
        ("identity", identity.name), ("lane", lane.word), ("changed", isMoved ? "yes" : "no, it is there already"),
      ])
    }
  }
}

/// An identity, where its name may stand on several targets.
struct IdentityOptions: ParsableArguments {
  @Argument(help: "The identity.") var identity: String
  @Option(help: "Needed when the name exists on several targets.") var target: String?

  func identity(_ session: Session) async throws -> NonHumanIdentity {
    try await session.governance.identity(identity, on: target, in: session.client)
  }
}

/// Who gives an order to the queue, and why. Both are recorded with what it did.
struct OperatorOptions: ParsableArguments {
  @Option(help: "Who does it; an active person.") var by: String
  @Option(help: "Why, 1 to 500 characters; recorded.") var reason: String
}

extension Lane: ExpressibleByArgument {
  package init?(argument: String) {
    guard let lane = Lane.allCases.first(where: { $0.word == argument }) else { return nil }
    self = lane
  }

  package static var allValueStrings: [String] { Lane.allCases.map(\.word) }
}
