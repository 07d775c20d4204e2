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
      try await run.reach(.beforeEffect, saga)
      let outcome = await effects.perform(change, effect: id, saga: saga, run: run)
      try await run.reach(.afterEffect, saga)
      run.changes.add(SettleEffect(outcome, of: id, in: saga, fence: run.lease.fence))
      return Machine.Fact(outcome)
    }
  }

  // MARK: Before the candidate

  /// Leak: nobody gets in with the old secret, before anything else; what uses it stops working until the new one is out.
  func containOld(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.current else { throw SagaRun.missing("current version") }
    let blocked = try await cut(old, &saga, &run)
    guard blocked == .effectApplied else { return blocked }
    let ended = try await endSessions([old.login], of: old.number, &saga, &run)
    guard ended == .effectApplied else { return ended }
    // Contained is what was seen to be refused, not what was said to be.
    let refused = try await proveRefused(old, saga, &run)
    return refused == .oldRefused ? .effectApplied : refused
  }

  /// Narrowing: takes away what is not approved any more, and looks.
  func removeRights(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let extra = try await readRights(saga, run).subtracting(saga.identity.rights)
    if !extra.isEmpty {
      let revoked = try await effect(.revoke(identity: saga.targetIdentity, rights: extra), &saga, &run)
      guard revoked == .effectApplied else { return revoked }
      let left = try await readRights(saga, run).subtracting(saga.identity.rights)
      guard left.isEmpty else { return .rightsRemain(left.entries.count) }
    }
    return .effectApplied
  }

  private func readRights(_ saga: Saga, _ run: SagaRun) async throws -> PrivilegeSet {
    try await run.driver.readPrivileges(of: saga.targetIdentity, deadline: run.probeDeadline)
  }

  // MARK: The old version

  /// The old secret opens nothing any more before its sessions are ended: the reverse order leaves new sessions behind. Where it
  /// shares its login with the new one, that is seen and not done: a target may go on accepting it for a while.
  func retireOld(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    // With one slot the new secret took the place of the old one.
    if saga.situation(traits: run.driver.traits).holdsSeveral {
      let blocked = try await cut(old, &saga, &run)
      guard blocked == .effectApplied else { return blocked }
    } else {
      let refused = try await proveRefused(old, saga, &run)
      guard refused == .oldRefused else { return refused }
      run.refusedVersion = old.number
    }
    return try await endSessions([old.login], of: old.number, &saga, &run)
  }

  /// Nobody gets in with that version any more; what else the identity has goes on working where the target can hold several.
  private func cut(
    _ version: CredentialVersion, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    let identity = saga.targetIdentity
    switch run.driver.traits.secretClass {
    case .minted: return try await effect(.key(.disableKeys([version.login]), of: identity), &saga, &run)
    case .keyPair:
      let key = try await candidates.publicKey(of: version, of: saga.credential)
      return try await effect(.key(.removeKey(login: version.login, key: key), of: identity), &saga, &run)
    case .overwrite, .selfChange: return try await effect(.blockLogins([version.login], of: identity), &saga, &run)
    }
  }

  func endAllSessions(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let keys = run.driver.traits.secretClass == .minted ? saga.versions.filter { $0.envelope != nil }.map(\.login) : []
    return try await endSessions(saga.targetIdentity.logins + keys, of: saga.oldVersion, &saga, &run)
  }

  /// Ends sessions and counts until none is left, twice in a row.
  private func endSessions(
    _ logins: [String], of version: Int32?, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    let ended = try await effect(.endSessions(logins, of: saga.targetIdentity), &saga, &run)
    guard ended == .effectApplied else { return ended }
    // The same login carries the new secret, whose sessions may come back at once.
    let isShared = saga.targetIdentity.mode == .single && run.driver.traits.secretClass != .minted
    if saga.action != .revoke && saga.state != .claimed && isShared { return .effectApplied }
    for _ in 1...2 {
      try await run.reach(.beforeProbe, saga)
      let count = try await run.driver.countSessions(of: logins, deadline: run.probeDeadline)
      if count > 0 { return .sessionsRemain(count) }
    }
    run.addProof(.sessionsEnded, .passed, of: saga, version: version, detail: ["sessions": "0"])
    return .effectApplied
  }

  /// What is left of the old login goes: it owns nothing, because its sessions acted as the identity.
  func cleanUpOld(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    if run.driver.traits.secretClass != .overwrite { return try await destroyOldKey(old, &saga, &run) }
    let removed = try await remove(login: old.login, &saga, &run)
    guard removed == .effectApplied else { return removed }
    return try await proveNoResidue([old.login], saga, &run)
  }

  // MARK: Back

  /// Back to where it was, and proof of both sides. Nothing is taken away before the old secret is known to work, except where
  /// the new one has replaced it.
  func removeCandidate(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    let situation = saga.situation(traits: run.driver.traits)
    let isChanged: Bool
    if situation.holdsSeveral || situation.secretClass == .selfChange {
      let works = UnknownOutcome.Answer(try await attempt(old, saga, &run))
      if works == .cannotTell { return .inconclusive(cause: "target_unreachable") }
      guard works == .accepted || situation.secretClass == .selfChange else { return .oldNotAccepted }
      isChanged = works != .accepted
    } else {
      isChanged = true
    }
    let removed = try await takeBack(old, isChanged: isChanged, situation, &saga, &run)
    guard removed == .effectApplied else { return removed }
    return try await proveRollback(to: old, &saga, &run)
  }

  private func takeBack(
    _ old: CredentialVersion, isChanged: Bool, _ situation: Machine.Situation, _ saga: inout Saga,
    _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    let identity = saga.targetIdentity
    guard let candidate = saga.candidate else {
      // What was minted and not answered for is nobody's.
      guard situation.secretClass == .minted else { return .effectApplied }
      let swept = try await destroyUnclaimed(&saga, &run).fact
      return swept == .unclaimedGone ? .effectApplied : swept
    }
    switch situation.secretClass {
    case .minted:
      let destroyed = try await effect(.key(.destroyKeys([candidate.login]), of: identity), &saga, &run)
      guard destroyed == .effectApplied else { return destroyed }
      let swept = try await destroyUnclaimed(&saga, &run).fact
      return swept == .unclaimedGone ? .effectApplied : swept
    case .keyPair where situation.holdsSeveral:
      let key = try await candidates.publicKey(of: candidate, of: saga.credential)
      return try await effect(.key(.removeKey(login: candidate.login, key: key), of: identity), &saga, &run)
    case .keyPair:
      let key = try await candidates.publicKey(of: old, of: saga.credential)
      let change = KeyChange.addKey(login: old.login, key: key, rights: saga.identity.rights, mayCreate: false)
      return try await effect(.key(change, of: identity), &saga, &run)
    case .selfChange:
      guard isChanged else { return .effectApplied }
      let change = KeyChange.changeOwn(
        login: old.login, old: try await candidates.open(candidate, of: saga.credential),
        new: try await candidates.open(old, of: saga.credential))
      return try await effect(.key(change, of: identity), &saga, &run)
    case .overwrite where situation.holdsSeveral:
      return try await remove(login: candidate.login, &saga, &run)
    case .overwrite:
      return try await effect(
        .setSecret(
          identity: identity, login: old.login, secret: try await candidates.open(old, of: saga.credential),
          rights: saga.identity.rights, mayCreate: false), &saga, &run)
    }
  }

  private func remove(login: String, _ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let dropped = try await effect(.drop(names: [login], of: saga.targetIdentity), &saga, &run)
    guard case .effectRefused(.residue, _) = dropped else { return dropped }
    let stripped = try await effect(.strip(names: [login], of: saga.targetIdentity), &saga, &run)
    guard stripped == .effectApplied else { return stripped }
    return try await effect(.drop(names: [login], of: saga.targetIdentity), &saga, &run)
  }

  // MARK: Rights

  func grantMissing(_ saga: inout Saga, _ run: inout SagaRun) async throws -> JobOutcome? {
    let change = TargetChange.grant(identity: saga.targetIdentity, rights: saga.identity.rights)
    // Before the effect: granted twice is worse than not granted.
    run.changes.add(NoteGrant(rotation: saga.id))
    let fact = try await effect(change, &saga, &run)
    saga.hasGranted = true
    switch fact {
    case .effectApplied: return nil
    case .permitRefused(let reasons):
      let words = reasons.map(\.rawValue).joined(separator: ", ")
      return reasons.allSatisfy(\.passes) ? .snooze(seconds: 3, reason: words) : .block(reason: words)
    default:
      try await store.commit(&run, of: saga)
      return .retry(JobFailure(code: "grant_failed", blamesGroup: fact.blamesTarget))
    }
  }
}
