import Foundation
import Governance
import Jobs
import Postgres
import Targets

/// The only writer of saga rows. Every write is a step of the group-commit writer, guarded by the job's lease and by the
/// saga's state and fence.
struct RotationStore: Sendable {
  let client: PostgresClient
  let writer: StepWriter
  let governance: GovernanceStore

  /// The saga to work on: a revocation before anything else. Nil when nothing is open.
  func load(_ subject: SubjectID) async throws -> Saga? {
    guard let row = try await client.queryFirst(FindOpenSaga(subject: subject)) else { return nil }
    return try await complete(row)
  }

  private func complete(_ row: FindOpenSaga.Row) async throws -> Saga {
    guard let state = RotationState(rawValue: row.state), let action = GovernedAction(rawValue: row.action) else {
      throw LifecycleError(code: .unreadableRow, message: "rotation \(row.id) holds a word this version does not know")
    }
    let versions = try await client.query(FindVersions(credential: CredentialID(row.credential)))
    return Saga(
      id: RotationID(row.id), credential: CredentialID(row.credential), action: action, state: state,
      authorization: AuthorizationID(row.authorization), trigger: row.trigger,
      resumeState: row.resumeState.flatMap(RotationState.init(rawValue:)), candidates: row.candidates,
      waitUntil: row.waitUntil, enteredAt: row.enteredAt,
      identity: try await governance.identity(IdentityID(row.identity), in: client), dueAnchor: row.dueAnchor,
      hardExpiresAt: row.hardExpiresAt, versions: versions, newVersion: row.newVersion, oldVersion: row.oldVersion,
      now: row.now)
  }

  /// Adds the move of the saga to `step`. The whole step fails when the saga is not where we think it is.
  func add(
    _ saga: Saga, entering state: RotationState, reason: String? = nil, to step: inout Step
  ) {
    step.add(
      MoveSaga(
        rotation: saga.id, from: saga.state, to: state, reason: reason, fence: step.lease.fence,
        newVersion: saga.newVersion, oldVersion: saga.oldVersion, candidates: saga.candidates,
        resumeState: saga.resumeState, waitUntil: saga.waitUntil))
  }

  func addProof(
    _ kind: ProofKind, _ result: ProofResult, of saga: Saga, version: Int32?, detail: [String: String] = [:],
    to step: inout Step
  ) {
    step.add(
      InsertProof(
        rotation: saga.id, credential: saga.credential, version: version, kind: kind, result: result, detail: detail,
        fence: step.lease.fence))
  }
}

/// What was observed on the target.
package enum ProofKind: String, Sendable, CaseIterable {
  case negativeControl = "negative_control"
  case login
  case identity
  case rights
  case sessionsEnded = "sessions_ended"
  case oldRefused = "old_refused"
  case residue
}

package enum ProofResult: String, Sendable {
  case passed
  case failed
  case cannotTell = "cannot_tell"
}
