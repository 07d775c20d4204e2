import Foundation
import Governance
import Jobs
import Secrets
import Targets

/// Moves that only look. Every answer becomes a proof row, also the ones that do not please.
extension RotationRunner {
  /// A random secret must be refused before the new one's login means anything. The new one comes out of its envelope: what
  /// is proven is what consumers will read.
  func proveNewLogin(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    if let fact = try await negativeControl(candidate, saga, &run) { return fact }
    let secret = try await candidates.open(candidate, of: saga.credential)
    let result = await run.driver.authenticate(
      login: candidate.login, secret: secret, deadline: run.probeDeadline)
    switch result {
    case .accepted(let identity, let sessionUser):
      store.addProof(.login, .passed, of: saga, version: candidate.number, to: &run)
      let isRight = identity == saga.identity.name && sessionUser == candidate.login
      store.addProof(
        .identity, isRight ? .passed : .failed, of: saga, version: candidate.number,
        detail: ["identity": identity, "session_user": sessionUser], to: &run)
      return isRight ? .loginProven : .identityMismatch
    case .refused(_, let code):
      store.addProof(.login, .failed, of: saga, version: candidate.number, detail: ["code": code], to: &run)
      return .newRefused
    case .cannotTell(let cause):
      store.addProof(.login, .cannotTell, of: saga, version: candidate.number, detail: ["cause": cause], to: &run)
      return .inconclusive(cause: "target_unreachable")
    }
  }

  /// Nil: refused, as it must be.
  private func negativeControl(
    _ version: CredentialVersion, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact? {
    let random = candidates.generator.makeSecret(SecretPolicy(length: saga.identity.policy.secretLength))
    let result = await run.driver.authenticate(login: version.login, secret: random, deadline: run.probeDeadline)
    switch result {
    case .accepted:
      store.addProof(.negativeControl, .failed, of: saga, version: version.number, to: &run)
      return .controlAccepted
    case .refused(_, let code):
      store.addProof(
        .negativeControl, .passed, of: saga, version: version.number, detail: ["code": code], to: &run)
      return nil
    case .cannotTell(let cause):
      store.addProof(
        .negativeControl, .cannotTell, of: saga, version: version.number, detail: ["cause": cause], to: &run)
      return .inconclusive(cause: "target_unreachable")
    }
  }

  /// After an effect that gave no answer: a random secret, then the new, then the old.
  func probeUnknown(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    if let fact = try await negativeControl(candidate, saga, &run) {
      return fact == .controlAccepted ? .probed(.foreignChange) : fact
    }
    let new = try await answer(of: candidate, saga, run)
    var old = UnknownOutcome.Answer.none
    if new != .cannotTell, let version = saga.old { old = try await answer(of: version, saga, run) }
    return .probed(
      UnknownOutcome.verdict(
        new: new, old: old, mode: saga.targetIdentity.mode, secretClass: run.driver.traits.secretClass))
  }

  private func answer(of version: CredentialVersion, _ saga: Saga, _ run: SagaRun) async throws -> UnknownOutcome.Answer
  {
    let secret = try await candidates.open(version, of: saga.credential)
    return .init(await run.driver.authenticate(login: version.login, secret: secret, deadline: run.probeDeadline))
  }

  /// Effective rights against the approved ones, both ways.
  func proveRights(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let approved = saga.identity.rights
    let found: PrivilegeSet
    do {
      found = try await run.driver.readPrivileges(of: saga.targetIdentity, deadline: run.probeDeadline)
    } catch {
      store.addProof(.rights, .cannotTell, of: saga, version: saga.newVersion, to: &run)
      return .inconclusive(cause: "target_unreachable")
    }
    let extra = found.subtracting(approved)
    let missing = approved.subtracting(found)
    let isEqual = extra.isEmpty && missing.isEmpty
    store.addProof(
      .rights, isEqual ? .passed : .failed, of: saga, version: saga.newVersion,
      detail: [
        "approved": approved.entries.joined(separator: " "), "extra": extra.entries.joined(separator: " "),
        "missing": missing.entries.joined(separator: " "),
      ], to: &run)
    if !extra.isEmpty { return .rightsExtra(extra.entries.count) }
    return missing.isEmpty ? .rightsEqual : .rightsMissing(missing.entries.count)
  }

  /// The old secret must be refused; then its sealed copy is destroyed.
  func proveOldRefused(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    let fact = try await proveRefused(old, saga, &run)
    if fact == .oldRefused {
      run.changes.add(EndVersion(credential: saga.credential, number: old.number))
      saga.set(.revoked, of: old.number)
    }
    return fact
  }

  /// Every version whose secret we still have must be refused.
  func proveAllRefused(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    for version in saga.versions where version.envelope != nil {
      let fact = try await proveRefused(version, saga, &run)
      if fact != .oldRefused { return fact }
    }
    return .oldRefused
  }

  private func proveRefused(
    _ version: CredentialVersion, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    let secret = try await candidates.open(version, of: saga.credential)
    let result = await run.driver.authenticate(login: version.login, secret: secret, deadline: run.probeDeadline)
    switch result {
    case .accepted:
      store.addProof(.oldRefused, .failed, of: saga, version: version.number, to: &run)
      logger.error(
        "a secret that must be dead was accepted",
        metadata: ["rotation.id": "\(saga.id)", "version": "\(version.number)"])
      return .oldAccepted
    case .refused(let why, let code):
      store.addProof(
        .oldRefused, .passed, of: saga, version: version.number, detail: ["code": code, "refused": why.rawValue],
        to: &run)
      return .oldRefused
    case .cannotTell(let cause):
      store.addProof(
        .oldRefused, .cannotTell, of: saga, version: version.number, detail: ["cause": cause], to: &run)
      return .inconclusive(cause: "target_unreachable")
    }
  }

  func proveNoResidue(_ names: [String], _ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let residue = try await run.driver.listResidue(of: names, deadline: run.probeDeadline)
    store.addProof(
      .residue, residue.isEmpty ? .passed : .failed, of: saga, version: saga.oldVersion,
      detail: ["count": "\(residue.count)", "first": residue.prefix(5).joined(separator: " ")], to: &run)
    return residue.isEmpty ? .residueEmpty : .residueFound(residue.count)
  }
}
