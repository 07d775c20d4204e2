import Foundation
import Governance
import Jobs
import Targets

/// The rows of one credential. Pure.
struct MemorySagaState: Sendable {
  struct Rotation: Sendable {
    let id = RotationID.make()
    let action: GovernedAction
    var trigger: String
    var state = RotationState.planned
    var authorization: AuthorizationID
    var resumeState: RotationState?
    var newVersion: Int32?
    var oldVersion: Int32?
    var candidates: Int32 = 0
    var waitUntil: Date?
    var enteredAt: Date
    var finishedAt: Date?
    var fence: Int64 = 0
    var hasGranted = false
    var inventory: [String]?
    var note: QuarantineNote?
    var history: [RotationState] = [.planned]

    var allowed: [QuarantineAction] { note?.allowed ?? [.release, .abandon] }
  }

  struct Effect: Sendable {
    let rotation: RotationID
    let permit: UUID
    let verb: TargetVerb
    let fence: Int64
    var state: String
    let intendedAt: Date
  }

  let credential = CredentialID.make()
  var identity: SagaIdentity
  var credentialState = CredentialRecord.State.pending
  /// The highest that any run has put onto the credential.
  var fence: Int64 = 0
  var authorization = AuthorizationID.make()
  var isAuthorized = true
  var dueAnchor: Date?
  var leakedAt: Date?
  let hardExpiresAt: Date
  var versions: [CredentialVersion] = []
  var rotations: [Rotation] = []
  var effects: [UUID: Effect] = [:]
  var permits: Set<UUID> = []
  var proofs: [(rotation: RotationID, proof: InsertProofs.Proof)] = []
  var tries: [String: LoginTries] = [:]
  var jobFence: Int64 = 0
  var jobOwner: UUID?

  init(identity: SagaIdentity, now: Date) {
    self.identity = identity
    hardExpiresAt = now.addingTimeInterval(315_360_000)
  }

  /// A revocation before anything else.
  var open: Int? {
    rotations.indices.filter { rotations[$0].finishedAt == nil }.min {
      rotations[$0].action == .revoke && rotations[$1].action != .revoke
    }
  }

  func saga(clock: DatabaseClock) -> Saga? {
    guard let index = open else { return nil }
    let row = rotations[index]
    return Saga(
      id: row.id, credential: credential, credentialFence: fence, action: row.action, trigger: row.trigger,
      state: row.state, authorization: row.authorization, resumeState: row.resumeState, candidates: row.candidates,
      waitUntil: row.waitUntil, enteredAt: row.enteredAt, identity: identity, target: TargetID(credential.rawValue),
      adminVersion: 1, dueAnchor: dueAnchor, hardExpiresAt: hardExpiresAt, versions: versions,
      newVersion: row.newVersion, oldVersion: row.oldVersion, hasGranted: row.hasGranted, inventory: row.inventory,
      isLeakPending: leakedAt != nil, clock: clock)
  }

  // MARK: Orders

  /// As `InsertSagas` and `MarkLeaked`.
  mutating func order(_ action: GovernedAction, _ trigger: RotationTrigger, now: Date) -> Bool {
    guard action != .rotate || credentialState == .active else { return false }
    let isLeak = trigger.word == RotationTrigger.leakWord
    if isLeak, credentialState == .active { leakedAt = leakedAt ?? now }
    let same = rotations.firstIndex { $0.finishedAt == nil && ($0.action == .revoke) == (action == .revoke) }
    if let same {
      let begun = ![.planned, .claimed, .prepared].contains(rotations[same].state)
      if isLeak, rotations[same].action == .rotate, !begun { rotations[same].trigger = trigger.word }
      return false
    }
    rotations.append(
      Rotation(
        action: action, trigger: action == .rotate && leakedAt != nil ? RotationTrigger.leakWord : trigger.word,
        authorization: authorization, enteredAt: now))
    return true
  }

  mutating func decide(_ action: QuarantineAction, now: Date) -> Bool {
    guard let index = open, rotations[index].state == .quarantined, rotations[index].allowed.contains(action) else {
      return false
    }
    jobFence += 1
    jobOwner = nil
    switch action {
    case .release: break
    case .rollback: rotations[index].resumeState = .rollingBack
    case .abandon:
      rotations[index].state = .abandoned
      rotations[index].history.append(.abandoned)
      rotations[index].finishedAt = now
      fence = max(fence, jobFence)
      settleEffects(of: rotations[index].id)
      for place in versions.indices where versions[place].state == .candidate { end(place, as: .orphan) }
    }
    return true
  }

  mutating func settleEffects(of rotation: RotationID) {
    for (id, effect) in effects where effect.rotation == rotation && effect.state == "intended" {
      effects[id]!.state = "unknown"
    }
  }

  mutating func end(_ place: Int, as state: CredentialVersion.State) {
    let version = versions[place]
    versions[place] = CredentialVersion(number: version.number, state: state, login: version.login, envelope: nil)
  }

  mutating func set(_ place: Int, to state: CredentialVersion.State) {
    let version = versions[place]
    versions[place] = CredentialVersion(
      number: version.number, state: state, login: version.login, envelope: version.envelope)
  }

  // MARK: Audit

  func audit() -> [String] {
    var findings: [String] = []
    for rotation in rotations where rotation.finishedAt == nil { findings.append("a saga is open: \(rotation.state)") }
    let open = effects.values.filter { $0.state == "intended" }
    if !open.isEmpty { findings.append("\(open.count) effects are neither settled nor repeated") }
    if effects.count != permits.count { findings.append("\(effects.count) effects, \(permits.count) permits") }
    for rotation in rotations where rotation.state == .done { findings += audit(done: rotation) }
    for rotation in rotations where rotation.state == .rolledBack {
      if !has(.oldAccepted, rotation) { findings.append("rolled back without proof that the old secret works") }
      if rotation.newVersion != nil, !has(.candidateRefused, rotation) {
        findings.append("rolled back without proof that the candidate is refused")
      }
      if rotation.trigger == RotationTrigger.leakWord { findings.append("rolled back to a leaked secret") }
    }
    return findings
  }

  private func audit(done rotation: Rotation) -> [String] {
    var needed: [ProofKind] = []
    if rotation.action == .revoke {
      needed = [.oldRefused, .residue]
    } else {
      needed = [.negativeControl, .login, .identity, .rights]
      if rotation.oldVersion != nil { needed.append(.oldRefused) }
    }
    // A revocation of what was never issued has nothing to log in with.
    if rotation.action == .revoke, versions.isEmpty { needed = [.residue] }
    return needed.filter { !has($0, rotation) }.map { "done without a passed proof of \($0.rawValue)" }
  }

  private func has(_ kind: ProofKind, _ rotation: Rotation) -> Bool {
    proofs.contains { $0.rotation == rotation.id && $0.proof.kind == kind && $0.proof.result == .passed }
  }
}
