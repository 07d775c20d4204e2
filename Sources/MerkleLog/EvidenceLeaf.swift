package import Foundation

/// What a leaf says: one canonical JSON object, whose exact bytes are hashed.
///
///     actor  who: a pseudonym, or keyturn, engine, owner, other for what no known person did
///     at     when, by the database's clock: microseconds since 1970, never less than in the case's leaf before
///     case   what it belongs to: a request, a rotation, a target, an identity, …
///     cs     the place in the case, from 1 without a gap
///     d      what happened, by type
///     eid    the event's own id
///     job    the subject of the job that did it
///     pd     commitments to values that are not here, by field
///     prev   the hash of the case's leaf before, base64; empty for the first
///     sub    what it is about: identity, target
///     t      the type
///     v      1
///     w      the worker
package struct EvidenceLeaf: Sendable, Equatable {
  package static let version: Int64 = 1
  /// Bytes.
  package static let maximumSize = 16_384

  package let type: EventType
  package let event: UUID
  /// Microseconds since 1970.
  package let at: Int64
  package let caseID: UUID
  package let sequence: Int64
  /// Nil for the first of the case.
  package let previous: NodeHash?
  package let actor: String
  package let detail: [String: CanonicalJSON]
  package let subject: [String: CanonicalJSON]
  package let commitments: [String: String]
  package let job: UUID?
  package let worker: UUID?

  /// Throws the first thing that is wrong.
  package init(bytes: [UInt8]) throws {
    guard bytes.count <= Self.maximumSize else {
      throw FormatError("a leaf has \(bytes.count) bytes; at most \(Self.maximumSize) are allowed")
    }
    guard case .object(let fields) = try CanonicalJSON(canonical: bytes) else {
      throw FormatError("a leaf is not an object")
    }
    func text(_ key: String) throws -> String {
      guard let value = fields[key]?.string else { throw FormatError("a leaf has no text \(key)") }
      return value
    }
    func number(_ key: String) throws -> Int64 {
      guard let value = fields[key]?.integer else { throw FormatError("a leaf has no number \(key)") }
      return value
    }
    func id(_ key: String) throws -> UUID {
      guard let value = UUID(leafText: try text(key)) else { throw FormatError("a leaf's \(key) is not an id") }
      return value
    }
    guard try number("v") == Self.version else { throw FormatError("a leaf is of a version that is not known here") }
    guard let type = EventType(rawValue: try text("t")) else { throw FormatError("a leaf is of no known type") }
    self.type = type
    event = try id("eid")
    at = try number("at")
    caseID = try id("case")
    sequence = try number("cs")
    let before = try text("prev")
    previous = before.isEmpty ? nil : NodeHash(base64: before)
    guard before.isEmpty == (previous == nil), (sequence == 1) == before.isEmpty, sequence >= 1 else {
      throw FormatError("a leaf's cs and prev do not belong together")
    }
    actor = try text("actor")
    guard let detail = fields["d"]?.object else { throw FormatError("a leaf has no object d") }
    self.detail = detail
    subject = fields["sub"]?.object ?? [:]
    commitments = try (fields["pd"]?.object ?? [:]).mapValues {
      guard let text = $0.string, Hex.decode(text)?.count == 32 else { throw FormatError("a commitment is not a hash") }
      return text
    }
    job = fields["job"] == nil ? nil : try id("job")
    worker = fields["w"] == nil ? nil : try id("w")
    let known: Set<String> = ["actor", "at", "case", "cs", "d", "eid", "job", "pd", "prev", "sub", "t", "v", "w"]
    guard fields.keys.allSatisfy(known.contains) else { throw FormatError("a leaf has a field that is not known here") }
  }
}

extension UUID {
  /// Lower case, as leaves write it.
  package init?(leafText text: String) {
    guard let id = UUID(uuidString: text), id.uuidString.lowercased() == text else { return nil }
    self = id
  }

  package var leafText: String { uuidString.lowercased() }
}

/// What leaves are about: a closed list. The database's own functions write most of them.
package enum EventType: String, Sendable, CaseIterable {
  // Governance
  case requestSubmitted = "request.submitted"
  case approvalDecided = "approval.decided"
  case authorizationGranted = "authorization.granted"
  case authorizationVoided = "authorization.voided"
  case ticketRead = "ticket.read"
  case personAdded = "person.added"
  case personChanged = "person.changed"
  case identityAdded = "identity.added"
  case identityChanged = "identity.changed"
  case targetAdded = "target.added"
  case targetChanged = "target.changed"
  case policyAdded = "policy.added"
  case policyChanged = "policy.changed"
  /// An answer of the decision function, with its reasons and the digest of what it saw.
  case decisionMade = "decision.made"
  /// Another record: its table, what was done, ids and words of closed lists.
  case recordChanged = "record.changed"

  // Lifecycle
  case rotationOpened = "rotation.opened"
  /// What one commit of a saga made durable: moves, permit and intent, outcomes, proofs.
  case rotationStep = "rotation.step"
  case rotationCancelled = "rotation.cancelled"
  /// A look at a target beside rotations.
  case proofObserved = "proof.observed"

  // People at the controls
  case operatorAction = "operator.action"

  // The log itself
  case evidenceExported = "evidence.exported"
  case sampleDrawn = "sample.drawn"
  case populationFixed = "population.fixed"
  case dataErased = "data.erased"
  case holdPlaced = "hold.placed"
  case holdLifted = "hold.lifted"
  case tilesPruned = "tiles.pruned"
  /// This log follows another, which could not be continued.
  case logBegun = "log.begun"
  /// Rows of the log were put back as they were published.
  case logRepaired = "log.repaired"
}
