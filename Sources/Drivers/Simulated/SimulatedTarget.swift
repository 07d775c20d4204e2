package import Secrets
import Synchronization
package import Targets

/// A target that lives in this process: for tests and benchmarks. It keeps the rules of a PostgreSQL server as far as the
/// engine can see them: roles, logins, memberships, sessions, ownership, and a fence per identity.
///
/// Nothing of it is shared between processes, and nothing is kept when the process ends.
package final class SimulatedTarget: Sendable {
  private let state: Mutex<SimulatedState>
  private let late = Mutex<[@Sendable (inout SimulatedState) -> Void]>([])
  /// Seconds, of a clock that only grows.
  let clock: @Sendable () -> Double

  /// - Parameter adoptsUnknown: an identity that this process has not seen stands for one that is there: it is taken over
  ///   at the first change, with the mark of that change, the rights the change names, and logins that refuse every secret
  ///   until one is set. So several processes can each have their share of one target's work, and nothing is ever accepted
  ///   that was not set here.
  package init(
    adoptsUnknown: Bool = false, traits: TargetTraits = .simulated,
    clock: @escaping @Sendable () -> Double = SimulatedTarget.monotonic
  ) {
    state = Mutex(SimulatedState(adoptsUnknown: adoptsUnknown, traits: traits))
    self.clock = clock
  }

  package static let monotonic: @Sendable () -> Double = {
    let start = SimulatedTarget.start
    return (ContinuousClock.now - start) / .seconds(1) + 1_000_000
  }

  private static let start = ContinuousClock.now

  package var traits: TargetTraits { state.withLock { $0.traits } }

  func withState<Value: Sendable>(_ body: (inout sending SimulatedState) -> sending Value) -> sending Value {
    state.withLock { body(&$0) }
  }

  // MARK: What happens later

  func postpone(_ change: @escaping @Sendable (inout SimulatedState) -> Void) {
    late.withLock { $0.append(change) }
  }

  /// Does what was postponed. Returns how much.
  @discardableResult
  package func deliverLate() -> Int {
    let changes = late.withLock { late in
      defer { late = [] }
      return late
    }
    for change in changes { state.withLock { change(&$0) } }
    return changes.count
  }

  /// From here on only the newest secrets are accepted.
  package func settle() { state.withLock { $0.settle() } }

  // MARK: What an observer sees

  /// Whether a login would be let in now; counts as no try.
  package func accepts(_ login: String, _ secret: SecretBytes) -> Bool {
    state.withLock { state in
      if case .accepted = state.authenticate(login, secret) { true } else { false }
    }
  }

  /// Logins, or keys, that would let somebody in who knows their secret.
  package var liveLogins: [String] {
    state.withLock { state in
      state.roles.flatMap { name, role -> [String] in
        guard role.isLogin, !role.isBlocked else { return [] }
        if state.traits.secretClass == .overwrite || state.traits.secretClass == .selfChange {
          return role.secret == nil ? [] : [name]
        }
        return role.keys.filter { !$0.isDisabled }.map(\.id)
      }.sorted()
    }
  }

  /// Ids of keys, whatever their state.
  package var keyIDs: [String] { state.withLock { $0.roles.values.flatMap { $0.keys.map(\.id) }.sorted() } }

  /// Logins that were ever locked by too many failures.
  package var everLocked: Set<String> { state.withLock { $0.everLocked } }

  /// How often the sessions of a login, or key, were ended: one that was opened before the last time is gone.
  package func endings(of login: String) -> Int { state.withLock { $0.endings[login] ?? 0 } }

  /// Every secret that was ever set or minted here, with its login or key.
  package var everHeld: [(login: String, secret: SecretBytes)] { state.withLock { $0.everHeld } }

  package func sessions(of login: String) -> Int { state.withLock { $0.sessions(of: [login]) } }

  package func rights(of role: String) -> [String] { state.withLock { $0.roles[role]?.rights.sorted() ?? [] } }

  // MARK: What an administrator could do behind the engine's back

  /// False when the login does not accept the secret.
  package func openSession(_ login: String, _ secret: SecretBytes) -> Bool {
    state.withLock { state in
      guard case .accepted = state.authenticate(login, secret) else { return false }
      if let holder = state.roles.first(where: { $0.value.keys.contains { $0.id == login } })?.key,
        let index = state.roles[holder]!.keys.firstIndex(where: { $0.id == login })
      {
        state.roles[holder]!.keys[index].sessions += 1
      } else {
        state.roles[login]?.sessions += 1
      }
      return true
    }
  }

  package func endSessions(of login: String) { state.withLock { $0.endSessions(of: login) } }

  /// False when there is no such role.
  package func addObject(_ object: String, ownedBy role: String) -> Bool {
    state.withLock { state in
      state.roles[role]?.objects.append(object)
      return state.roles[role] != nil
    }
  }

  /// A right that nobody approved, or one less than was.
  package func setRights(_ rights: [String], of role: String) {
    state.withLock { $0.roles[role]?.rights = Set(rights) }
  }

  /// Somebody else sets a secret. False when there is no such login.
  package func setSecret(_ secret: SecretBytes, of login: String) -> Bool {
    state.withLock { state in
      state.roles[login]?.secret = secret
      return state.roles[login] != nil
    }
  }

  /// Somebody else took the identity over, or another engine did.
  package func setMark(_ mark: String, fence: Int64, of role: String) {
    state.withLock { state in
      guard let old = state.roles[role] else { return }
      var new = SimulatedState.Role(mark: mark, fence: fence)
      new.secret = old.secret
      new.keys = old.keys
      new.isLogin = old.isLogin
      new.isBlocked = old.isBlocked
      new.actsAs = old.actsAs
      new.rights = old.rights
      new.sessions = old.sessions
      new.objects = old.objects
      state.roles[role] = new
    }
  }

  /// A role of somebody else.
  package func addForeignRole(_ name: String) {
    state.withLock { $0.roles[name] = SimulatedState.Role(mark: "", fence: 0) }
  }

  /// Sorted.
  package var roleNames: [String] { state.withLock { $0.roles.keys.sorted() } }

  /// Objects that removed owners left to the admin.
  package var objectsOfAdmin: [String] { state.withLock { $0.objectsOfAdmin } }
}

/// The simulated targets of this process, by name. A factory's drivers for the same name share one.
package final class SimulatedTargets: Sendable {
  private let targets = Mutex<[String: SimulatedTarget]>([:])

  package init() {}

  /// Made on first use.
  package func target(
    _ name: String, adoptsUnknown: Bool = false, traits: TargetTraits = .simulated
  ) -> SimulatedTarget {
    targets.withLock { targets in
      if let target = targets[name] { return target }
      let target = SimulatedTarget(adoptsUnknown: adoptsUnknown, traits: traits)
      targets[name] = target
      return target
    }
  }
}

extension TargetTraits {
  /// Of a simulated target that nothing else was said about: as PostgreSQL's.
  package static let simulated = TargetTraits(secretClass: .overwrite, fencesOnTarget: true)
}
