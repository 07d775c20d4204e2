import Secrets
import Targets

/// What a simulated target holds, and what each change does to it. Pure.
struct SimulatedState: Sendable {
  struct Role: Sendable {
    let mark: String
    /// Of an identity's own role: lower ones are refused.
    var fence: Int64
    /// Nil: no secret is accepted.
    var secret: SecretBytes?
    /// The one before, while the target has not settled: accepted too.
    var previous: SecretBytes?
    /// Of the classes `minted` and `key_pair`.
    var keys: [Key] = []
    var isLogin = false
    var isBlocked = false
    /// The identity this login acts as; nil: itself.
    var actsAs: String?
    var rights: Set<String> = []
    var sessions = 0
    var objects: [String] = []
    /// Failed logins since the last pause as long as the window, and when the last one was.
    var failures = 0
    var lastFailure = 0.0
    var isLocked = false
  }

  /// One of several secrets of an identity.
  struct Key: Sendable {
    /// Minted: what one logs in with. Key pair: the public half in hexadecimal digits.
    let id: String
    let marker: String?
    /// Minted.
    let secret: SecretBytes?
    var isDisabled = false
    var sessions = 0
  }

  /// Codes as PostgreSQL has them.
  enum Code {
    static let fenced = "55000"
    static let exists = "42710"
    static let missing = "42704"
    static let residue = "2BP01"
    static let inUse = "55006"
    static let wrongSecret = "28P01"
    static let blocked = "28000"
    static let locked = "locked"
    static let wrongOld = "wrong_old"
    static let full = "no_free_slot"
  }

  let adoptsUnknown: Bool
  let traits: TargetTraits
  var roles: [String: Role] = [:]
  var objectsOfAdmin: [String] = []

  /// Of the next minted key.
  var nextKey = 1
  /// Logins that were ever locked by too many failures.
  var everLocked: Set<String> = []
  /// How often the sessions of a login, or key, were ended.
  var endings: [String: Int] = [:]
  /// Every secret that was ever set or minted here, with its login or key.
  var everHeld: [(login: String, secret: SecretBytes)] = []
  /// Secrets that changes carried, also those that never arrived: the target's rules answer the same each time.
  var everOffered: [SecretBytes] = []
  /// The next secret replaces the one before only after `settle`.
  var keepsPrevious = false

  init(adoptsUnknown: Bool, traits: TargetTraits) {
    self.adoptsUnknown = adoptsUnknown
    self.traits = traits
  }

  // MARK: Changes

  mutating func apply(_ change: TargetChange, _ context: EffectContext) -> EffectOutcome {
    switch change {
    case .setSecret(let identity, let login, let secret, let rights, let mayCreate):
      changing(identity, [login], context, adopting: rights) { state in
        state.set(secret, of: login, identity, rights, context, mayCreate: mayCreate)
      }
    case .grant(let identity, let rights):
      changing(identity, [], context, adopting: rights) { state in
        guard state.roles[identity.name] != nil else { return .refused(.nameConflict, code: Code.missing) }
        state.roles[identity.name]!.rights.formUnion(rights.entries)
        return .done
      }
    case .revoke(let identity, let rights):
      changing(identity, [], context, adopting: .none) { state in
        for name in identity.names { state.roles[name]?.rights.subtract(rights.entries) }
        return .done
      }
    case .key(let change, let identity):
      changing(identity, [], context, adopting: .none) { $0.apply(change, identity, context) }
    case .blockLogins(let logins, let identity):
      changing(identity, logins, context, adopting: .none) { state in
        for login in logins { state.roles[login]?.isBlocked = true }
        return .done
      }
    case .endSessions(let logins, let identity):
      changing(identity, logins.filter { !isKey($0, of: identity) }, context, adopting: .none) { state in
        for login in logins { state.endSessions(of: login) }
        return .done
      }
    case .strip(let names, let identity):
      changing(identity, names, context, adopting: .none) { state in
        state.strip(names, identity)
        return .done
      }
    case .drop(let names, let identity):
      changing(identity, names, context, adopting: .none) { $0.drop(names, identity) }
    }
  }

  /// All or nothing: refuses foreign names and older fences before anything changes, and keeps the fence after.
  mutating func changing(
    _ identity: TargetIdentity, _ names: [String], _ context: EffectContext, adopting rights: PrivilegeSet,
    _ body: (inout SimulatedState) -> EffectOutcome
  ) -> EffectOutcome {
    guard names.allSatisfy(identity.names.contains) else { return .refused(.other, code: Code.missing) }
    if adoptsUnknown { adopt(identity, context, rights) }
    for name in identity.names {
      guard let role = roles[name] else { continue }
      guard role.mark == context.ownershipMark else { return .refused(.nameConflict, code: Code.exists) }
      if traits.fencesOnTarget, role.fence > context.fence { return .refused(.fenced, code: Code.fenced) }
    }
    let outcome = body(&self)
    if outcome == .done { roles[identity.name]?.fence = context.fence }
    return outcome
  }

