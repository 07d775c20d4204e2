import Foundation
import Governance
import Jobs
import Postgres

/// Turns due credentials into sagas, and sagas and containments without a job into jobs. What is due is a question to the credentials, so an
/// emptied job table loses nothing.
struct DuePlanner: Sendable {
  let lifecycle: CredentialLifecycle

  /// At most this many of each per run, so that a run is short and a long outage makes no storm.
  static let batch: Int64 = 1000

  func duty(period: Double) -> MaintenanceDuty {
    MaintenanceDuty(name: "plan-due", period: period) { transaction in
      let planned = try await plan(in: transaction)
      let revived = try await reviveStalled(in: transaction)
      let verified = try await planVerifications(in: transaction)
      return "planned \(planned), revived \(revived), to be verified \(verified)"
    }
  }

  private func plan(in transaction: Transaction) async throws -> Int {
    let due = try await transaction.query(FindDueCredentials(limit: Self.batch))
    var orders: [SagaOrder] = []
    orders.reserveCapacity(due.count)
    for row in due { orders.append(try await order(for: row, in: transaction)) }
    _ = try await lifecycle.open(orders, in: transaction)
    return due.count
  }

  /// A rotation asks nothing more; a revocation needs a request of policy's own.
  private func order(for row: FindDueCredentials.Row, in transaction: Transaction) async throws -> SagaOrder {
    let credential = row.credential
    switch DueDecision(
      policy: row.policy, hardExpiresAt: credential.hardExpiresAt, now: row.now, isLeaked: row.isLeaked)
    {
    case .rotate(let trigger):
      return SagaOrder(
        action: .rotate, credential: credential, trigger: trigger, authorization: credential.authorization)
    case .revoke(let trigger):
      let identity = try await lifecycle.governance.identity(credential.identity, in: transaction)
      let authorization = try await lifecycle.governance.openPolicyRevocation(
        of: identity, cause: trigger.word, in: transaction)
      return SagaOrder(action: .revoke, credential: credential, trigger: trigger, authorization: authorization.id)
    }
  }

  /// A look is a job and nothing else: what it finds is stored with the credential, which is due again a period later.
  private func planVerifications(in transaction: Transaction) async throws -> Int {
    let due = try await transaction.query(FindVerifiable(limit: Self.batch))
    let orders = due.map { credential in
      JobQueue.Order(
        kind: LifecycleJobs.verify, subject: credential.id.subject, group: credential.target.limitGroup,
        lane: .routine, deadline: credential.hardExpiresAt, fence: credential.fence)
    }
    if !orders.isEmpty { try await lifecycle.queue.enqueue(orders, in: transaction) }
    return due.count
  }

  private func reviveStalled(in transaction: Transaction) async throws -> Int {
    let stalled = try await transaction.query(FindStalledSagas(limit: Self.batch))
    let orders = stalled.map { row in
      JobQueue.Order(
        kind: LifecycleJobs.kind(for: row.action), subject: SubjectID(row.credential),
        group: LimitGroupID(row.target), lane: .routine, deadline: row.hardExpiresAt, fence: row.fence)
    }
    let contained = try await transaction.query(FindStalledContainments(limit: Self.batch)).map {
      CredentialLifecycle.containOrder($0.entry, on: $0.target)
    }
    if !(orders + contained).isEmpty { try await lifecycle.queue.enqueue(orders + contained, in: transaction) }
    return orders.count + contained.count
  }
}

/// What the end of a time leads to. Pure.
enum DueDecision: Equatable {
  case rotate(RotationTrigger)
  case revoke(RotationTrigger)

  /// - Parameter isLeaked: reported while another rotation was under way.
  init(policy: Policy, hardExpiresAt: Date, now: Date, isLeaked: Bool = false) {
    if hardExpiresAt <= now {
      self = .revoke(.identityExpired)
    } else if isLeaked {
      self = .rotate(.leakFollowUp)
    } else if policy.onExpiry == .revoke {
      self = .revoke(.secretExpired)
    } else {
      self = .rotate(.due)
    }
  }
}
