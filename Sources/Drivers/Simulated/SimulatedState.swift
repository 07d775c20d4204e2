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
    var isLogin = false
    var isBlocked = false
    /// The identity this login acts as; nil: itself.
    var actsAs: String?
    var rights: Set<String> = []
    var sessions = 0
    var objects: [String] = []
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
  }

  let adoptsUnknown: Bool
  var roles: [String: Role] = [:]
  var objectsOfAdmin: [String] = []

  init(adoptsUnknown: Bool) { self.adoptsUnknown = adoptsUnknown }

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
    case .blockLogins(let logins, let identity):
      changing(identity, logins, context, adopting: .none) { state in
        for login in logins { state.roles[login]?.isBlocked = true }
        return .done
      }
    case .endSessions(let logins, let identity):
      changing(identity, logins, context, adopting: .none) { state in
        for login in logins { state.roles[login]?.sessions = 0 }
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
  private mutating func changing(
    _ identity: TargetIdentity, _ names: [String], _ context: EffectContext, adopting rights: PrivilegeSet,
    _ body: (inout SimulatedState) -> EffectOutcome
  ) -> EffectOutcome {
    guard names.allSatisfy(identity.names.contains) else { return .refused(.other, code: Code.missing) }
    if adoptsUnknown { adopt(identity, context, rights) }
    for name in identity.names {
      guard let role = roles[name] else { continue }
      guard role.mark == context.ownershipMark else { return .refused(.nameConflict, code: Code.exists) }
      if role.fence > context.fence { return .refused(.fenced, code: Code.fenced) }
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
    role.secret = secret
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
      if role.sessions > 0 { return .refused(.residue, code: Code.inUse) }
      if !role.objects.isEmpty { return .refused(.residue, code: Code.residue) }
    }
    for name in names { roles[name] = nil }
    return .done
  }

  // MARK: Reads

  /// Compares in constant time; tells "blocked" only to who knows the secret, as PostgreSQL does.
  func authenticate(_ login: String, _ secret: SecretBytes) -> ProbeResult {
    guard let role = roles[login], role.isLogin, let known = role.secret, known == secret else {
      return .refused(.wrongSecret, code: Code.wrongSecret)
    }
    if role.isBlocked { return .refused(.blocked, code: Code.blocked) }
    return .accepted(identity: role.actsAs ?? login, sessionUser: login)
  }

  func privileges(of identity: TargetIdentity) -> PrivilegeSet {
    PrivilegeSet(identity.names.flatMap { roles[$0]?.rights ?? [] })
  }

  func sessions(of logins: [String]) -> Int { logins.reduce(0) { $0 + (roles[$1]?.sessions ?? 0) } }

  func residue(of names: [String]) -> [String] {
    names.flatMap { name -> [String] in
      guard let role = roles[name] else { return [] }
      return ["role:\(name)"] + role.rights.sorted().map { "\($0):\(name)" }
        + role.objects.map { "owner:\(name):\($0)" }
    }
  }
}