  /// The identity as the engine left it before this process came: its own role and all of its logins.
  private mutating func adopt(_ identity: TargetIdentity, _ context: EffectContext, _ rights: PrivilegeSet) {
    guard identity.names.allSatisfy({ roles[$0] == nil }) else { return }
    for name in identity.names {
      var role = Role(mark: context.ownershipMark, fence: 0)
      role.isLogin = identity.logins.contains(name)
      role.actsAs = name == identity.name ? nil : identity.name
      if name == identity.name { role.rights = Set(rights.entries) }
      roles[name] = role
    }
  }

  private mutating func set(
    _ secret: SecretBytes, of login: String, _ identity: TargetIdentity, _ rights: PrivilegeSet,
    _ context: EffectContext, mayCreate: Bool
  ) -> EffectOutcome {
    guard identity.logins.contains(login) else { return .refused(.other, code: Code.missing) }
    if roles[identity.name] == nil {
      guard mayCreate else { return .refused(.nameConflict, code: Code.missing) }
      roles[identity.name] = Role(mark: context.ownershipMark, fence: context.fence)
    }
    var role = roles[login] ?? Role(mark: context.ownershipMark, fence: 0)
    role.isLogin = true
    role.isBlocked = false
    role.isLocked = false
    role.replaceSecret(by: secret, keepingPrevious: keepsPrevious)
    everHeld.append((login, secret))
    role.actsAs = login == identity.name ? nil : identity.name
    roles[login] = role
    roles[identity.name]!.rights.formUnion(rights.entries)
    return .done
  }

  private mutating func strip(_ names: [String], _ identity: TargetIdentity) {
    for name in names {
      guard let objects = roles[name]?.objects else { continue }
      roles[name]!.objects = []
      roles[name]!.rights = []
      if !names.contains(identity.name), roles[identity.name] != nil {
        roles[identity.name]!.objects += objects
      } else {
        objectsOfAdmin += objects
      }
    }
  }

  private mutating func drop(_ names: [String], _ identity: TargetIdentity) -> EffectOutcome {
    for role in names.compactMap({ roles[$0] }) {
      if role.sessions + role.keys.map(\.sessions).reduce(0, +) > 0 { return .refused(.residue, code: Code.inUse) }
      if !role.objects.isEmpty { return .refused(.residue, code: Code.residue) }
    }
    for name in names {
      if roles[name] != nil { endings[name, default: 0] += 1 }
      roles[name] = nil
    }
    return .done
  }

  // MARK: Reads

  /// Compares in constant time; tells "blocked" only to who knows the secret, as PostgreSQL does.
  func authenticate(_ login: String, _ secret: SecretBytes) -> ProbeResult {
    if traits.secretClass == .minted { return authenticate(key: login, secret) }
    guard let role = roles[login], role.isLogin else { return .refused(.wrongSecret, code: Code.wrongSecret) }
    if role.isLocked { return .refused(.blocked, code: Code.locked) }
    guard role.accepts(secret, traits.secretClass) else { return .refused(.wrongSecret, code: Code.wrongSecret) }
    if role.isBlocked { return .refused(.blocked, code: Code.blocked) }
    return .accepted(identity: role.actsAs ?? login, sessionUser: login)
  }

  func privileges(of identity: TargetIdentity) -> PrivilegeSet {
    PrivilegeSet(identity.names.flatMap { roles[$0]?.rights ?? [] })
  }

  func sessions(of logins: [String]) -> Int {
    logins.reduce(0) { count, login in
      let ofKey = roles.values.flatMap(\.keys).first { $0.id == login }?.sessions ?? 0
      return count + ofKey + (roles[login].map { $0.sessions + $0.keys.map(\.sessions).reduce(0, +) } ?? 0)
    }
  }

  func residue(of names: [String]) -> [String] {
    names.flatMap { name -> [String] in
      guard let role = roles[name] else { return [] }
      return ["role:\(name)"] + role.rights.sorted().map { "\($0):\(name)" }
        + role.objects.map { "owner:\(name):\($0)" } + role.keys.map { "key:\(name):\($0.id)" }
    }
  }
}
