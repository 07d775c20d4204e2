import Foundation
import Governance
import Jobs

/// What each statement of a step does to the rows, with its guard.
extension MemorySagaState {
  private static func guardFailed(_ name: String) -> JobsError {
    JobsError(code: .guardFailed, message: "changed nothing", statement: name)
  }

  private static func rejected(_ name: String, _ why: String) -> JobsError {
    JobsError(code: .rejected, message: why, statement: name)
  }

  mutating func apply(
    _ write: SagaStep.Write, sabotage: MemorySagaStore.Sabotage?, now: Date
  ) throws(JobsError) {
    switch write {
    case .permit(let permit):
      guard isAuthorized, permit.authorization == authorization, permit.identity == identity.id else {
        throw Self.guardFailed(GrantPermit.name)
      }
      permits.insert(permit.id)
    case .statement(let required as RequireAuthority):
      guard isAuthorized, required.authorization == authorization else { throw Self.guardFailed(RequireAuthority.name) }
    case .statement(let move as MoveSaga): try apply(move, now, ignoresFence: sabotage == .ignoresLeases)
    case .statement(let insert as InsertEffect): try apply(insert, now, forgets: sabotage == .forgetsIntents)
    case .statement(let settle as SettleEffect): try apply(settle)
    case .statement(let supersede as SupersedeEffects):
      for (id, effect) in effects
      where effect.rotation == supersede.rotation && (supersede.verb == nil || effect.verb == supersede.verb)
        && effect.state == "intended"
        && effect.fence <= supersede.fence
      {
        effects[id]!.state = "unknown"
      }
    case .statement(let cancel as CancelOtherSagas):
      for index in rotations.indices where rotations[index].id != cancel.rotation && rotations[index].finishedAt == nil
      {
        rotations[index].state = .cancelled
        settleEffects(of: rotations[index].id)
        rotations[index].finishedAt = now
      }
    case .statement(let proofs as InsertProofs):
      self.proofs += proofs.proofs.map { (proofs.rotation, $0) }
    case .statement(let tried as CountLoginTry):
      if sabotage != .forgetsTries { tries[tried.login] = tried.tries }
    case .statement(let grant as NoteGrant):
      for index in rotations.indices where rotations[index].id == grant.rotation { rotations[index].hasGranted = true }
    case .statement(let inventory as NoteInventory):
      guard let index = rotations.firstIndex(where: { $0.id == inventory.rotation && $0.inventory == nil }) else {
        throw Self.guardFailed(NoteInventory.name)
      }
      rotations[index].inventory = inventory.keys
    case .statement(let note as NoteQuarantine):
      for index in rotations.indices where rotations[index].id == note.rotation { rotations[index].note = note.note }
    case .statement(let raise as RaiseCredentialFence):
      guard fence <= raise.fence || sabotage == .ignoresLeases else {
        throw Self.guardFailed(RaiseCredentialFence.name)
      }
      fence = max(fence, raise.fence)
    case .statement(let change as SetCredentialState): credentialState = change.state
    case .statement(let publish as PublishCredential):
      guard fence <= publish.fence || sabotage == .ignoresLeases, [.pending, .active].contains(credentialState) else {
        throw Self.guardFailed(PublishCredential.name)
      }
      credentialState = .active
      dueAnchor = publish.anchor
      if publish.endsLeak { leakedAt = nil }
    case .statement(let statement): try applyVersion(statement, sabotage: sabotage)
    }
  }

  private mutating func apply(_ move: MoveSaga, _ now: Date, ignoresFence: Bool) throws(JobsError) {
    guard
      let index = rotations.firstIndex(where: {
        $0.id == move.rotation && $0.state == move.path[0].from && $0.finishedAt == nil
          && ($0.fence <= move.fence || ignoresFence)
      })
    else { throw Self.guardFailed(MoveSaga.name) }
    for step in move.path {
      guard rotations[index].history.last == step.from else {
        throw Self.rejected(MoveSaga.name, "a gap in the history")
      }
      rotations[index].history.append(step.to)
      rotations[index].state = step.to
      rotations[index].enteredAt = min(step.at, now)
    }
    proofs += move.proofs.map { (move.rotation, $0) }
    rotations[index].fence = move.fence
    rotations[index].newVersion = move.newVersion
    rotations[index].oldVersion = move.oldVersion
    rotations[index].candidates = move.candidates
    rotations[index].resumeState = move.resumeState
    rotations[index].waitUntil = move.waitUntil
    if rotations[index].state.isFinal { rotations[index].finishedAt = now }
  }

  private mutating func apply(_ insert: InsertEffect, _ now: Date, forgets: Bool) throws(JobsError) {
    guard permits.contains(insert.permit) else { throw Self.guardFailed(InsertEffect.name) }
    if forgets { return }
    effects[insert.id] = Effect(
      rotation: insert.rotation, permit: insert.permit, verb: insert.verb, fence: insert.fence, state: "intended",
      intendedAt: now)
  }

  private mutating func apply(_ settle: SettleEffect) throws(JobsError) {
    // Where intents are forgotten, their outcomes have no place.
    guard let effect = effects[settle.effect], effect.state == "intended", effect.fence == settle.fence else {
      if effects.isEmpty, !permits.isEmpty { return }
      throw Self.guardFailed(SettleEffect.name)
    }
    effects[settle.effect]!.state = settle.state
  }

  /// Statements about other tables are not the sagas' and change nothing here.
  private mutating func applyVersion(
    _ statement: any BatchStatement, sabotage: MemorySagaStore.Sabotage?
  ) throws(JobsError) {
    switch statement {
    case let insert as InsertCandidate:
      guard !versions.contains(where: { $0.number == insert.version.number || $0.state == .candidate }) else {
        throw Self.rejected(InsertCandidate.name, "a second candidate")
      }
      versions.append(insert.version)
      if sabotage == .losesSecrets { end(versions.count - 1, as: .candidate) }
    case let change as SetVersionState:
      guard let place = versions.firstIndex(where: { $0.number == change.number && $0.state == change.from }) else {
        throw Self.guardFailed(SetVersionState.name)
      }
      if change.to == .current, versions.contains(where: { $0.state == .current }) {
        throw Self.rejected(SetVersionState.name, "a second current version")
      }
      if change.to == .orphan { end(place, as: .orphan) } else { set(place, to: change.to) }
    case let over as EndVersion:
      guard let place = versions.firstIndex(where: { $0.number == over.number && $0.state == .retiring }) else {
        throw Self.guardFailed(EndVersion.name)
      }
      end(place, as: .revoked)
    case is EndAllVersions:
      for place in versions.indices {
        switch versions[place].state {
        case .candidate: end(place, as: .orphan)
        case .current, .retiring: end(place, as: .revoked)
        case .revoked, .orphan: break
        }
      }
    default: break
    }
  }
}
