import Secrets
import Targets

/// What the classes beside `overwrite` add.
extension SimulatedState {
  mutating func apply(_ change: KeyChange, _ identity: TargetIdentity, _ context: EffectContext) -> EffectOutcome {
    switch change {
    case .changeOwn(let login, let old, let new):
      guard traits.secretClass == .selfChange, let role = roles[login], role.isLogin else {
        return .refused(.nameConflict, code: Code.missing)
      }
      if role.isBlocked { return .refused(.other, code: Code.blocked) }
      guard role.accepts(old, .selfChange) else { return .refused(.secretRejected, code: Code.wrongOld) }
      roles[login]!.replaceSecret(by: new, keepingPrevious: keepsPrevious)
      everHeld.append((login, new))
    case .addKey(let login, let key, let rights, let mayCreate):
      guard traits.secretClass == .keyPair else { return .refused(.other, code: Code.missing) }
      if let refusal = ensure(identity, login, rights, context, mayCreate: mayCreate) { return refusal }
      let id = KeyPair.id(of: key)
      if traits.slots == .one { roles[login]!.keys.removeAll { $0.id != id } }
      if !roles[login]!.keys.contains(where: { $0.id == id }) {
        if let count = traits.slots.count, roles[login]!.keys.count >= count {
          return .refused(.other, code: Code.full)
        }
        roles[login]!.keys.append(Key(id: id, marker: context.ownershipMark, secret: nil))
      }
      roles[login]!.isBlocked = false
    case .removeKey(let login, let key):
      roles[login]?.keys.removeAll { $0.id == KeyPair.id(of: key) }
    case .disableKeys(let ids):
      eachKey(of: identity) { if ids.contains($0.id) { $0.isDisabled = true } }
    case .destroyKeys(let ids):
      roles[identity.name]?.keys.removeAll { ids.contains($0.id) }
    }
    return .done
  }

  /// - Parameter secret: what the target makes.
  mutating func mint(_ order: MintOrder, _ context: EffectContext, secret: SecretBytes) -> MintOutcome {
    guard traits.secretClass == .minted else { return .refused(.other, code: Code.missing) }
    var id = ""
    let outcome = changing(order.identity, [], context, adopting: order.rights) { state in
      let name = order.identity.name
      if let refusal = state.ensure(order.identity, name, order.rights, context, mayCreate: order.mayCreate) {
        return refusal
      }
      if let count = state.traits.slots.count, state.roles[name]!.keys.count >= count {
        return .refused(.other, code: Code.full)
      }
      id = "\(name)-key-\(state.nextKey)"
      state.nextKey += 1
      state.roles[name]!.keys.append(Key(id: id, marker: order.marker, secret: secret))
      state.everHeld.append((id, secret))
      return .done
    }
    switch outcome {
    case .done: return .minted(id: id, secret: secret)
    case .refused(let reason, let code): return .refused(reason, code: code)
    case .unknown(let cause): return .unknown(cause: cause)
    }
  }

  func keys(of identity: TargetIdentity) -> [TargetKey] {
    (roles[identity.name]?.keys ?? []).map { TargetKey(id: $0.id, marker: $0.marker) }
  }

  func isKey(_ login: String, of identity: TargetIdentity) -> Bool {
    traits.secretClass == .minted && !identity.names.contains(login)
  }

  func authenticate(key id: String, _ secret: SecretBytes) -> ProbeResult {
    for (name, role) in roles {
      guard let key = role.keys.first(where: { $0.id == id }) else { continue }
      guard let known = key.secret, known == secret else { break }
      if key.isDisabled || role.isBlocked { return .refused(.blocked, code: Code.blocked) }
      return .accepted(identity: name, sessionUser: id)
    }
    return .refused(.wrongSecret, code: Code.wrongSecret)
  }

  mutating func endSessions(of login: String) {
    endings[login, default: 0] += 1
    roles[login]?.sessions = 0
    for name in roles.keys {
      for index in roles[name]!.keys.indices where name == login || roles[name]!.keys[index].id == login {
        endings[roles[name]!.keys[index].id, default: 0] += 1
        roles[name]!.keys[index].sessions = 0
      }
    }
  }

  /// Counts a failed login and locks as the rule says.
  mutating func note(_ result: ProbeResult, of login: String, at now: Double) {
    guard let rule = traits.lockout, roles[login] != nil, case .refused = result else { return }
    if now - roles[login]!.lastFailure >= rule.window {
      roles[login]!.failures = 0
      roles[login]!.isLocked = false
    }
    roles[login]!.failures += 1
    roles[login]!.lastFailure = now
    if roles[login]!.failures >= rule.threshold {
      roles[login]!.isLocked = true
      everLocked.insert(login)
    }
  }

  /// From here on only the newest secrets are accepted.
  mutating func settle() {
    for name in roles.keys { roles[name]!.previous = nil }
  }

  private mutating func eachKey(of identity: TargetIdentity, _ body: (inout Key) -> Void) {
    guard roles[identity.name] != nil else { return }
    for index in roles[identity.name]!.keys.indices { body(&roles[identity.name]!.keys[index]) }
  }

  private mutating func ensure(
    _ identity: TargetIdentity, _ login: String, _ rights: PrivilegeSet, _ context: EffectContext, mayCreate: Bool
  ) -> EffectOutcome? {
    guard login == identity.name else { return .refused(.other, code: Code.missing) }
    if roles[login] == nil {
      guard mayCreate else { return .refused(.nameConflict, code: Code.missing) }
      roles[login] = Role(mark: context.ownershipMark, fence: context.fence)
    }
    roles[login]!.isLogin = true
    roles[login]!.rights.formUnion(rights.entries)
    return nil
  }
}

extension SimulatedState.Role {
  func accepts(_ offered: SecretBytes, _ secretClass: SecretClass) -> Bool {
    guard secretClass == .keyPair else { return secret == offered || (previous != nil && previous == offered) }
    guard let key = KeyPair.publicKey(of: offered) else { return false }
    let id = KeyPair.id(of: key)
    return keys.contains { $0.id == id && !$0.isDisabled }
  }

  mutating func replaceSecret(by new: SecretBytes, keepingPrevious: Bool) {
    if keepingPrevious, let secret, secret != new { previous = secret }
    secret = new
  }
}
