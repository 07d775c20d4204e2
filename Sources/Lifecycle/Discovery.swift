import Foundation
package import Governance
import Jobs
import Logging
import Postgres
package import Targets

/// Looks a target over: who can log in there, whom a case explains, and what a case says should be there and is not.
extension CredentialLifecycle {
  /// Seconds between two looks at one target.
  package static let discoveryPeriod = 3600.0

  /// What one look showed, recorded: what is new or back is open, what was explained stays explained, what is no longer so is
  /// gone. Nothing is recorded when a look that began later was faster.
  ///
  /// Throws `.wrongState` for a kind of target that does not tell its logins, `TargetError` when it cannot be asked.
  package func discover(_ name: String) async throws -> DiscoveryAssessment {
    try await discover(try await governance.target(name, in: client))
  }

  func discover(_ target: TargetRecord) async throws -> DiscoveryAssessment {
    guard let startedAt = try await client.queryFirst(ReadDatabaseTime()) else {
      throw LifecycleError(code: .unreadableRow, message: "the database did not tell its time")
    }
    let before = try await client.query(ListCases(target: target.id))
    let names = before.flatMap(\.onTarget.names)
    let driver = try await drivers.driver(for: target)
    guard let observed = try await driver.listLogins(named: names, deadline: .now + .seconds(30)) else {
      throw LifecycleError(
        code: .wrongState, message: "targets of kind \(target.kind) do not tell their logins; nothing can be discovered"
      )
    }
    return try await client.withTransaction { transaction in
      let assessment = DiscoveryAssessment(
        observed: observed, before: before, after: try await transaction.query(ListCases(target: target.id)),
        admins: Set(try await transaction.query(ListAdminLogins(target: target.id))), now: startedAt)
      let record = RecordDiscovery(
        target: target.id, period: Self.discoveryPeriod, startedAt: startedAt, logins: assessment.logins,
        governed: assessment.governed, result: "\(assessment.findings.count) findings")
      guard try await transaction.execute(record) == 1 else { return assessment }
      let known = try await transaction.query(FindStandingFindings(target: target.id))
      try await tellDrift(assessment.findings, except: Set(known), in: transaction)
      try await transaction.execute(UpsertFindings(target: target.id, findings: assessment.findings))
      try await transaction.execute(EndFindings(target: target.id, findings: assessment.findings))
      return assessment
    }
  }

  /// What somebody else did to an identity of ours is not what was approved. Said once for each finding that is new or back.
  private func tellDrift(
    _ findings: [DiscoveryAssessment.Finding], except known: Set<String>, in transaction: Transaction
  ) async throws {
    for finding in findings where finding.kind.isDrift && !known.contains("\(finding.kind.rawValue) \(finding.name)") {
      guard let identity = finding.identity else { continue }
      try await governance.signal(
        .targetDrifted, about: [identity],
        observed: "discovery found \(finding.kind.rawValue): \(finding.name) \(finding.detail)", in: transaction)
    }
  }

  /// Says why a finding is as it should be. It stays explained until it is gone. Throws `.refused` when there is none.
  package func explainFinding(
    _ kind: DiscoveryAssessment.Finding.Kind, _ name: String, on target: String, by actor: String, reason: String
  ) async throws {
    try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let target = try await governance.target(target, in: transaction)
      let explain = ExplainFinding(
        target: target.id, kind: kind, name: name, person: who.person.id, explanation: who.reason)
      guard try await transaction.execute(explain) == 1 else {
        throw LifecycleError(
          code: .refused,
          message: "\(target.name) has no finding \(kind.rawValue) for \"\(name)\"; `keyturn discover` lists them")
      }
    }
  }

  /// All rights of an identity, by where they come from.
  package func effectiveRights(of identity: NonHumanIdentity) async throws -> EffectiveRights {
    let target = try await governance.target(identity.target, in: client)
    let onTarget = TargetIdentity(
      name: identity.name, mode: LoginMode(rawValue: identity.loginMode) ?? .alternating)
    return try await drivers.driver(for: target)
      .readEffectiveRights(of: onTarget, deadline: .now + .seconds(60))
  }
}

/// Enqueues a look at every target that is due. The look itself calls the target, so it is a job and not a duty.
struct DiscoveryPlanner: Sendable {
  let lifecycle: CredentialLifecycle

  /// At most this many per run.
  static let batch: Int64 = 100

  func duty(period: Double) -> MaintenanceDuty {
    MaintenanceDuty(name: "plan-discovery", period: period) { transaction in
      let due = try await transaction.query(FindDueDiscoveries(limit: Self.batch))
      try await lifecycle.queue.enqueue(due.map(Self.order), in: transaction)
      return "enqueued \(due.count)"
    }
  }

  static func order(_ target: TargetID) -> JobQueue.Order {
    JobQueue.Order(
      kind: LifecycleJobs.discover, subject: target.discoverySubject, group: target.limitGroup, lane: .routine, fence: 0
    )
  }
}

/// Looks over the target of the job.
struct DiscoveryJobHandler: JobHandler {
  let lifecycle: CredentialLifecycle

  func handle(_ job: ClaimedJob, term: LeaseTerm) async -> JobOutcome {
    let id = TargetID(job.group.rawValue)
    do {
      let target = try await lifecycle.governance.target(id, in: lifecycle.client)
      _ = try await lifecycle.discover(target)
      return .done
    } catch let error as TargetError {
      return await postpone(id, error.code.rawValue, blamesGroup: error.code == .unreachable)
    } catch let error as LifecycleError where error.code == .wrongState {
      return await postpone(id, "this kind of target does not tell its logins", blamesGroup: false)
    } catch {
      return .retry(JobFailure(code: "discovery_failed"))
    }
  }

  /// Nothing was learned: what was found stays as it is, and the next look is when it would have been. One that does not
  /// answer is tried again before.
  private func postpone(_ target: TargetID, _ why: String, blamesGroup: Bool) async -> JobOutcome {
    lifecycle.logger.warning("target not looked over", metadata: ["target.id": "\(target)", "error.code": "\(why)"])
    if blamesGroup { return .retry(JobFailure(code: "target_unreachable", blamesGroup: true)) }
    do {
      guard let now = try await lifecycle.client.queryFirst(ReadDatabaseTime()) else { return .done }
      try await lifecycle.client.execute(
        RecordDiscovery(
          target: target, period: CredentialLifecycle.discoveryPeriod, startedAt: now, logins: nil, governed: nil,
          result: "not looked over: \(why)"))
      return .done
    } catch {
      return .retry(JobFailure(code: "discovery_failed"))
    }
  }
}

extension TargetID {
  /// What looks at this target are about: not the target's id itself, whose jobs are about its admin.
  var discoverySubject: SubjectID {
    var bytes = rawValue.uuid
    bytes.0 ^= 0xFF
    return SubjectID(UUID(uuid: bytes))
  }

  var adminSubject: SubjectID { SubjectID(rawValue) }
}
