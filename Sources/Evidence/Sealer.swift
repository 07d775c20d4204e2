package import Logging
package import MerkleLog
package import Postgres

/// Puts what is committed at the end of the log, and signs each new head.
///
/// One at a time, in an epoch: a sealer that lost the lead can still compute, but what it computed is refused. Everything of
/// one sealing is one statement; whatever crashes, a batch is in the log once or waits.
package struct Sealer: Sendable {
  package struct Configuration: Sendable {
    /// Shown as who seals.
    package var name: String
    /// Between two looks at the outbox, when the last one did not find more than it could take.
    package var period = Duration.milliseconds(250)
    /// Batches per sealing; a batch is what one commit recorded.
    package var maximumBatches: Int64 = 64
    /// Seconds after which another may take over from one that died.
    package var lease = 10.0

    package init(name: String) { self.name = name }
  }

  private let client: PostgresClient
  private let reader: LogReader
  private let signer: NoteSigner
  private let witnesses: [any CheckpointSource]
  private let configuration: Configuration
  private let logger: Logger

  /// - Parameter known: where newer heads may be known than the database has, after a restore.
  package init(
    client: PostgresClient, signer: NoteSigner, known: [any CheckpointSource], configuration: Configuration,
    logger: Logger
  ) {
    self.client = client
    reader = LogReader(client: client)
    self.signer = signer
    witnesses = known
    self.configuration = configuration
    self.logger = logger
  }

  /// Seals until cancelled. Errors are logged and tried again; one that only a person can end is logged once a minute.
  package func run() async {
    while !Task.isCancelled {
      var pause = Duration.seconds(1)
      do {
        guard var term = try await takeLead() else {
          try await Task.sleep(for: .seconds(1))
          continue
        }
        do {
          try await seal(&term)
        } catch {
          await leave(term)
          throw error
        }
      } catch is CancellationError {
        return
      } catch let error as EvidenceError {
        logger.error("evidence is not sealed", metadata: ["error.code": "\(error.code.rawValue)", "error": "\(error)"])
        pause = .seconds(60)
      } catch {
        if Task.isCancelled { return }
        logger.warning("sealing was interrupted", metadata: ["error": "\(error)"])
      }
      do { try await Task.sleep(for: pause) } catch { return }
    }
  }

  /// What a sealer believes while it has the lead.
  package struct Term: Sendable {
    let epoch: Int64
    package fileprivate(set) var tree: TileTree
    fileprivate var kept = ContinuousClock.now
  }

  /// Takes the lead and checks the log against everything that is known outside. Nil while another seals.
  ///
  /// A log that was set back or is damaged is refused for all: until a sealer finds it whole again, or it is begun anew,
  /// permits are granted for nothing but shutting logins off.
  package func takeLead() async throws -> Term? {
    let origin = signer.key.name
    let vkey = try await client.queryFirst(BeginLog(origin: origin, vkey: signer.key.vkey)) ?? ""
    guard vkey == signer.key.vkey else {
      throw EvidenceError(
        code: .key, message: "the log's key is \(vkey); this signing key is \(signer.key.vkey): use the log's key file")
    }
    let lead = TakeLead(sealer: configuration.name, seconds: configuration.lease)
    guard let epoch = try await client.queryFirst(lead) ?? nil else { return nil }
    do {
      guard let head = try await reader.head() else {
        throw EvidenceError(code: .damaged, message: "the log has no head")
      }
      for source in witnesses { try await check(head, against: source) }
      let term = Term(epoch: epoch, tree: try await reader.tree(of: head))
      if try await reader.refusal() != nil { try await client.query(AcceptLog(epoch: epoch)) }
      return term
    } catch {
      // Everybody must know: nothing that needs evidence may happen now.
      if let error = error as? EvidenceError, [.rolledBack, .damaged].contains(error.code) {
        try await client.query(RefuseLog(epoch: epoch, error: error))
      }
      try await client.query(LeaveLead(epoch: epoch))
      throw error
    }
  }

  /// Refuses a database that is behind what was published, or that contradicts it.
  private func check(_ head: LogHead, against source: any CheckpointSource) async throws {
    guard let note = try await source.newestCheckpoint() else { return }
    let known = try KnownCheckpoint(note, key: signer.key)
    guard known.size <= head.size else {
      throw EvidenceError(
        code: .rolledBack,
        message:
          "the database has \(head.size) sealed leaves, but \(source.description) has a checkpoint of \(known.size): it was "
          + "restored from an older copy; nothing is sealed, so that no index is used twice; restore a copy that has them"
      )
    }
    guard known.size > 0 else { return }
    guard try await reader.root(at: known.size, in: head) == known.root else {
      throw EvidenceError(
        code: .rolledBack,
        message:
          "the log's first \(known.size) leaves are not those of the checkpoint in \(source.description): leaves were "
          + "changed, or another history was sealed; find the first with `keyturn audit check`")
    }
  }

  private func seal(_ term: inout Term) async throws {
    while !Task.isCancelled {
      let sealed = try await sealOnce(&term)
      if sealed < configuration.maximumBatches { try await Task.sleep(for: configuration.period) }
    }
    await leave(term)
  }

  /// Seals what waits now, at most the maximum. Returns how many batches; throws when the lead is lost.
  package func sealOnce(_ term: inout Term) async throws -> Int {
    let batches = try await client.query(FindUnsealed(limit: configuration.maximumBatches))
    guard !batches.isEmpty else {
      if ContinuousClock.now - term.kept > .seconds(configuration.lease / 3) {
        guard try await client.queryFirst(KeepLead(epoch: term.epoch, seconds: configuration.lease)) == true else {
          throw LeadLost()
        }
        term.kept = .now
      }
      return 0
    }
    let plan = SealPlan(batches, onto: term.tree)
    let checkpoint = Checkpoint(origin: signer.key.name, size: plan.tree.size, root: plan.root)
    let note = SignedNote(text: checkpoint.text, signatures: [try signer.sign(checkpoint.text)])
    let statement = SealBatches(
      epoch: term.epoch, plan: plan, note: note.description, seconds: configuration.lease)
    guard try await client.queryFirst(statement) == true else { throw LeadLost() }
    term.tree = plan.tree
    term.kept = .now
    return batches.count
  }

  /// Gives the lead up, so that another need not wait for the lease to end.
  package func leave(_ term: Term) async {
    // Not cancelled with the sealer: that is when it is needed. Owned by this call, which waits for it.
    await Task {
      do {
        try await client.query(LeaveLead(epoch: term.epoch))
      } catch {
        logger.debug("the lead runs out by itself", metadata: ["error": "\(error)"])
      }
    }.value
  }

  package struct LeadLost: Error, CustomStringConvertible {
    package var description: String { "another process seals now" }
  }
}

/// A place outside of the database that knows heads of the log.
package protocol CheckpointSource: Sendable, CustomStringConvertible {
  /// The signed note; nil when it has none yet.
  func newestCheckpoint() async throws -> String?
}

/// A checkpoint whose signature was checked.
struct KnownCheckpoint {
  let size: UInt64
  let root: NodeHash

  init(_ note: String, key: NoteKey) throws {
    do {
      let note = try SignedNote(parsing: note)
      guard try note.verified(by: [key]).contains(key) else { throw FormatError("it is not signed by the log") }
      let checkpoint = try Checkpoint(text: note.text)
      guard checkpoint.origin == key.name else { throw FormatError("it is of another log") }
      (size, root) = (checkpoint.size, checkpoint.root)
    } catch let error as FormatError {
      throw EvidenceError(code: .store, message: "a published checkpoint cannot be believed: \(error)")
    }
  }
}
