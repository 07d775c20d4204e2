import Foundation
import Governance
import Jobs
import Secrets
import Targets

/// Moves that change the target.
extension RotationRunner {
  /// Permit and intent in one commit with all that was done before, and the call. The outcome is committed with what follows
  /// from it, at the latest with the next intent.
  func effect(
    _ change: TargetChange, entering state: RotationState? = nil, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    let intent = try await effects.intend(change.verb, &saga, &run, entering: state)
    switch intent {
    case .permitRefused(let reasons):
      return .permitRefused(reasons)
    case .granted(let id):
      let outcome = await effects.perform(change, effect: id, saga: saga, run: run)
      run.changes.add(SettleEffect(outcome, of: id, in: saga, fence: run.lease.fence))
      return Machine.Fact(outcome)
    }
  }

  /// The old login is disabled first and its sessions ended after: the reverse order leaves new sessions behind.
  func retireOld(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    let identity = saga.targetIdentity
    if identity.mode == .alternating {
      let blocked = try await effect(.blockLogins([old.login], of: identity), &saga, &run)
      guard blocked == .effectApplied else { return blocked }
    }
    return try await endSessions([old.login], &saga, &run)
  }

  func endAllSessions(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    try await endSessions(saga.targetIdentity.logins, &saga, &run)
  }

  /// Ends sessions and counts until none is left, twice in a row.
  private func endSessions(_ logins: [String], _ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let ended = try await effect(.endSessions(logins, of: saga.targetIdentity), &saga, &run)
    guard ended == .effectApplied else { return ended }
    // One slot: the same login carries the new secret, whose sessions may come back at once.
    if saga.action != .revoke && saga.targetIdentity.mode == .single { return .effectApplied }
    for _ in 1...2 {
      let count = try await run.driver.countSessions(of: logins, deadline: run.probeDeadline)
      if count > 0 { return .sessionsRemain(count) }
    }
    store.addProof(
      .sessionsEnded, .passed, of: saga, version: saga.oldVersion, detail: ["sessions": "0"], to: &run)
    return .effectApplied
  }

  /// What is left of the old login goes: it owns nothing, because its sessions acted as the identity.
  func cleanUpOld(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    let removed = try await remove(login: old.login, &saga, &run)
    guard removed == .effectApplied else { return removed }
    return try await proveNoResidue([old.login], saga, &run)
  }

  /// Back to where it was: the candidate's login goes, or the single login gets its old secret back.
  func removeCandidate(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    let fact: Machine.Fact
    if saga.targetIdentity.mode == .alternating {
      fact = try await remove(login: candidate.login, &saga, &run)
    } else if let old = saga.old {
      let secret = try await candidates.open(old, of: saga.credential)
      fact = try await effect(
        .setSecret(
          identity: saga.targetIdentity, login: old.login, secret: secret,
          rights: saga.identity.rights, mayCreate: false), &saga, &run)
    } else {
      fact = try await effect(.blockLogins([candidate.login], of: saga.targetIdentity), &saga, &run)
    }
    if fact == .effectApplied {
      run.changes.add(
        SetVersionState(credential: saga.credential, number: candidate.number, from: .candidate, to: .orphan))
      saga.set(.orphan, of: candidate.number)
    }
    return fact
  }

  private func remove(login: String, _ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let dropped = try await effect(.drop(names: [login], of: saga.targetIdentity), &saga, &run)
    guard case .effectRefused(.residue, _) = dropped else { return dropped }
    let stripped = try await effect(.strip(names: [login], of: saga.targetIdentity), &saga, &run)
    guard stripped == .effectApplied else { return stripped }
    return try await effect(.drop(names: [login], of: saga.targetIdentity), &saga, &run)
  }

  func grantMissing(_ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    let change = TargetChange.grant(identity: saga.targetIdentity, rights: saga.identity.rights)
    let fact = try await effect(change, &saga, &run)
    saga.hasGranted = true
    switch fact {
    case .effectApplied: return nil
    case .permitRefused(let reasons):
      let words = reasons.map(\.rawValue).joined(separator: ", ")
      return reasons.allSatisfy(\.passes) ? .snooze(seconds: 3, reason: words) : .block(reason: words)
    default: return .retry(JobFailure(code: "grant_failed"))
    }
  }
}
