import ArgumentParser
import Daemon
import Evidence
import Foundation
import Governance
import MerkleLog
import Postgres

extension AuditCommand {
  struct Repair: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Put damaged rows of the log back as they were published.",
      discussion: """
        For a log that `keyturn audit check` finds damaged. Everything comes from the published copy, and only if that is whole: \
        its leaves, its tiles and its checkpoint, signed by the log's key. Leaves that were not published yet are not touched. \
        It is only previewed, with a digest; --yes --expect DIGEST does it, needs a login that may act as keyturn_owner (the one \
        that runs `keyturn migrate`), and is recorded in the log. Find out first who could change the rows: nobody but a \
        superuser and the owner can.
        """)
    @Option(help: "Where the log was published: a folder or s3://bucket/prefix. Default: the configured place.")
    var published: String?
    @Flag(help: "Do it; needs --expect.") var yes = false
    @Option(help: "With --yes: the digest that the preview printed.") var expect: String?
    @Option(help: "Who decides it.") var by: String
    @Option(help: "Why; kept as an erasable value.") var reason: String
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard yes == (expect != nil) else {
        throw ValidationError("--yes and --expect go together; without both it is previewed, with the digest to expect")
      }
    }

    func run(_ session: Session) async throws {
      let store = try EvidenceService.store(published ?? session.composition.evidence.store)
      let reader = LogReader(client: session.client)
      _ = try await session.governance.activeOperator(by, reason: reason, in: session.client)
      let plan = try await LogRepair(reader: reader, store: store).plan()
      let digest = String("\(plan.digest)".prefix(12))
      if plan.isEmpty {
        session.output.record([
          ("result", "nothing to put back"), ("leaves_published", "\(plan.size)"),
          ("not_published", "\(plan.uncovered)"),
        ])
        return
      }
      var fields: [(String, String?)] = [
        ("leaves_published", "\(plan.size)"), ("not_published", "\(plan.uncovered)"),
        ("damaged_leaves", "\(plan.damaged.count)"), ("first_damaged", plan.damaged.first.map { "\($0)" }),
        ("rows_made_again", "\(plan.runs.reduce(0) { $0 + $1.leaves.count })"),
        ("tiles", "\(plan.tiles.count)"), ("false_marks_of_pruning", "\(plan.marks.count)"),
        ("head", plan.note == nil ? "kept" : "put back"), ("digest", digest),
      ]
      guard let expect else {
        session.output.record(fields)
        session.output.say("Nothing was changed. To do it: the same with --yes --expect \(digest)")
        return
      }
      guard expect.lowercased() == digest else {
        throw EvidenceError(
          code: .invalidField,
          message:
            "expect: the damage now has the digest \(digest), not \(expect.prefix(12)): look at the preview again")
      }
      try await apply(plan, session)
      let finding = try await LogCheck(
        reader: reader, store: store, key: try NoteKey(vkey: try await reader.head()?.vkey ?? "")
      ).run()
      fields.append(("result", finding == nil ? "sound" : "still damaged"))
      fields.append(("problem", finding.map { "\($0.index.map { "leaf \($0): " } ?? "")\($0.text)" }))
      session.output.record(fields)
      if finding != nil { throw ExitCode(1) }
    }

    /// On a connection of its own: as the owner, for this one transaction.
    private func apply(_ plan: LogRepair.Plan, _ session: Session) async throws {
      var configuration = session.composition.database.configuration
      configuration.role = Self.ownerRole
      configuration.pool.maximumConnections = 1
      let owner = PostgresClient(configuration, logger: global.makeLogger("keyturn"))
      do {
        try await owner.withTransaction { transaction in
          let who = try await session.governance.activeOperator(by, reason: reason, in: transaction)
          try await EvidenceLog().repair(plan, by: who.person.id.rawValue, reason: who.reason, in: transaction)
        }
        await owner.close()
      } catch {
        await owner.close()
        throw error
      }
    }

    private static let ownerRole = "keyturn_owner"
  }
}
