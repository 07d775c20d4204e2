package import Foundation
package import Governance
package import Jobs

/// What a runner reads and writes. There are two: `RotationStore` on the database, and one in memory for schedules, which has
/// the same guards.
protocol SagaStore: Sendable {
  /// The saga to work on: a revocation before anything else. Nil when nothing is open.
  func load(_ subject: SubjectID) async throws -> Saga?
  /// All or nothing; durable on return. Throws `.leaseLost` and `.guardFailed` with the statement's name; `.unavailable` when
  /// it may or may not have been written.
  func commit(_ step: SagaStep) async throws(JobsError)
  /// Why a permit is not granted now.
  func reasons(
    against authorization: AuthorizationID, for action: GovernedAction, of subject: SubjectID, need: EvidenceNeed
  ) async throws -> [ReasonCode]
  /// By login.
  func loginTries(of credential: CredentialID) async throws -> [String: LoginTries]
  /// What decides whether the overlap is over. Nil: the saga is gone.
  func overlap(of saga: Saga) async throws -> FindOverlap.Row?
  /// The attempt left something else on the target than was approved: older approvals count no more, and a ticket says so.
  /// Durable on return.
  func tellMismatch(_ what: String, of saga: Saga) async throws
  /// When the newest effect was intended whose outcome nobody knows.
  func newestOpenIntent(of rotation: RotationID) async throws -> Date?
}

/// What one commit of a saga holds, in order.
struct SagaStep: Sendable {
  enum Write: Sendable {
    case statement(any BatchStatement)
    /// The step fails as `guardFailed` at `GrantPermit.name` when the authorization does not hold.
    case permit(PermitRequest)
  }

  let lease: Lease
  private(set) var writes: [Write] = []

  init(_ lease: Lease) { self.lease = lease }

  mutating func add(_ statement: some BatchStatement) { writes.append(.statement(statement)) }
  mutating func add(_ statement: any BatchStatement) { writes.append(.statement(statement)) }
  /// Before all others, so that all steps of a commit share its execution.
  mutating func addFirst(_ statement: some BatchStatement) { writes.insert(.statement(statement), at: 0) }
  mutating func add(_ permit: PermitRequest) { writes.append(.permit(permit)) }

  /// For the group-commit writer.
  /// - Parameter incarnation: what this process knows of the database; nil: no permit is granted.
  /// - Parameter gate: grants or refuses permits.
  func queued(_ incarnation: IncarnationClaim?, gate: any PermitGate) -> Step {
    var step = Step(lease)
    for write in writes {
      switch write {
      case .statement(let statement): step.add(batched: statement)
      case .permit(let permit):
        gate.add(permit, to: &step, incarnation: incarnation)
      }
    }
    return step
  }
}

package struct PermitRequest: Sendable {
  package let id: UUID
  package let authorization: AuthorizationID
  package let action: GovernedAction
  package let identity: IdentityID
  package let subject: SubjectID
  package let need: EvidenceNeed
}

/// Who grants permits. The product has one, `AuthorityGate`; a benchmark that measures what the gate costs brings another.
package protocol PermitGate: Sendable {
  /// Adds to `step` what grants the permit, or makes the step fail as `guardFailed` at `GrantPermit.name`.
  func add(_ permit: PermitRequest, to step: inout Step, incarnation: IncarnationClaim?)
}

/// Permits only what its authorization allows at that moment.
package struct AuthorityGate: PermitGate {
  package init() {}

  package func add(_ permit: PermitRequest, to step: inout Step, incarnation: IncarnationClaim?) {
    Permit.add(
      to: &step, id: permit.id, authorization: permit.authorization, action: permit.action, identity: permit.identity,
      subject: permit.subject, incarnation: incarnation, need: permit.need)
  }
}

extension SagaStore {
  /// Makes durable what the run has done so far. Forgets it first: what failed to be written is not tried again.
  func commit(_ run: inout SagaRun, of saga: Saga) async throws {
    guard !run.changes.isEmpty else { return }
    var step = run.changes.step(of: saga, lease: run.lease)
    step.addFirst(RecordStep(run.changes, of: saga, lease: run.lease))
    run.changes = SagaChanges()
    try await run.reach(.beforeCommit, saga)
    try await commit(step)
    try await run.reach(.afterCommit, saga)
  }
}
