import Foundation
import Governance
import Jobs
import Postgres
package import Secrets
import Targets
import Vault

/// A target's second admin, and orders to give both of them new secrets.
extension CredentialLifecycle {
  /// Looks first whether the login can do an admin's work on the target; then it is kept beside the one in use. Replaces an
  /// earlier one.
  /// - Parameters:
  ///   - period: seconds after which both get new secrets by themselves; nil: only when asked for.
  ///   - overlap: seconds between the change of the one and of the other, for what began before; 0…86400.
  package func setStandbyAdmin(
    of name: String, login: String, secret: SecretBytes, period: Double?, overlap: Double, by actor: String,
    reason: String
  ) async throws {
    guard (0...86_400).contains(overlap) else {
      throw LifecycleError(code: .invalidField, message: "overlap must be 0 to 86400 seconds")
    }
    if let period, !(60...315_360_000).contains(period) {
      throw LifecycleError(code: .invalidField, message: "the period must be one minute to ten years")
    }
    let target = try await governance.target(name, in: client)
    guard target.settings["user"] != login else {
      throw LifecycleError(
        code: .invalidField, message: "user: \(login) is the admin in use; a standby is another login")
    }
    let driver = try drivers.makeDriver(
      kind: target.kind, settings: target.settings.merging(["user": login]) { $1 }, adminSecret: secret)
    let problems = await Self.problems(ofStandby: driver, kind: target.kind)
    await driver.close()
    guard problems.isEmpty else {
      throw LifecycleError(
        code: .unsoundTarget, message: "standby not kept: \(problems.joined(separator: "; "))")
    }
    let version = (try await client.queryFirst(FindTargetAdmins(target: target.id)))?.nextVersion
    let number = version ?? target.adminVersion + 1
    let envelope = try await vault.seal(secret, context: .admin(number, of: target.id))
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let put = PutStandbyAdmin(
        target: target.id, login: login, version: number, envelope: envelope.bytes, period: period, overlap: overlap,
        person: who.person.externalID, reason: who.reason)
      guard try await transaction.execute(put) == 1 else {
        throw LifecycleError(
          code: .wrongState, message: "the admins of \(target.name) are being rotated; try again when that is done")
      }
    }
  }

  private static func problems(ofStandby driver: any TargetDriver, kind: String) async -> [String] {
    let deadline = ContinuousClock.now + .seconds(20)
    let problems = await driver.examine(deadline: deadline)
    guard problems.isEmpty else { return problems }
    guard let admin = driver.admin else { return ["targets of kind \(kind) have no admin to rotate"] }
    do {
      return [try await admin.examineAsPair(deadline: deadline)].compactMap { $0 }
    } catch {
      return ["\(error)"]
    }
  }

  /// New secrets for both admins of the target, one after the other. False when that is under way. Durable on return, apart
  /// from its job too, which the planner makes again when it is lost.
  package func requestAdminRotation(of name: String, by actor: String, reason: String) async throws -> Bool {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let target = try await governance.target(name, in: transaction)
      guard let admins = try await transaction.queryFirst(FindTargetAdmins(target: target.id)) else {
        throw LifecycleError(
          code: .wrongState,
          message:
            "\(target.name) has no standby admin, so that nothing could repair it; `keyturn target standby` adds one")
      }
      let order = Self.adminOrder(target.id, fence: admins.fence, lane: .operator)
      let enqueued = try await queue.enqueue(order, in: transaction)
      if enqueued == .inserted {
        try await transaction.execute(NoteAdminOrder(target: target.id))
        try await queue.record(
          OperatorAction(
            actor: who.person.externalID, verb: .enqueue, group: target.id.limitGroup, jobs: 1,
            detail: LifecycleJobs.rotateAdmin.name, reason: who.reason), in: transaction)
      }
      return enqueued == .inserted
    }
  }

  static func adminOrder(_ target: TargetID, fence: Int64, lane: Lane) -> JobQueue.Order {
    JobQueue.Order(
      kind: LifecycleJobs.rotateAdmin, subject: target.adminSubject, group: target.limitGroup, lane: lane, fence: fence)
  }
}

/// Turns admins that are due into jobs, and takes up orders and rotations whose job was lost.
struct AdminPlanner: Sendable {
  let lifecycle: CredentialLifecycle

  static let batch: Int64 = 1000

  func duty(period: Double) -> MaintenanceDuty {
    MaintenanceDuty(name: "plan-admins", period: period) { transaction in
      let due = try await transaction.query(FindDueAdminRotations(limit: Self.batch))
      let orders = due.map {
        CredentialLifecycle.adminOrder($0.target, fence: $0.fence, lane: $0.isAsked ? .operator : .routine)
      }
      try await lifecycle.queue.enqueue(orders, in: transaction)
      return "enqueued \(orders.count)"
    }
  }
}
