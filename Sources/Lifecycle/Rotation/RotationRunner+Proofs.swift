import Foundation
import Governance
import Jobs
import Secrets
import Targets

/// Moves that only look. Every answer becomes a proof row, also the ones that do not please.
extension RotationRunner {
  /// One login, counted where the target locks logins after failed ones. Throws `LoginTriesUsedUp` when none is left.
  /// - Parameter question: under which a refusal is remembered.
  private func attempt(
    _ login: String, _ secret: SecretBytes, question: String, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> ProbeResult {
    let rule = run.driver.traits.lockout
    var tries = LoginTries()
    let counted = ContinuousClock.now
    if let rule {
      if run.tries == nil { run.tries = try await store.loginTries(of: saga.credential) }
      switch LockoutBudget(rule: rule).ask(run.tries?[login] ?? LoginTries(), at: saga.now) {
      case .never: throw LoginTriesUsedUp.never
      case .wait(let seconds): throw LoginTriesUsedUp.wait(seconds: seconds)
      case .allowed(let counted): tries = counted
      }
      run.note(tries, of: login, saga)
      try await store.commit(&run, of: saga)
    }
    try await run.reach(.beforeProbe, saga)
    if run.term.isLost { throw JobsError(code: .leaseLost, message: "the lease was lost before a login") }
    let deadline =
      rule == nil ? run.probeDeadline : LockoutBudget.deadline(countedAt: counted, probe: run.probeDeadline)
    let result = await run.driver.authenticate(login: login, secret: secret, deadline: deadline)
    try await run.reach(.afterProbe, saga)
    if let rule {
      switch result {
      case .accepted: run.note(LockoutBudget(rule: rule).giveBack(tries), of: login, saga)
      case .refused:
        tries.lastFailureAt = saga.now
        tries.refusals = tries.refusals.filter { $0.value >= saga.enteredAt }
        tries.refusals[question] = saga.now
        run.note(tries, of: login, saga)
      case .cannotTell: break
      }
    }
    return result
  }

  /// Where the candidate takes the place of the old secret, it is only applied when the logins that prove it may be made at once:
  /// until it is published, what consumers read does not work.
  func requireTries(for candidate: CredentialVersion, _ saga: Saga, _ run: inout SagaRun) async throws {
    guard let rule = run.driver.traits.lockout, !saga.situation(traits: run.driver.traits).holdsSeveral else { return }
    if run.tries == nil { run.tries = try await store.loginTries(of: saga.credential) }
    let wait = LockoutBudget(rule: rule).wait(for: 2, run.tries?[candidate.login] ?? LoginTries(), at: saga.now)
    if wait > 0 { throw LoginTriesUsedUp.wait(seconds: wait) }
  }

  /// With the secret of one of our versions, out of its envelope.
  func attempt(_ version: CredentialVersion, _ saga: Saga, _ run: inout SagaRun) async throws -> ProbeResult {
    let secret = try await candidates.open(version, of: saga.credential)
    return try await attempt(version.login, secret, question: "version \(version.number)", saga, &run)
  }

  /// A random secret must be refused before the new one's login means anything. The new one comes out of its envelope: what
  /// is proven is what consumers will read.
  func proveNewLogin(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    if run.driver.traits.secretClass == .minted {
      let swept = try await destroyUnclaimed(&saga, &run).fact
      guard swept == .unclaimedGone else { return swept }
    }
    if let fact = try await negativeControl(candidate, saga, &run) { return fact }
    switch try await attempt(candidate, saga, &run) {
    case .accepted(let identity, let sessionUser):
      run.addProof(.login, .passed, of: saga, version: candidate.number)
      let isRight = identity == saga.identity.name && sessionUser == candidate.login
      run.addProof(
        .identity, isRight ? .passed : .failed, of: saga, version: candidate.number,
        detail: ["identity": identity, "session_user": sessionUser])
      return isRight ? .loginProven : .identityMismatch
    case .refused(_, let code):
      run.addProof(.login, .failed, of: saga, version: candidate.number, detail: ["code": code])
      return .newRefused
    case .cannotTell(let cause):
      run.addProof(.login, .cannotTell, of: saga, version: candidate.number, detail: ["cause": cause])
      return .inconclusive(cause: "target_unreachable")
    }
  }

  /// Nil: refused, as it must be.
  private func negativeControl(
    _ version: CredentialVersion, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact? {
    let random =
      run.driver.traits.secretClass == .keyPair
      ? KeyPair.makePrivateKey()
      : candidates.generator.makeSecret(SecretPolicy(length: saga.identity.policy.secretLength))
    switch try await attempt(version.login, random, question: "control", saga, &run) {
    case .accepted:
      run.addProof(.negativeControl, .failed, of: saga, version: version.number)
      return .controlAccepted
    case .refused(_, let code):
      run.addProof(.negativeControl, .passed, of: saga, version: version.number, detail: ["code": code])
      return nil
    case .cannotTell(let cause):
      run.addProof(.negativeControl, .cannotTell, of: saga, version: version.number, detail: ["cause": cause])
      return .inconclusive(cause: "target_unreachable")
    }
  }

  /// After an effect that gave no answer: a random secret, then the new, then the old. Where failed logins are counted, what
  /// was refused since the saga came here is not asked again.
  func probeUnknown(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let candidate = saga.candidate else { throw SagaRun.missing("candidate") }
    if !(try await isRefused("control", candidate.login, saga, &run)),
      let fact = try await negativeControl(candidate, saga, &run)
    {
      return fact == .controlAccepted ? .probed(.foreignChange) : fact
    }
    let new = try await answer(of: candidate, saga, &run)
    var old = UnknownOutcome.Answer.none
    if new != .cannotTell, let version = saga.old { old = try await answer(of: version, saga, &run) }
    let situation = saga.situation(traits: run.driver.traits)
    return .probed(
      UnknownOutcome.verdict(
        new: new, old: old, mode: situation.mode, secretClass: situation.secretClass, slots: situation.slots))
  }

  private func answer(
    of version: CredentialVersion, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> UnknownOutcome.Answer {
    if try await isRefused("version \(version.number)", version.login, saga, &run) { return .refused }
    return .init(try await attempt(version, saga, &run))
  }

  private func isRefused(
    _ question: String, _ login: String, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> Bool {
    guard run.driver.traits.lockout != nil else { return false }
    if run.tries == nil { run.tries = try await store.loginTries(of: saga.credential) }
    guard let at = run.tries?[login]?.refusals[question] else { return false }
    return at >= saga.enteredAt
  }

  /// Both sides: what was taken back is refused, what was there before works. Then the candidate is over.
  func proveRollback(
    to old: CredentialVersion, _ saga: inout Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    if let candidate = saga.candidate {
      switch try await attempt(candidate, saga, &run) {
      case .accepted:
        run.addProof(.candidateRefused, .failed, of: saga, version: candidate.number)
        return .candidateAccepted
      case .refused(let why, let code):
        run.addProof(
          .candidateRefused, .passed, of: saga, version: candidate.number,
          detail: ["code": code, "refused": why.rawValue])
      case .cannotTell(let cause):
        run.addProof(.candidateRefused, .cannotTell, of: saga, version: candidate.number, detail: ["cause": cause])
        return .inconclusive(cause: "target_unreachable")
      }
    }
    switch try await attempt(old, saga, &run) {
    case .accepted:
      run.addProof(.oldAccepted, .passed, of: saga, version: old.number)
    case .refused(_, let code):
      run.addProof(.oldAccepted, .failed, of: saga, version: old.number, detail: ["code": code])
      return .oldNotAccepted
    case .cannotTell(let cause):
      run.addProof(.oldAccepted, .cannotTell, of: saga, version: old.number, detail: ["cause": cause])
      return .inconclusive(cause: "target_unreachable")
    }
    if let candidate = saga.candidate {
      run.changes.add(
        SetVersionState(credential: saga.credential, number: candidate.number, from: .candidate, to: .orphan))
      saga.set(.orphan, of: candidate.number)
    }
    return .rollbackProven
  }

  /// Effective rights against the approved ones, both ways.
  func proveRights(_ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    let approved = saga.identity.rights
    try await run.reach(.beforeProbe, saga)
    let found: PrivilegeSet
    do {
      found = try await run.driver.readPrivileges(of: saga.targetIdentity, deadline: run.probeDeadline)
    } catch {
      run.addProof(.rights, .cannotTell, of: saga, version: saga.newVersion)
      return .inconclusive(cause: "target_unreachable")
    }
    let extra = found.subtracting(approved)
    let missing = approved.subtracting(found)
    let isEqual = extra.isEmpty && missing.isEmpty
    run.addProof(
      .rights, isEqual ? .passed : .failed, of: saga, version: saga.newVersion,
      detail: [
        "approved": approved.line, "extra": extra.line, "missing": missing.line, "approved_digest": approved.digest,
        "found_digest": found.digest,
      ])
    if !extra.isEmpty { return .rightsExtra(extra.entries.count) }
    return missing.isEmpty ? .rightsEqual : .rightsMissing(missing.entries.count)
  }

  /// The old secret must be refused; then its sealed copy is destroyed.
  func proveOldRefused(_ saga: inout Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    guard let old = saga.old else { throw SagaRun.missing("old version") }
    let fact = run.refusedVersion == old.number ? .oldRefused : try await proveRefused(old, saga, &run)
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

  func proveRefused(
    _ version: CredentialVersion, _ saga: Saga, _ run: inout SagaRun
  ) async throws -> Machine.Fact {
    switch try await attempt(version, saga, &run) {
    case .accepted:
      run.addProof(.oldRefused, .failed, of: saga, version: version.number)
      logger.error(
        "a secret that must be dead was accepted",
        metadata: ["rotation.id": "\(saga.id)", "version": "\(version.number)"])
      return .oldAccepted
    case .refused(let why, let code):
      run.addProof(
        .oldRefused, .passed, of: saga, version: version.number, detail: ["code": code, "refused": why.rawValue])
      return .oldRefused
    case .cannotTell(let cause):
      run.addProof(
        .oldRefused, .cannotTell, of: saga, version: version.number, detail: ["cause": cause])
      return .inconclusive(cause: "target_unreachable")
    }
  }

  func proveNoResidue(_ names: [String], _ saga: Saga, _ run: inout SagaRun) async throws -> Machine.Fact {
    try await run.reach(.beforeProbe, saga)
    let residue = try await run.driver.listResidue(of: names, deadline: run.probeDeadline)
    run.addProof(
      .residue, residue.isEmpty ? .passed : .failed, of: saga, version: saga.oldVersion,
      detail: ["count": "\(residue.count)", "first": residue.prefix(5).joined(separator: " ")])
    return residue.isEmpty ? .residueEmpty : .residueFound(residue.count)
  }
}
