import ArgumentParser
import Daemon
import Evidence
import Foundation
import Governance
import MerkleLog

extension AuditCommand {
  struct NewLog: StoreCommand {
    static let configuration = CommandConfiguration(
      commandName: "new-log",
      abstract: "Begin a new log after one that cannot be continued, and name the old one's last checkpoint in it.",
      discussion: """
        For a database that was set back behind what was published (`keyturn audit status` says so) when no newer copy is \
        left. Restore a newer copy instead if there is one: the log then goes on by itself. Leaves of the old log that the \
        database lost stay provable to whoever holds them; the first new leaf names the old log, its key and its last \
        checkpoint. The new log has a key of its own; the old key's file is kept beside it. Workers publish it to another place: \
        set KEYTURN_EVIDENCE_STORE for them and restart them.
        """)
    @Option(help: "The new log's name, such as evidence.example/production-2.") var name: String
    @Option(help: "Where the old log was published: a folder or s3://bucket/prefix. Default: the configured place.")
    var former: String?
    @Option(help: "Who decides it.") var by: String
    @Option(help: "Why; kept as an erasable value.") var reason: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let evidence = session.composition.evidence
      guard let head = try await LogReader(client: session.client).head() else {
        throw EvidenceError(code: .damaged, message: "there is no log yet; nothing has to be begun anew")
      }
      let store = try EvidenceService.store(former ?? evidence.store)
      guard let note = try await store.newestCheckpoint() else {
        throw EvidenceError(
          code: .store, message: "\(store) has no checkpoint; name the place of the old log with --former")
      }
      let files = KeyFiles(path: evidence.keyFile)
      let signer = try SigningKeyFile(path: files.next).create(name: name)
      do {
        try await session.client.withTransaction { transaction in
          let who = try await session.governance.activeOperator(by, reason: reason, in: transaction)
          try await EvidenceLog().beginAnew(
            with: signer.key, after: head, lastNote: note, by: who.person.id.rawValue, reason: who.reason,
            in: transaction)
        }
      } catch {
        unlink(files.next)
        throw error
      }
      let kept = try files.exchange(former: try NoteKey(vkey: head.vkey))
      session.output.record([
        ("log", signer.key.name), ("key", signer.key.vkey), ("key_file", evidence.keyFile), ("former_key_file", kept),
        ("former_log", head.origin), ("kept_leaves", "\(head.size)"),
      ])
      session.output.say(
        "Give auditors the new key. Set KEYTURN_EVIDENCE_STORE to a new place and restart the workers.")
    }
  }
}

/// The signing key's file while it is exchanged: the new key is durable before the database knows it, and the old one is kept.
private struct KeyFiles {
  let path: String

  var next: String { path + ".next" }

  /// Returns where the former key is now; nil when this host had none.
  func exchange(former: NoteKey) throws -> String? {
    let kept = path + "." + Hex.encode(former.keyID)
    let hadOne = access(path, F_OK) == 0
    guard !hadOne || rename(path, kept) == 0, rename(next, path) == 0 else {
      throw EvidenceError(
        code: .key, message: "the new log has begun; its key is in \(next): move it to \(path) by hand (\(errno))")
    }
    return hadOne ? kept : nil
  }
}
