import Foundation
package import Governance

/// What a person signs to end a revocation that cannot be proven: who waives what, why, and exactly what is known to be left.
/// Pure. As canonical JSON it is what the digest is of; nothing in it changes when the same failure is met once more.
package struct WaiverStatement: Sendable, Codable, Equatable {
  /// The newest of its kind and version that told something.
  package struct Proof: Sendable, Codable, Equatable {
    package let kind: String
    package let result: String
    package let version: Int32?
    /// Such as how much is left, and what first.
    package let detail: [String: String]

    package init(kind: String, result: String, version: Int32?, detail: [String: String]) {
      self.kind = kind
      self.result = result
      self.version = version
      self.detail = detail
    }
  }

  /// The newest outcome of each verb.
  package struct Effect: Sendable, Codable, Equatable {
    package let verb: String
    package let outcome: String
    package let code: String?

    package init(verb: String, outcome: String, code: String?) {
      self.verb = verb
      self.outcome = outcome
      self.code = code
    }
  }

  package let action: String
  package let by: String
  package let credential: String
  package let effects: [Effect]
  package let identity: String
  package let proofs: [Proof]
  package let reason: String
  package let revocation: String
  /// Where it stands.
  package let state: String
  package let target: String
  package let ticket: String
  /// Why it does not go on.
  package let why: String

  init(
    _ saga: QuarantinedSaga, _ facts: WaiverFacts, why: String, credential: CredentialID, by: String, ticket: String,
    reason: String
  ) {
    action = "waive the proof of a revocation"
    self.by = by
    self.credential = "\(credential)"
    effects = facts.effects
    identity = facts.identity
    proofs = facts.proofs
    self.reason = reason
    revocation = "\(saga.id)"
    state = (saga.state == .quarantined ? saga.resumeState ?? .claimed : saga.state).rawValue
    target = facts.target
    self.ticket = ticket
    self.why = why
  }

  /// The bytes that are stored, hashed and shown.
  package func canonicalBytes() throws -> [UInt8] { try SortedJSON.bytes(self) }
}

/// What the database knows of a revocation that somebody may waive.
struct WaiverFacts: Sendable {
  let identity: String
  let target: String
  let environment: String
  /// Of the request, and who it was for.
  let requesters: Set<UUID>
  let quarantineReason: String?
  /// Of its job, in a row; nil when there is no job.
  let failures: Int32?
  let lastError: String?
  let proofs: [WaiverStatement.Proof]
  let effects: [WaiverStatement.Effect]
}

/// Whether a revocation is stuck. Pure.
enum WaiverRule {
  /// As many in a row; fewer are bad weather.
  static let failures: Int32 = 5

  /// Why it does not go on. Nil: it is under way, and must be left to prove itself.
  static func stuck(_ saga: QuarantinedSaga, _ facts: WaiverFacts) -> String? {
    if saga.state == .quarantined { return "quarantined: \(facts.quarantineReason ?? "no reason was kept")" }
    guard let failed = facts.failures, failed >= failures, let error = facts.lastError else { return nil }
    return "fails again and again: \(error)"
  }
}

/// What would be signed.
package struct WaiverOffer: Sendable {
  package let statement: WaiverStatement
  /// Canonical.
  package let text: String
  package let digest: RequestDigest

  init(_ statement: WaiverStatement) throws {
    self.statement = statement
    let bytes = try statement.canonicalBytes()
    text = String(decoding: bytes, as: UTF8.self)
    digest = RequestDigest(of: bytes)
  }
}
