package import Foundation
package import MerkleLog
package import Postgres

/// Records what happened. Most is recorded by the database's own triggers, in the transaction that changes the row; sagas add
/// their steps to their commits; the rest comes through here.
package struct EvidenceLog: Sendable {
  package init() {}

  /// A value that a leaf must not carry: the leaf gets a commitment, the value an erasable row.
  package struct Hidden: Sendable {
    package let field: String
    package let value: String
    /// Whom it is about.
    package let person: UUID?

    package init(field: String, value: String, person: UUID? = nil) {
      self.field = field
      self.value = value
      self.person = person
    }
  }

  /// Durable with the caller's transaction, which holds the case's lock until its end. Returns the leaf's place in its case.
  ///
  /// - Parameter actor: a person's id, whose pseudonym is recorded; nil: the database role.
  @discardableResult
  package func record(
    _ type: EventType, of caseID: UUID, by actor: UUID?, detail: CanonicalJSON,
    subject: CanonicalJSON = .object([:]), hiding hidden: [Hidden] = [], in transaction: Transaction
  ) async throws -> Int32 {
    let statement = RecordEvent(
      caseID: caseID, type: type, actor: actor, detail: detail, subject: subject, hidden: hidden)
    guard let place = try await transaction.queryFirst(statement) else {
      throw EvidenceError(code: .damaged, message: "the database recorded nothing")
    }
    return place
  }

  /// The case that tells which logs this one follows.
  package static let beginningsCase = UUID(uuidString: "00000000-0000-4000-8000-0000000000E5")!

  /// Begins a new log after one that cannot be continued, because the database was set back behind what was published and no
  /// newer copy is left. What is sealed here stays, at the same indexes; the next leaf names the former log with its last
  /// checkpoint. Durable with the caller's transaction; the log's sealer then has `key`.
  ///
  /// - Parameter lastNote: the newest checkpoint of the former log that is known anywhere. Refused unless the former log's key
  ///   signed it, and unless it names at least as many leaves as the database has of it.
  package func beginAnew(
    with key: NoteKey, after head: LogHead, lastNote: String, by actor: UUID, reason: String,
    in transaction: Transaction
  ) async throws {
    let last = try KnownCheckpoint(lastNote, key: try NoteKey(vkey: head.vkey))
    guard last.size >= head.size else {
      throw EvidenceError(
        code: .invalidField,
        message:
          "the database has \(head.size) leaves of the former log, the checkpoint names only \(last.size): give the newest"
      )
    }
    guard key.name != head.origin, key.vkey != head.vkey else {
      throw EvidenceError(
        code: .invalidField, message: "a new log needs another name than \(head.origin), and a new key")
    }
    _ = try await transaction.queryFirst(
      BeginLogAnew(
        origin: key.name, vkey: key.vkey, last: last, lastNote: lastNote, actor: actor,
        reason: try Self.valid(reason)))
  }

  // MARK: Personal data

  /// Keeps what is there from being erased and pruned until it is lifted. Nil when there is such a hold already.
  package func placeHold(
    _ subject: HoldSubject, by actor: UUID, reason: String, in transaction: Transaction
  ) async throws -> UUID? {
    try await transaction.queryFirst(
      PlaceHold(caseID: subject.caseID, person: subject.person, actor: actor, reason: try Self.valid(reason))) ?? nil
  }

  /// Nil when there is none.
  package func liftHold(
    _ subject: HoldSubject, by actor: UUID, reason: String, in transaction: Transaction
  ) async throws -> UUID? {
    try await transaction.queryFirst(
      LiftHold(caseID: subject.caseID, person: subject.person, actor: actor, reason: try Self.valid(reason))) ?? nil
  }

  /// Forgets whom pseudonyms stand for and what commitments about the person hide; the leaves stay whole. What is on hold
  /// stays, and is counted.
  package func erase(
    person: UUID, by actor: UUID, reason: String, in transaction: Transaction
  ) async throws -> (erased: Int, held: Int) {
    try await transaction.queryFirst(ErasePerson(person: person, actor: actor, reason: try Self.valid(reason))) ?? (
      0, 0
    )
  }

  /// Deletes the leaves of whole tiles that are over; their hashes stay. Returns the numbers of the tiles of level 0.
  package func prune(atMost tiles: Int32, in transaction: Transaction) async throws -> [Int64] {
    try await transaction.queryFirst(PruneTiles(most: tiles)) ?? []
  }

  static func valid(_ reason: String) throws(EvidenceError) -> String {
    let trimmed = reason.trimmingCharacters(in: .whitespacesAndNewlines)
    guard (1...500).contains(trimmed.count) else {
      throw EvidenceError(code: .invalidField, message: "reason: 1 to 500 characters are needed; add --reason")
    }
    return trimmed
  }
}

package enum HoldSubject: Sendable, Equatable {
  case onCase(UUID)
  case onPerson(UUID)

  var caseID: UUID? { if case .onCase(let id) = self { id } else { nil } }
  var person: UUID? { if case .onPerson(let id) = self { id } else { nil } }
}
