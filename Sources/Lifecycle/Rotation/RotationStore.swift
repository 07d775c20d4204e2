import Foundation
import Governance
import Jobs
import Postgres
import Targets

/// The only reader and writer of saga rows. Every write is a step of the group-commit writer, guarded by the job's lease and
/// by the saga's state and fence.
struct RotationStore: Sendable {
  let client: PostgresClient
  let writer: StepWriter
  let governance: GovernanceStore
  private let reader: SagaReader

  init(client: PostgresClient, writer: StepWriter, governance: GovernanceStore) {
    self.client = client
    self.writer = writer
    self.governance = governance
    reader = SagaReader(client: client)
  }

  /// The saga to work on: a revocation before anything else. Nil when nothing is open.
  func load(_ subject: SubjectID) async throws -> Saga? { try await reader.saga(of: subject) }

  /// Makes durable what the run has done so far. Forgets it first: what failed to be written is not tried again.
  func commit(_ run: inout SagaRun, of saga: Saga) async throws(JobsError) {
    guard !run.changes.isEmpty else { return }
    var step = run.changes.step(of: saga, lease: run.lease)
    step.addFirst(batched: RecordStep(run.changes, of: saga, lease: run.lease))
    run.changes = SagaChanges()
    try await writer.commit(step)
  }

  func addProof(
    _ kind: ProofKind, _ result: ProofResult, of saga: Saga, version: Int32?, detail: [String: String] = [:],
    to run: inout SagaRun
  ) {
    run.changes.add(
      InsertProofs.Proof(version: version, kind: kind, result: result, detail: detail, observedAt: saga.now))
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
