import Foundation
package import Governance
package import Logging
package import Postgres
import Synchronization

/// Why a process only observes.
package enum IncarnationDoubt: String, Sendable, Equatable, CaseIterable {
  /// The database is a copy, or was restored from a dump: it is not where its life began.
  case otherPlace = "other_place"
  /// It was set back: this host has seen a later mark.
  case older
  /// This host knows another one.
  case other
  /// This host knows none, and the database has lived before.
  case unknownHere = "unknown_here"
  /// The file or the database could not be read.
  case unreadable

  package var explanation: String {
    switch self {
    case .otherPlace: "the database is a copy, or was restored from a dump: it began its life elsewhere"
    case .older: "the database is older than this host has seen it: it was restored from a backup, or lost commits"
    case .other: "this host knows another database than this one"
    case .unknownHere: "this host has no incarnation file, and the database has lived before"
    case .unreadable: "the incarnation file or the database could not be read"
    }
  }
}

/// The database as it is now.
struct IncarnationState: Sendable, Equatable {
  struct Life: Sendable, Equatable {
    let id: UUID
    let mark: Int64
    let place: String
  }

  /// Nil: nobody has begun one.
  let life: Life?
  /// Where the database really is.
  let place: String
  /// The life that the file names ended here, by a person's word.
  let hasEndedOutside: Bool
}

/// What outside and inside say together. Pure.
enum IncarnationDecision: Equatable {
  /// The first life of this database may begin.
  case begin
  case hold
  case observe(IncarnationDoubt)

  init(outside: IncarnationFile.Record?, inside: IncarnationState) {
    guard let life = inside.life else {
      self = outside == nil ? .begin : .observe(.other)
      return
    }
    if life.place != inside.place {
      self = .observe(.otherPlace)
    } else if let outside {
      if outside.incarnation != life.id {
        self = .observe(.other)
      } else {
        self = outside.mark > life.mark ? .observe(.older) : .hold
      }
    } else {
      self = .observe(.unknownHere)
    }
  }

  /// Whether a person's confirmation ends the old life and begins another one, or only makes this host know the one that
  /// lives here.
  static func confirmationBeginsAnew(outside: IncarnationFile.Record?, inside: IncarnationState) -> Bool {
    guard let life = inside.life, life.place == inside.place else { return true }
    guard let outside else { return false }
    if outside.incarnation == life.id { return outside.mark > life.mark }
    // A life that ended here is behind this database; one it has never heard of may be ahead of it.
    return !inside.hasEndedOutside
  }
}

