import Foundation
import Governance
import Jobs
import Postgres
import Targets

/// The only reader and writer of saga rows. Every write is a step of the group-commit writer, guarded by the job's lease and
/// by the saga's state and fence.
struct RotationStore: SagaStore {
  let client: PostgresClient
  let writer: StepWriter
  let governance: GovernanceStore
  let incarnation: IncarnationKeeper
  private let gate: any PermitGate
  private let reader: SagaReader

  init(
    client: PostgresClient, writer: StepWriter, governance: GovernanceStore, incarnation: IncarnationKeeper,
    gate: any PermitGate = AuthorityGate()
  ) {
    self.incarnation = incarnation
    self.gate = gate
    self.client = client
    self.writer = writer
    self.governance = governance
    reader = SagaReader(client: client)
  }

  func load(_ subject: SubjectID) async throws -> Saga? { try await reader.saga(of: subject) }

  func commit(_ step: SagaStep) async throws(JobsError) {
    try await writer.commit(step.queued(await incarnation.claim(), gate: gate))
  }

  func overlap(of saga: Saga) async throws -> FindOverlap.Row? {
    try await client.queryFirst(
      FindOverlap(rotation: saga.id, credential: saga.credential, version: saga.newVersion ?? 0))
  }

  func target(_ id: TargetID) async throws -> TargetRecord { try await governance.target(id, in: client) }

  func reasons(
    against authorization: AuthorizationID, for action: GovernedAction, of subject: SubjectID, need: EvidenceNeed
  ) async throws -> [ReasonCode] {
    let reasons =
      try await client.queryFirst(ExplainPermit(authorization: authorization, action: action))
      ?? [.authorizationUnknown]
    let held = try await client.queryFirst(
      ExplainHold(subject: subject, incarnation: await incarnation.claim(), need: need))
    return reasons + (held ?? [])
  }

  func tellMismatch(_ what: String, of saga: Saga) async throws {
    try await client.withTransaction {
      try await governance.signal(.attemptMismatched, about: [saga.identity.id], observed: what, in: $0)
    }
  }

  func loginTries(of credential: CredentialID) async throws -> [String: LoginTries] {
    let rows = try await client.query(FindLoginTries(credential: credential))
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.login, $0.tries) })
  }

  func newestOpenIntent(of rotation: RotationID) async throws -> Date? {
    try await client.queryFirst(FindNewestOpenIntent(rotation: rotation)) ?? nil
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
  /// Rollback: what was removed does not work.
  case candidateRefused = "candidate_refused"
  /// Rollback: what was there before works.
  case oldAccepted = "old_accepted"
  /// Minted: the keys that the target holds.
  case inventory
}

package enum ProofResult: String, Sendable {
  case passed
  case failed
  case cannotTell = "cannot_tell"
}
