import Foundation
import Governance
import Jobs
import Postgres

/// Turns due credentials into sagas, and sagas without a job into jobs. What is due is a question to the credentials, so an
/// emptied job table loses nothing.
struct DuePlanner: Sendable {
  let lifecycle: CredentialLifecycle

  /// At most this many of each per run, so that a run is short and a long outage makes no storm.
  static let batch: Int64 = 200

  func duty(period: Double) -> MaintenanceDuty {
    MaintenanceDuty(name: "plan-due", period: period) { transaction in
      let planned = try await plan(in: transaction)
      let revived = try await reviveStalled(in: transaction)
      return "planned \(planned), revived \(revived)"
    }
  }

  private func plan(in transaction: Transaction) async throws -> Int {
    let due = try await transaction.query(FindDueCredentials(limit: Self.batch))
    for row in due { try await plan(row.credential, now: row.now, in: transaction) }
    return due.count
  }

  private func plan(_ credential: CredentialRecord, now: Date, in transaction: Transaction) async throws {
    let identity = try await lifecycle.governance.identity(credential.identity, in: transaction)
    switch DueDecision(policy: identity.policy, hardExpiresAt: credential.hardExpiresAt, now: now) {
    case .rotate:
      try await lifecycle.open(
        .rotate, of: credential, trigger: .due, authorization: credential.authorization, in: transaction)
    case .revoke(let trigger):
      let authorization = try await lifecycle.governance.openPolicyRevocation(
        of: identity, cause: trigger.word, in: transaction)
      try await lifecycle.open(
        .revoke, of: credential, trigger: trigger, authorization: authorization.id, in: transaction)
    }
  }

  private func reviveStalled(in transaction: Transaction) async throws -> Int {
    let stalled = try await transaction.query(FindStalledSagas(limit: Self.batch))
    for row in stalled {
      try await lifecycle.queue.enqueue(
        JobQueue.Order(
          kind: LifecycleJobs.kind(for: row.action), subject: SubjectID(row.credential),
          group: LimitGroupID(row.target), lane: .routine, deadline: row.hardExpiresAt, fence: row.fence),
        in: transaction)
    }
    return stalled.count
  }
}

/// What the end of a time leads to. Pure.
enum DueDecision: Equatable {
  case rotate
  case revoke(RotationTrigger)

  init(policy: Policy, hardExpiresAt: Date, now: Date) {
    if hardExpiresAt <= now {
      self = .revoke(.identityExpired)
    } else if policy.onExpiry == .revoke {
      self = .revoke(.secretExpired)
    } else {
      self = .rotate
    }
  }
}
