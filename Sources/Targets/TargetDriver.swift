package import Secrets

/// The code that speaks to one kind of target, bound to one target.
///
/// A driver is lent what it needs, call by call: it is given no database handle, keeps no state that matters after a
/// crash, and decides nothing. Writing verbs are called by the effect executor alone. An error *thrown* out of a driver
/// means the outcome is unknown.
package protocol TargetDriver: Sendable {
  var traits: TargetTraits { get }

  /// Changes the target. Repeating a change with the same context is harmless.
  func apply(_ change: TargetChange, context: EffectContext) async throws -> EffectOutcome

  /// Cuts off many identities at once: blocks every login of each, ends their sessions, and sees none left, twice. The
  /// answers are in the order of the orders. Default: `containOneByOne`.
  func contain(_ orders: [ContainmentOrder]) async -> [EffectOutcome]

  /// Has the target make a secret, for the class `minted` only. The target shows it once: what is lost on the way is found by
  /// `listKeys` and destroyed. Repeating it makes another one.
  func mint(_ order: MintOrder, context: EffectContext) async throws -> MintOutcome

  /// The keys the target holds for the identity, for the classes `minted` and `keyPair` only.
  func listKeys(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> [TargetKey]

  /// By what the target knows the identity as ours, and the newest fence it has seen. Nil: this kind of target keeps none, or
  /// the identity is not there.
  func readMark(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> TargetMark?

  /// Logs in as `login` with `secret` and reports what the target answered, and as whom it let us in.
  func authenticate(login: String, secret: SecretBytes, deadline: ContinuousClock.Instant) async -> ProbeResult

  /// The rights of the identity and of its logins that approval is about: `EffectiveRights.held`.
  func readPrivileges(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> PrivilegeSet

  /// All that the identity can do, by where it comes from. Slower: looks at the whole target.
  func readEffectiveRights(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> EffectiveRights

  /// Open sessions that were authenticated as one of `logins`.
  func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int

  /// What the target still holds of `names` (roles, memberships, ownership, settings, slots, prepared transactions),
  /// one line each; empty means nothing is left.
  func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String]

  /// Everything on the target that can log in or carries a mark of ours, and `names` where they exist; the target's own
  /// built-in roles aside. Nil: this kind of target does not tell.
  func listLogins(
    named names: [String], deadline: ContinuousClock.Instant
  ) async throws -> [ObservedLogin]?

  /// Nil: the admin's secret of this kind of target cannot be changed by us.
  var admin: (any TargetAdmin)? { get }

  /// Checks that the target can be used at all: reachable, the admin's rights suffice, and a random secret for an
  /// unknown login is refused. Empty means sound; each entry is a problem with its remedy.
  func examine(deadline: ContinuousClock.Instant) async -> [String]

  /// Ends pooled admin connections.
  func close() async
}

extension TargetDriver {
  package func contain(_ orders: [ContainmentOrder]) async -> [EffectOutcome] { await containOneByOne(orders) }

  package func mint(_ order: MintOrder, context: EffectContext) async throws -> MintOutcome {
    .refused(.other, code: "not_minted")
  }

  package func listKeys(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> [TargetKey] {
    []
  }

  package func readMark(of identity: TargetIdentity, deadline: ContinuousClock.Instant) async throws -> TargetMark? {
    nil
  }
}

/// How an identity is laid out on a target.
package struct TargetIdentity: Sendable, Hashable {
  /// The name that owns objects and rights on the target.
  package let name: String
  package let mode: LoginMode

  package init(name: String, mode: LoginMode) {
    self.name = name
    self.mode = mode
  }

  /// The login for the next version: never the one that carries `current`, unless there is only one.
  package func login(besides current: String?) -> String {
    logins.first { $0 != current } ?? name
  }

  /// Every login this identity can have.
  package var logins: [String] {
    switch mode {
    case .single: [name]
    case .alternating: ["\(name)_a", "\(name)_b"]
    }
  }

  /// Every name this identity can occupy on the target.
  package var names: [String] {
    switch mode {
    case .single: [name]
    case .alternating: [name] + logins
    }
  }
}

/// `alternating`: two logins in one owner role, so that no moment is without a working secret. `single`: one login whose
/// secret is replaced.
package enum LoginMode: String, Sendable, CaseIterable {
  case alternating
  case single
}

/// One change of a target. Each case is idempotent for the same identity, login and secret.
package enum TargetChange: Sendable {
  /// Makes the identity if `mayCreate`, then makes `login` accept exactly `secret`, and grants the approved rights.
  case setSecret(identity: TargetIdentity, login: String, secret: SecretBytes, rights: PrivilegeSet, mayCreate: Bool)
  /// Adds the approved rights that are missing. Never removes any.
  case grant(identity: TargetIdentity, rights: PrivilegeSet)
  /// Takes rights away. Those that are not there count as taken.
  case revoke(identity: TargetIdentity, rights: PrivilegeSet)
  /// What only targets of other classes than `overwrite` can do.
  case key(KeyChange, of: TargetIdentity)
  /// No new session by `logins`; reversible.
  case blockLogins([String], of: TargetIdentity)
  /// Ends the sessions of `logins`.
  case endSessions([String], of: TargetIdentity)
  /// Removes rights and owned objects' dependencies. Objects of a removed owner are handed to the admin, never dropped.
  case strip(names: [String], of: TargetIdentity)
  /// Removes `names` from the target; "not there" is done.
  case drop(names: [String], of: TargetIdentity)

  /// The word that effect rows and logs use.
  package var verb: TargetVerb {
    switch self {
    case .setSecret: .setSecret
    case .grant: .grant
    case .revoke: .revoke
    case .key(let change, _): change.verb
    case .blockLogins: .blockLogins
    case .endSessions: .endSessions
    case .strip: .strip
    case .drop: .drop
    }
  }
}

package enum TargetVerb: String, Sendable, CaseIterable {
  case setSecret = "set_secret"
  case grant
  case revoke = "revoke_rights"
  case changeOwn = "change_own"
  case addKey = "add_key"
  case removeKey = "remove_key"
  case mint
  case disableKeys = "disable_keys"
  case destroyKeys = "destroy_keys"
  case blockLogins = "block_logins"
  case endSessions = "end_sessions"
  case strip
  case drop
}
