import ArgumentParser
import AuditPackage
import Evidence
import Foundation
import Governance
import MerkleLog

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Evidence: packages that verify offline, samples, reports, personal data.",
    subcommands: [
      Package.self, Verify.self, Population.self, Sample.self, Report.self, Timeline.self, Check.self, Status.self,
      Key.self, NewLog.self, Repair.self, Hold.self, Release.self, Erase.self, RetentionGroup.self, Prune.self,
    ])

  struct Package: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write one case, or all that were opened in a period, with proofs, into a file.",
      discussion: "A case is a rotation, issue or revocation (`keyturn audit timeline`), or a request.")
    @Argument(help: "Cases.", transform: parseID) var cases: [UUID] = []
    @Option(help: "Instead: cases opened from here on, 2026-01-31 or 2026-01-31T12:00:00Z.", transform: parseTime)
    var from: Date?
    @Option(help: "… and before here; default: now.", transform: parseTime) var until: Date?
    @Option(help: "Size of the checkpoint that the auditor kept.") var since: UInt64 = 0
    @Flag(help: "Leave out what commitments stand for: names, tickets, reasons.") var withoutValues = false
    @Option(name: .shortAndLong, help: "The file to write.") var output: String
    @Option(help: "Who exports.") var by: String
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard cases.isEmpty != (from == nil) else { throw ValidationError("give cases, or a period with --from") }
    }

    func run(_ session: Session) async throws {
      let reader = LogReader(client: session.client)
      var subjects = cases
      if let from { subjects = try await reader.opened(from: from, until: until ?? Date()).map(\.caseID) }
      guard !subjects.isEmpty else {
        throw EvidenceError(code: .unknownCase, message: "no case was opened in that period")
      }
      let content = try await PackageBuilder(reader: reader)
        .build(subjects, since: since, hidesValues: withoutValues)
      try await AuditCommand.write(content, to: output, by: by, purpose: from == nil ? "case" : "period", session)
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a package offline; the same as `keyturn-verify`. Uses no database.")
    @Argument(help: "The package.") var package: String
    @Option(help: "The log's verifier key, or a file with keys, the log's first; repeat for witnesses.") var key:
      [String]
    @Option(help: "A checkpoint that you kept: the log must extend it.") var since: String?
    @Option(help: "Witnesses among your keys that must have signed.") var witnesses = 0
    @Option(help: "Certificate (PEM) of the time-stamping authority that must have stamped the log.") var tsa: String?
    @Flag(help: "Print JSON.") var json = false

    mutating func run() async throws {
      let outcome = VerifyRun(
        package: package, keys: key, since: since, witnesses: witnesses, authority: tsa, json: json
      ).run()
      FileHandle.standardOutput.write(Data(outcome.text.utf8))
      if outcome.exitCode != 0 { throw ExitCode(outcome.exitCode) }
    }
  }

  struct Timeline: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "What happened in a case; without one, the newest cases.")
    @Argument(help: "The case.", transform: parseID) var id: UUID?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let reader = LogReader(client: session.client)
      guard let id else { return try await list(reader, session) }
      let leaves = try await reader.leaves(of: [id])
      guard !leaves.isEmpty else {
        throw EvidenceError(code: .unknownCase, message: "there is no evidence of case \(id.leafText)")
      }
      let timeline = CaseTimeline(try leaves.map { try EvidenceLeaf(bytes: $0.bytes) })
      let sealed = Dictionary(uniqueKeysWithValues: leaves.map { (Int64($0.sequence), $0.index) })
      session.output.table(
        ["when", "leaf", "log_index", "what"],
        timeline.lines.map {
          [HTML.time($0.at), "\($0.sequence)", (sealed[$0.sequence] ?? nil).map { "\($0)" }, $0.text]
        }, empty: "No event.")
    }

    private func list(_ reader: LogReader, _ session: Session) async throws {
      let now = Date()
      let cases = try await reader.opened(from: now.addingTimeInterval(-30 * 86_400), until: now)
        .map { ($0.caseID, try EvidenceLeaf(bytes: $0.leaf)) }.sorted { $0.1.at > $1.1.at }.prefix(100)
      session.output.table(
        ["case", "opened", "action", "trigger"],
        cases.map {
          [$0.0.leafText, HTML.time($0.1.at), $0.1.detail["action"]?.string, $0.1.detail["trigger"]?.string]
        },
        empty: "No case was opened in the last 30 days.")
    }
  }

  struct Status: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "How long the log is, and what waits to be sealed.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let reader = LogReader(client: session.client)
      let (head, waiting) = (try await reader.head(), try await reader.waiting())
      session.output.record([
        ("log", head?.origin), ("key", head?.vkey), ("leaves", head.map { "\($0.size)" }), ("root", head?.root.base64),
        ("sealed_at", Output.time(head?.sealedAt)), ("leaves_waiting", "\(waiting.leaves)"),
        ("refused", try await reader.refusal()),
        ("follows", try await reader.formerLogs().last.map { "\($0.origin), of which \($0.keptSize) leaves are here" }),
      ])
    }
  }

  struct Key: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the log's verifier key, for auditors; or make the signing key of a log that does not exist yet.")
    @Option(help: "Make a signing key under this name, such as evidence.example/production.") var create: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      if let create {
        guard try await LogReader(client: session.client).head() == nil else {
          throw EvidenceError(code: .key, message: "there is a log already; its key cannot be replaced")
        }
        let signer = try SigningKeyFile(path: session.composition.evidence.keyFile).create(name: create)
        return session.output.record([("key", signer.key.vkey), ("file", session.composition.evidence.keyFile)])
      }
      guard let head = try await LogReader(client: session.client).head() else {
        let signer = try SigningKeyFile(path: session.composition.evidence.keyFile).load()
        return session.output.record([("key", signer.key.vkey)])
      }
      session.output.record([("key", head.vkey)])
    }
  }

  /// Writes the file, then records that it was made. A file without a leaf is removed again.
  static func write(
    _ content: PackageContent, to path: String, by: String, purpose: String, _ session: Session
  ) async throws {
    let bytes = try content.encoded()
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
    else { throw EvidenceError(code: .store, message: "\(path) cannot be written") }
    do {
      try await session.client.withTransaction { transaction in
        let who = try await session.governance.activeOperator(by, reason: purpose, in: transaction)
        _ = try await EvidenceLog().record(
          .evidenceExported, of: exportsCase, by: who.person.id.rawValue,
          detail: .object([
            "cases": .integer(Int64(content.subjects.count)), "digest": .string("\(NodeHash.digest(bytes))"),
            "purpose": .string(purpose), "values": .bool(!content.openings.isEmpty),
          ]), in: transaction)
      }
    } catch {
      unlink(path)
      throw error
    }
    session.output.record([
      ("package", path), ("cases", "\(content.subjects.count)"),
      ("leaves", "\(content.cases.reduce(0) { $0 + $1.leaves.count })"),
      ("bytes", "\(bytes.count)"), ("key", content.vkey),
    ])
    session.output.say("Check it: keyturn-verify \(path) --key <the log's verifier key, from another source>")
  }

  static let exportsCase = UUID(uuidString: "00000000-0000-4000-8000-0000000000E3")!
}

func parseTime(_ text: String) throws -> Date {
  let full = text.contains("T") ? text : text + "T00:00:00Z"
  guard let date = try? Date(full, strategy: .iso8601) else {
    throw ValidationError("\"\(text.prefix(40))\" is no time; write 2026-01-31 or 2026-01-31T12:00:00Z")
  }
  return date
}
