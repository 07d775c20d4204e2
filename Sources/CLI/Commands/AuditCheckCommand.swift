import ArgumentParser
import Daemon
import Evidence
import Foundation
import MerkleLog

extension AuditCommand {
  struct Check: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Compare every leaf with its sealed hash, and those with what was published; names the first that differs.")
    @Option(help: "Where the log was published: a folder or s3://bucket/prefix. Default: the configured place.")
    var published: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let reader = LogReader(client: session.client)
      guard let head = try await reader.head() else {
        throw EvidenceError(code: .damaged, message: "there is no log yet")
      }
      let store = try EvidenceService.store(published ?? session.composition.evidence.store)
      let finding = try await LogCheck(reader: reader, store: store, key: try NoteKey(vkey: head.vkey)).run()
      session.output.record([
        ("leaves", "\(head.size)"), ("result", finding == nil ? "sound" : "damaged"),
        ("first_bad_leaf", finding?.index.map { "\($0)" }), ("problem", finding?.text), ("remedy", finding?.remedy),
      ])
      if finding != nil { throw ExitCode(1) }
    }
  }
}
