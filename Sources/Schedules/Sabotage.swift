import Lifecycle
import Secrets
import Synchronization
import Targets

/// A rule that is broken on purpose, to see that the oracle finds it.
package enum Sabotage: String, Sendable, CaseIterable {
  /// The store lets workers write that lost their lease.
  case staleWriters = "stale_writers"
  /// Effects are begun without a row that says so.
  case forgottenIntents = "forgotten_intents"
  /// Failed logins are not counted.
  case forgottenTries = "forgotten_tries"
  /// Candidates are stored without their secret.
  case lostSecrets = "lost_secrets"
  /// The target says that it keeps a fence, and keeps none.
  case noFence = "no_fence"
  /// The driver says that sessions are ended, and ends none.
  case hiddenSessions = "hidden_sessions"
  /// The driver says that things are gone, and leaves them.
  case hiddenResidue = "hidden_residue"
  /// The driver says that a login is cut, and cuts nothing.
  case pretendedCuts = "pretended_cuts"
  /// The driver reads rights as approved, whatever they are.
  case pretendedRights = "pretended_rights"

  var store: MemorySagaStore.Sabotage? {
    switch self {
    case .staleWriters: .ignoresLeases
    case .forgottenIntents: .forgetsIntents
    case .forgottenTries: .forgetsTries
    case .lostSecrets: .losesSecrets
    default: nil
    }
  }
}

/// Says other than what is, as the sabotage wants it.
final class SabotagedDriver: TargetDriver {
  private let driver: any TargetDriver
  private let sabotage: Sabotage
  private let approved: PrivilegeSet
  private let cut = Mutex<Set<String>>([])
  private let gone = Mutex<Set<String>>([])

  init(_ driver: any TargetDriver, _ sabotage: Sabotage, approved: [String]) {
    self.driver = driver
    self.sabotage = sabotage
    self.approved = PrivilegeSet(approved)
  }

  var traits: TargetTraits {
    let traits = driver.traits
    guard sabotage == .noFence else { return traits }
    return TargetTraits(
      secretClass: traits.secretClass, fencesOnTarget: true, slots: traits.slots, lockout: traits.lockout)
  }

  func apply(_ change: TargetChange, context: EffectContext) async throws -> EffectOutcome {
    switch (sabotage, change) {
    case (.hiddenSessions, .endSessions): return .done
    case (.hiddenResidue, .drop(let names, _)):
      gone.withLock { $0.formUnion(names) }
      return .done
    case (.hiddenResidue, .key(.destroyKeys(let ids), _)):
      gone.withLock { $0.formUnion(ids) }
      return .done
    case (.pretendedCuts, .blockLogins(let logins, _)), (.pretendedCuts, .key(.disableKeys(let logins), _)):
      cut.withLock { $0.formUnion(logins) }
      return .done
    default:
      if case .setSecret(_, let login, _, _, _) = change { cut.withLock { _ = $0.remove(login) } }
      return try await driver.apply(change, context: context)
    }
  }

  func mint(_ order: MintOrder, context: EffectContext) async throws -> MintOutcome {
    try await driver.mint(order, context: context)
  }

  func listKeys(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> [TargetKey] {
    let hidden = gone.withLock { $0 }
    return try await driver.listKeys(of: identity, deadline: deadline).filter { !hidden.contains($0.id) }
  }

  func readMark(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> TargetMark? {
    try await driver.readMark(of: identity, deadline: deadline)
  }

  func authenticate(login: String, secret: SecretBytes, deadline: ContinuousClock.Instant) async -> ProbeResult {
    if cut.withLock({ $0.contains(login) }) { return .refused(.blocked, code: "pretended") }
    return await driver.authenticate(login: login, secret: secret, deadline: deadline)
  }

  func readPrivileges(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> PrivilegeSet {
    sabotage == .pretendedRights ? approved : try await driver.readPrivileges(of: identity, deadline: deadline)
  }

  func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int {
    sabotage == .hiddenSessions ? 0 : try await driver.countSessions(of: logins, deadline: deadline)
  }

  func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String] {
    sabotage == .hiddenResidue ? [] : try await driver.listResidue(of: names, deadline: deadline)
  }

  func examine(deadline: ContinuousClock.Instant) async -> [String] { [] }

  func close() async {}
}
