package import Secrets
import Synchronization
import Targets

/// A target that lives in this process: for tests and benchmarks. It keeps the rules of a PostgreSQL server as far as the
/// engine can see them: roles, logins, memberships, sessions, ownership, and a fence per identity.
///
/// Nothing of it is shared between processes, and nothing is kept when the process ends.
package final class SimulatedTarget: Sendable {
  private let state: Mutex<SimulatedState>

  /// - Parameter adoptsUnknown: an identity that this process has not seen stands for one that is there: it is taken over
  ///   at the first change, with the mark of that change, the rights the change names, and logins that refuse every secret
  ///   until one is set. So several processes can each have their share of one target's work, and nothing is ever accepted
  ///   that was not set here.
  init(adoptsUnknown: Bool) {
    state = Mutex(SimulatedState(adoptsUnknown: adoptsUnknown))
  }

  func withState<Value: Sendable>(_ body: (inout sending SimulatedState) -> sending Value) -> sending Value {
    state.withLock { body(&$0) }
  }

  // MARK: What an administrator could do behind the engine's back

  /// False when the login does not accept the secret.
  package func openSession(_ login: String, _ secret: SecretBytes) -> Bool {
    state.withLock { state in
      guard case .accepted = state.authenticate(login, secret) else { return false }
      state.roles[login]?.sessions += 1
      return true
    }
  }

  package func endSessions(of login: String) { state.withLock { $0.roles[login]?.sessions = 0 } }

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
  package func target(_ name: String, adoptsUnknown: Bool = false) -> SimulatedTarget {
    targets.withLock { targets in
      if let target = targets[name] { return target }
      let target = SimulatedTarget(adoptsUnknown: adoptsUnknown)
      targets[name] = target
      return target
    }
  }
}