/// Knows for one process whether the database is the one that this host has worked on. Nothing is granted on its word
/// alone: the permit compares the claim with the database in its own transaction.
package final class IncarnationKeeper: Sendable {
  private struct State {
    var claim: IncarnationClaim?
    var doubt: IncarnationDoubt?
    var isDecided = false
    var hasWarned = false
    var cannotWrite = false
    var firstLook: Task<Void, Never>?
  }

  /// How often the mark is raised: what a restored database has lost of the last so many seconds is not noticed.
  package static let period = Duration.seconds(2)

  private let client: PostgresClient
  private let file: IncarnationFile
  private let logger: Logger
  private let state = Mutex(State())

  package init(client: PostgresClient, path: String, logger: Logger) {
    self.client = client
    file = IncarnationFile(path: path)
    self.logger = logger
  }

  /// What permits are asked with; nil: this process observes. Reads file and database the first time.
  package func claim() async -> IncarnationClaim? {
    // A thousand sagas that begin at once share the first look; each of its own would wait for the mark's row.
    let look = state.withLock { state -> Task<Void, Never>? in
      guard !state.isDecided else { return nil }
      let look = state.firstLook ?? Task { await self.refresh() }
      state.firstLook = look
      return look
    }
    await look?.value
    return state.withLock { $0.claim }
  }

  /// Why not; nil while everything is allowed.
  package func doubt() async -> IncarnationDoubt? {
    _ = await claim()
    return state.withLock { $0.doubt }
  }

  /// Raises the mark and looks again, until cancelled.
  package func run() async {
    while !Task.isCancelled {
      await refresh()
      do { try await Task.sleep(for: Self.period) } catch { return }
    }
  }

  /// Looks at both sides, begins the first life, raises the mark.
  package func refresh() async {
    do {
      settle(try await look())
    } catch {
      if Task.isCancelled { return }
      let isKnown = state.withLock { $0.isDecided }
      logger.warning("incarnation not read", metadata: ["error": "\(error)"])
      // A database that does not answer grants nothing anyway; what was known stays known.
      if !isKnown { settle(.failure(.unreadable)) }
    }
  }

  private enum Standing {
    case success(IncarnationClaim)
    case failure(IncarnationDoubt)
  }

  private func look() async throws -> Standing {
    let outside = try file.read()
    let inside = try await read(outside)
    switch IncarnationDecision(outside: outside, inside: inside) {
    case .begin:
      let id = UUID()
      guard try await client.execute(BeginFirstIncarnation(id: id)) == 1 else { return .failure(.unknownHere) }
      let claim = IncarnationClaim(id: id, mark: 1)
      try remember(claim, mustSucceed: true)
      return .success(claim)
    case .observe(let doubt):
      return .failure(doubt)
    case .hold:
      // `hold` has an outside record with the id of the life inside.
      guard let outside,
        let mark = try await client.queryFirst(RaiseMark(id: outside.incarnation, known: outside.mark))
      else { return .failure(.other) }
      let claim = IncarnationClaim(id: outside.incarnation, mark: mark)
      try remember(claim, mustSucceed: false)
      return .success(claim)
    }
  }

  private func read(_ outside: IncarnationFile.Record?) async throws -> IncarnationState {
    guard let inside = try await client.queryFirst(FindIncarnation(outside: outside?.incarnation)) else {
      throw LifecycleError(code: .unreadableRow, message: "the database does not say where it is")
    }
    return inside
  }

  /// A file that cannot be written keeps its mark, and what this process has seen counts while it lives.
  private func remember(_ claim: IncarnationClaim, mustSucceed: Bool) throws {
    do {
      try file.write(.init(incarnation: claim.id, mark: claim.mark))
    } catch {
      if mustSucceed { throw error }
      let isFirst = state.withLock { state in
        defer { state.cannotWrite = true }
        return !state.cannotWrite
      }
      if isFirst {
        logger.warning(
          "the incarnation file keeps an old mark: after a restore only this process would notice",
          metadata: ["error": "\(error)"])
      }
    }
  }

  private func settle(_ standing: Standing) {
    let doubt = state.withLock { state -> IncarnationDoubt? in
      state.isDecided = true
      switch standing {
      case .success(let claim):
        // Not below what this process has seen, when the file could not be written.
        let mark = state.claim?.id == claim.id ? max(claim.mark, state.claim?.mark ?? 0) : claim.mark
        state.claim = IncarnationClaim(id: claim.id, mark: mark)
        state.doubt = nil
        state.hasWarned = false
        return nil
      case .failure(let doubt):
        state.claim = nil
        state.doubt = doubt
        defer { state.hasWarned = true }
        return state.hasWarned ? nil : doubt
      }
    }
    if let doubt {
      logger.warning(
        "observe-only: nothing is changed on any target until `keyturn incarnation confirm`",
        metadata: ["incarnation.doubt": "\(doubt.rawValue)", "explanation": "\(doubt.explanation)"])
    }
  }

  // MARK: By a person

  /// What both sides say now, for people. Changes nothing.
  package func report() async throws -> IncarnationReport {
    let outside = try file.read()
    let inside = try await read(outside)
    let decision = IncarnationDecision(outside: outside, inside: inside)
    var doubt: IncarnationDoubt?
    if case .observe(let found) = decision { doubt = found }
    return IncarnationReport(
      path: file.path, outside: outside.map { IncarnationClaim(id: $0.incarnation, mark: $0.mark) },
      inside: inside.life.map { IncarnationClaim(id: $0.id, mark: $0.mark) }, doubt: doubt)
  }

  /// This database is the one to work on: said by an active person, with a reason, and recorded. Where it was restored or
  /// copied, another life begins; where only this host did not know it, the host learns it. Durable on return, in the
  /// database and in the file; safe to repeat.
  package func confirm(by actor: String, reason: String, host: String, governance: GovernanceStore) async throws
    -> IncarnationConfirmation
  {
    // An unreadable file knows nothing.
    let outside = (try? file.read()) ?? nil
    let (claim, isNew) = try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      try await transaction.query(LockIncarnations())
      guard let inside = try await transaction.queryFirst(FindIncarnation(outside: outside?.incarnation)) else {
        throw LifecycleError(code: .unreadableRow, message: "the database does not say where it is")
      }
      let isNew = IncarnationDecision.confirmationBeginsAnew(outside: outside, inside: inside)
      var claim = inside.life.map { IncarnationClaim(id: $0.id, mark: $0.mark) }
      if isNew {
        let id = UUID()
        try await transaction.execute(EndIncarnation())
        try await transaction.execute(BeginIncarnation(id: id, by: who.person.id, reason: who.reason))
        claim = IncarnationClaim(id: id, mark: 1)
      }
      guard let claim else { throw LifecycleError(code: .unreadableRow, message: "no incarnation began") }
      try await transaction.execute(
        RecordAdoption(incarnation: claim.id, host: host, by: who.person.id, reason: who.reason))
      return (claim, isNew)
    }
    try file.write(.init(incarnation: claim.id, mark: claim.mark))
    await refresh()
    return IncarnationConfirmation(claim: claim, beganAnew: isNew)
  }
}

package struct IncarnationReport: Sendable {
  package let path: String
  package let outside: IncarnationClaim?
  package let inside: IncarnationClaim?
  /// Nil: everything is allowed, or nothing has begun.
  package let doubt: IncarnationDoubt?
}

package struct IncarnationConfirmation: Sendable {
  package let claim: IncarnationClaim
  /// False: the life that is there was only made known to this host.
  package let beganAnew: Bool
}
