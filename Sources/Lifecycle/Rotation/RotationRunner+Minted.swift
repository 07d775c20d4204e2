import Foundation
import Governance
import Jobs
import Secrets
import Targets

/// Moves on targets that list the keys of an identity; most of all those that make the secret and show it once. What was made and lost is found by listing: a key that no version
/// of ours holds, that was not there before, and that carries our marker where the target keeps one.
extension RotationRunner {
  /// Before the first key is asked for: destroys what an earlier saga of ours lost, and notes what is there.
  func takeInventory(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let (fact, keys) = try await destroyUnclaimed(&saga, &run)
    guard fact == .unclaimedGone else { return fact }
    if let count = run.driver.traits.slots.count, keys.count >= count { return .noFreeSlot(keys.count) }
    if saga.inventory == nil {
      run.changes.add(NoteInventory(rotation: saga.id, keys: keys))
      saga.inventory = keys
    }
    return .moved
  }

  func mint(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let order = MintOrder(
      identity: saga.targetIdentity, marker: saga.mark, rights: saga.identity.rights,
      mayCreate: saga.action == .issue)
    switch try await effects.intend(.mint, &saga, &run, entering: .applying) {
    case .permitRefused(let reasons):
      return .permitRefused(reasons)
    case .granted(let id):
      try await run.reach(.beforeEffect, saga)
      let outcome = await effects.mint(order, effect: id, saga: saga, run: run)
      try await run.reach(.afterEffect, saga)
      return try await conclude(outcome, of: id, &saga, &run)
    }
  }

  private func conclude(
    _ outcome: MintOutcome, of effect: UUID, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    let settled: EffectOutcome
    switch outcome {
    case .minted(let key, let secret):
      let (version, keyID) = try await candidates.seal(secret, login: key, of: saga)
      run.changes.add(InsertCandidate(credential: saga.credential, version: version, keyID: keyID))
      saga.add(version)
      saga.newVersion = version.number
      saga.candidates += 1
      settled = .done
    case .refused(let reason, let code): settled = .refused(reason, code: code)
    case .unknown(let cause): settled = .unknown(cause: cause)
    }
    run.changes.add(SettleEffect(settled, of: effect, in: saga, fence: run.lease.fence))
    return Machine.Fact(settled)
  }

  /// - Returns: what to conclude, and the keys that are left.
  func destroyUnclaimed(
    _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> (fact: Machine.Fact, keys: [String]) {
    let (stray, foreign, kept) = try await listKeys(saga, run)
    run.addProof(
      .inventory, foreign.isEmpty ? .passed : .failed, of: saga, version: saga.newVersion,
      detail: [
        "keys": "\(stray.count + foreign.count + kept.count)", "unclaimed": "\(stray.count)",
        "foreign": "\(foreign.count)", "first": foreign.prefix(5).joined(separator: " "),
      ])
    guard foreign.isEmpty else { return (.foreignKeys(foreign.count), kept) }
    guard !stray.isEmpty else { return (.unclaimedGone, kept) }
    let destroyed = try await destroy(stray, &saga, &run)
    guard destroyed == .effectApplied else { return (destroyed, kept) }
    let left = try await listKeys(saga, run).stray
    return (left.isEmpty ? .unclaimedGone : .residueFound(left.count), kept)
  }

  private func listKeys(
    _ saga: Saga, _ run: SagaRun
  ) async throws -> (stray: [String], foreign: [String], kept: [String]) {
    try await run.reach(.beforeProbe, saga)
    let keys = try await run.driver.listKeys(of: saga.targetIdentity, deadline: run.probeDeadline)
    var held: Set<String> = []
    for version in saga.versions where version.envelope != nil { held.insert(try await keyID(of: version, saga, run)) }
    return UnclaimedKeys.sort(keys, held: held, before: saga.inventory.map(Set.init), marker: saga.mark)
  }

  /// By which the target lists the key of a version.
  private func keyID(of version: CredentialVersion, _ saga: Saga, _ run: SagaRun) async throws -> String {
    guard run.driver.traits.secretClass == .keyPair else { return version.login }
    return KeyPair.id(of: try await candidates.publicKey(of: version, of: saga.credential))
  }

  private func destroy(_ ids: [String], _ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard run.driver.traits.secretClass == .keyPair else {
      return try await effect(.key(.destroyKeys(ids), of: saga.targetIdentity), &saga, &run)
    }
    for id in ids {
      guard let key = KeyPair.publicKey(id: id) else { return .foreignKeys(ids.count) }
      let removed = try await effect(
        .key(.removeKey(login: saga.targetIdentity.name, key: key), of: saga.targetIdentity), &saga, &run)
      guard removed == .effectApplied else { return removed }
    }
    return .effectApplied
  }

  /// The old key, disabled before, goes for good; only the current one may be left.
  func destroyOldKey(
    _ old: CredentialVersion, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    if run.driver.traits.secretClass == .minted {
      let destroyed = try await destroy([old.login], &saga, &run)
      guard destroyed == .effectApplied else { return destroyed }
    }
    let swept = try await destroyUnclaimed(&saga, &run)
    guard swept.fact == .unclaimedGone else { return swept.fact }
    let keys = try await run.driver.listKeys(of: saga.targetIdentity, deadline: run.probeDeadline)
    guard let current = saga.current else { throw SagaRun.missing("current version") }
    let id = try await keyID(of: current, saga, run)
    let residue = keys.map(\.id).filter { $0 != id }
    run.addProof(
      .residue, residue.isEmpty ? .passed : .failed, of: saga, version: saga.oldVersion,
      detail: ["count": "\(residue.count)", "first": residue.prefix(5).joined(separator: " ")])
    return residue.isEmpty ? .residueEmpty : .residueFound(residue.count)
  }
}

/// Whose a key is. Pure.
enum UnclaimedKeys {
  /// - Parameter held: of versions of ours that are not over.
  /// - Parameter before: what was there before this saga asked for one; nil: it has not asked yet, so that only a marker can tell
  ///   that a key is ours.
  static func sort(
    _ keys: [TargetKey], held: Set<String>, before: Set<String>?, marker: String
  ) -> (stray: [String], foreign: [String], kept: [String]) {
    var (stray, foreign, kept): ([String], [String], [String]) = ([], [], [])
    for key in keys {
      if held.contains(key.id) || before?.contains(key.id) == true {
        kept.append(key.id)
      } else if key.marker == marker || (key.marker == nil && before != nil) {
        stray.append(key.id)
      } else {
        foreign.append(key.id)
      }
    }
    return (stray, foreign, kept)
  }
}
