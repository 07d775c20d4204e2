import Crypto
package import Foundation
package import Governance
import Jobs
import MerkleLog
import Postgres

extension CredentialLifecycle {
  /// Credentials per transaction.
  static let bulkBatch = 500

  /// What `rotate(_:expecting:)` would do now. Changes nothing.
  package func previewRotation(_ selector: RotationSelector) async throws -> RotationPreview {
    let selected = try await client.query(FindSelectedCredentials(selector: selector))
    var reasons: [AuthorizationID: [ReasonCode]] = [:]
    let asked = selected.filter { $0.state == .active && !$0.isUnderWay }.map(\.authorization)
    for batch in asked.batches(of: 5000) {
      for row in try await client.query(ExplainPermits(authorizations: batch, action: .rotate)) {
        reasons[row.authorization] = row.reasons
      }
    }
    return RotationPreview(selected, reasons: reasons)
  }

  /// Starts rotations of all that the selector matches and that may be rotated now: active, none open, allowed by the
  /// standing authorization. Refused when the matching set is not the one whose preview had `digest`.
  ///
  /// In transactions of at most 500 credentials, each with its line in the operators' record. Safe to repeat after an
  /// interruption: what was started is under way then. Returns how many were started.
  package func rotate(
    _ selector: RotationSelector, expecting digest: String, by actor: String, ticket: String, reason: String,
    progress: (_ done: Int, _ total: Int) -> Void
  ) async throws -> Int {
    let ticket = try GovernanceStore.validTicket(ticket)
    let selected = try await client.query(FindSelectedCredentials(selector: selector)).map(\.id)
    let now = SelectionDigest(of: selected)
    guard now.matches(digest) else {
      throw LifecycleError(
        code: .refused,
        message:
          "the selector matches another set than when it was previewed (\(selected.count) credentials now, digest "
          + "\(now)); nothing was started; look at the preview again")
    }
    // Also for an empty set, so that a wrong actor or reason never passes in silence.
    _ = try await governance.activeOperator(actor, reason: reason, in: client)
    var (started, done) = (0, 0)
    for batch in selected.batches(of: Self.bulkBatch) {
      started += try await client.withTransaction { transaction in
        let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
        return try await rotate(batch, selector, by: who, ticket: ticket, in: transaction)
      }
      done += batch.count
      progress(done, selected.count)
    }
    return started
  }

  private func rotate(
    _ batch: [CredentialID], _ selector: RotationSelector, by who: Operator, ticket: String,
    in transaction: Transaction
  ) async throws -> Int {
    let locked = try await transaction.query(LockRotatableCredentials(credentials: batch))
    let answers = try await transaction.query(
      ExplainPermits(authorizations: locked.map(\.authorization), action: .rotate))
    let granting = Set(answers.filter(\.reasons.isEmpty).map(\.authorization))
    let allowed = locked.filter { granting.contains($0.authorization) }
    guard !allowed.isEmpty else { return 0 }
    let trigger = RotationTrigger.requested(by: who.person.id, ticket: ticket)
    let opened = Set(
      try await transaction.query(InsertRotations(credentials: allowed.map(\.id), trigger: trigger)))
    guard !opened.isEmpty else { return 0 }
    let orders = allowed.filter { opened.contains($0.id) }.map {
      JobQueue.Order(
        kind: LifecycleJobs.rotate, subject: $0.id.subject, group: $0.target.limitGroup, lane: trigger.lane,
        deadline: $0.hardExpiresAt, fence: $0.fence)
    }
    try await queue.enqueue(orders, in: transaction)
    try await queue.record(
      OperatorAction(
        actor: who.person.externalID, verb: .enqueue, jobs: orders.count, detail: "\(selector)",
        reason: who.reason), in: transaction)
    return orders.count
  }
}

/// A credential that a selector matches.
struct SelectedCredential: Sendable {
  let id: CredentialID
  let target: String
  let environment: String
  let state: CredentialRecord.State
  let authorization: AuthorizationID
  let hardExpiresAt: Date
  /// A saga is open.
  let isUnderWay: Bool
}

/// The blast radius of a selector. Every matching credential counts in exactly one of `starting`, `underWay`, `inactive` and
/// `refused`. Pure.
package struct RotationPreview: Sendable {
  package struct Place: Sendable {
    package let target: String
    package let environment: String
    package var matching = 0
    package var starting = 0
  }

  /// All that match.
  package private(set) var matching = 0
  package private(set) var starting = 0
  package private(set) var underWay = 0
  /// Not active, by state.
  package private(set) var inactive: [String: Int] = [:]
  package private(set) var refused = 0
  /// Why; a credential with two reasons counts for both.
  package private(set) var reasons: [ReasonCode: Int] = [:]
  /// By name.
  package private(set) var places: [Place] = []
  /// Of those that match and are not revoked.
  package private(set) var nearestExpiry: Date?
  package let digest: SelectionDigest

  /// - Parameter selected: ordered by id.
  /// - Parameter reasons: why an authorization does not allow a rotation; one that is missing is unknown.
  init(_ selected: [SelectedCredential], reasons explained: [AuthorizationID: [ReasonCode]]) {
    digest = SelectionDigest(of: selected.map(\.id))
    var places: [String: Place] = [:]
    for credential in selected {
      let isStarting = count(credential, explained[credential.authorization] ?? [.authorizationUnknown])
      places[
        credential.target, default: Place(target: credential.target, environment: credential.environment)
      ].add(isStarting)
    }
    self.places = places.values.sorted { $0.target < $1.target }
  }

  private mutating func count(_ credential: SelectedCredential, _ why: [ReasonCode]) -> Bool {
    matching += 1
    if credential.state != .revoked {
      nearestExpiry = min(nearestExpiry ?? .distantFuture, credential.hardExpiresAt)
    }
    if credential.state != .active {
      inactive[credential.state.rawValue, default: 0] += 1
    } else if credential.isUnderWay {
      underWay += 1
    } else if why.isEmpty {
      starting += 1
      return true
    } else {
      refused += 1
      for reason in why { reasons[reason, default: 0] += 1 }
    }
    return false
  }
}

extension RotationPreview.Place {
  fileprivate mutating func add(_ isStarting: Bool) {
    matching += 1
    if isStarting { starting += 1 }
  }
}

/// Names a set of credentials: the first 12 hexadecimal digits of the SHA-256 of their ids in lower case, sorted, each with a
/// line feed; `sort | sha256sum` computes the same.
package struct SelectionDigest: Sendable, Equatable, CustomStringConvertible {
  package let description: String

  package init(of credentials: [CredentialID]) {
    var hash = SHA256()
    for id in credentials.map(\.description).sorted() { hash.update(data: Data((id + "\n").utf8)) }
    description = Hex.encode(hash.finalize().prefix(6))
  }

  package func matches(_ text: String) -> Bool { text.lowercased() == description }
}

extension Array {
  /// Slices of at most `size` elements, in order.
  func batches(of size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
