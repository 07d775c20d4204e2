import Foundation
import Governance
import Jobs
import Targets

/// An open saga with everything its moves need. Loaded once per claim; from then on it follows what this run commits, which
/// is guarded by state and fence: a belief that is wrong cannot be written.
struct Saga: Sendable {
  let id: RotationID
  let credential: CredentialID
  /// The highest that any run of the credential has put onto it.
  let credentialFence: Int64
  let action: GovernedAction
  /// The word of its trigger.
  let trigger: String
  private(set) var state: RotationState
  /// Changes when somebody approved anew while this run was under way.
  var authorization: AuthorizationID
  var resumeState: RotationState?
  var candidates: Int32
  var waitUntil: Date?
  /// When the state was entered.
  private(set) var enteredAt: Date
  private(set) var identity: SagaIdentity
  let target: TargetID
  /// Of the target's admin secret.
  let adminVersion: Int32
  let dueAnchor: Date?
  let hardExpiresAt: Date
  private(set) var versions: [CredentialVersion]
  var newVersion: Int32?
  var oldVersion: Int32?
  /// Missing rights were granted once.
  var hasGranted: Bool
  /// Keys that the target held before the first was minted; nil: not asked yet.
  var inventory: [String]?
  /// The current secret was reported as known to others, perhaps after this saga began.
  let isLeakPending: Bool
  let clock: DatabaseClock

  init(
    id: RotationID, credential: CredentialID, credentialFence: Int64, action: GovernedAction, trigger: String,
    state: RotationState, authorization: AuthorizationID, resumeState: RotationState?, candidates: Int32,
    waitUntil: Date?, enteredAt: Date,
    identity: SagaIdentity, target: TargetID, adminVersion: Int32, dueAnchor: Date?, hardExpiresAt: Date,
    versions: [CredentialVersion], newVersion: Int32?, oldVersion: Int32?, hasGranted: Bool, inventory: [String]?,
    isLeakPending: Bool, clock: DatabaseClock
  ) {
    self.id = id
    self.credential = credential
    self.credentialFence = credentialFence
    self.action = action
    self.trigger = trigger
    self.state = state
    self.authorization = authorization
    self.resumeState = resumeState
    self.candidates = candidates
    self.waitUntil = waitUntil
    self.enteredAt = enteredAt
    self.identity = identity
    self.target = target
    self.adminVersion = adminVersion
    self.dueAnchor = dueAnchor
    self.hardExpiresAt = hardExpiresAt
    self.versions = versions
    self.newVersion = newVersion
    self.oldVersion = oldVersion
    self.hasGranted = hasGranted
    self.inventory = inventory
    self.isLeakPending = isLeakPending
    self.clock = clock
  }

  var now: Date { clock.now }
  var targetIdentity: TargetIdentity { identity.onTarget }
  var candidate: CredentialVersion? { version(newVersion) }
  var old: CredentialVersion? { version(oldVersion) }
  var current: CredentialVersion? { versions.first { $0.state == .current } }
  var cause: RotationStateMachine.Cause {
    guard action == .rotate else { return .routine }
    return switch trigger {
    case RotationTrigger.leakWord: .leak
    case RotationTrigger.narrowedWord: .narrowing
    default: .routine
    }
  }
  var nextNumber: Int32 { (versions.map(\.number).max() ?? 0) + 1 }

  func version(_ number: Int32?) -> CredentialVersion? {
    versions.first { $0.number == number }
  }

  /// Into `state` at this moment.
  mutating func enter(_ state: RotationState) -> MoveSaga.Move {
    // Another process entered the last state, by a reading of its own.
    let now = max(now, enteredAt)
    defer {
      self.state = state
      enteredAt = now
    }
    return MoveSaga.Move(from: self.state, to: state, startedAt: enteredAt, at: now)
  }

  mutating func add(_ version: CredentialVersion) { versions.append(version) }

  /// Keeps the number taken, whatever becomes of the version; one that is over has no secret any more.
  mutating func set(_ state: CredentialVersion.State, of number: Int32) {
    guard let index = versions.firstIndex(where: { $0.number == number }) else { return }
    let version = versions[index]
    let isOver = state == .revoked || state == .orphan
    versions[index] = CredentialVersion(
      number: number, state: state, login: version.login, envelope: isOver ? nil : version.envelope)
  }

  /// Two logins are for targets on which we set secrets as we like; on others the identity is the one login.
  mutating func adopt(_ traits: TargetTraits) {
    guard traits.secretClass != .overwrite else { return }
    identity = SagaIdentity(
      id: identity.id, name: identity.name, loginMode: LoginMode.single.rawValue, rights: identity.rights.entries,
      policy: identity.policy)
  }

  func situation(traits: TargetTraits) -> RotationStateMachine.Situation {
    .init(
      action: action, mode: targetIdentity.mode, secretClass: traits.secretClass,
      slots: traits.secretClass == .minted || traits.secretClass == .keyPair ? traits.slots : .one, cause: cause,
      hasOldVersion: oldVersion != nil || (newVersion == nil && current != nil),
      candidates: candidates, isSettled: now.timeIntervalSince(enteredAt) >= identity.policy.settle,
      hasGranted: hasGranted, resumeState: resumeState)
  }
}

/// What a saga needs to know of its identity.
struct SagaIdentity: Sendable {
  let id: IdentityID
  let name: String
  let rights: PrivilegeSet
  let policy: Policy
  let onTarget: TargetIdentity

  init(id: IdentityID, name: String, loginMode: String, rights: [String], policy: Policy) {
    self.id = id
    self.name = name
    self.rights = PrivilegeSet(rights)
    self.policy = policy
    onTarget = TargetIdentity(name: name, mode: LoginMode(rawValue: loginMode) ?? .alternating)
  }
}

/// The database's clock as it was read, carried on by the monotonic clock of this process: late by at most the time that the
/// reading took to arrive, never early.
struct DatabaseClock: Sendable {
  private let reading: Date
  private let elapsed: @Sendable () -> Double

  init(reading: Date, arrival: ContinuousClock.Instant = .now) {
    self.reading = reading
    elapsed = { (ContinuousClock.now - arrival) / .seconds(1) }
  }

  /// - Parameter elapsed: seconds since the reading.
  init(reading: Date, elapsed: @escaping @Sendable () -> Double) {
    self.reading = reading
    self.elapsed = elapsed
  }

  var now: Date { reading.addingTimeInterval(elapsed()) }
}
