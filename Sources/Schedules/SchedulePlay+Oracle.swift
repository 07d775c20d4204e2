import Lifecycle
import Secrets

/// What must be true at every moment, and at the end.
extension SchedulePlay {
  func secret(of version: CredentialVersion) async -> SecretBytes? {
    if let known = state.withLock({ $0.secrets[version.number] }) { return known }
    guard version.envelope != nil, let harness = harness.withLock({ $0 }) else { return nil }
    do {
      let secret = try await harness.secret(of: version)
      state.withLock { $0.secrets[version.number] = secret }
      return secret
    } catch {
      violate("a sealed secret cannot be opened: \(error)")
      return nil
    }
  }

  func look() async {
    let view = store.view
    for login in target.everLocked { violate("\(login) was locked") }
    let live = target.liveLogins
    let mostLive = landscape.traits.secretClass == .minted ? 4 : 2
    if live.count > mostLive { violate("\(live.count) live logins: \(live.joined(separator: " "))") }
    guard view.credential == .active, !view.isLeaked, !view.openIsLeak, view.openAction != .revoke else { return }
    for version in view.versions where version.envelope != nil {
      if let secret = await secret(of: version), target.accepts(version.login, secret) { return }
    }
    violate("no secret that Keyturn holds works, in \(view.openState?.rawValue ?? "no saga")")
  }

  func judge() async {
    let view = store.view
    for finding in store.auditRows() { violate(finding) }
    // Every secret there ever was: what the target was given, and what was ever sealed.
    var all = target.everHeld
    for version in view.versions {
      if let secret = state.withLock({ $0.secrets[version.number] }) { all.append((version.login, secret)) }
    }
    if view.credential == .revoked {
      for (login, secret) in all where target.accepts(login, secret) { violate("a revoked secret works at \(login)") }
      if !target.roleNames.isEmpty { violate("residue: \(target.roleNames.joined(separator: " "))") }
      return
    }
    guard let current = view.current, let secret = await secret(of: current) else {
      violate("there is no current secret")
      return
    }
    if !target.accepts(current.login, secret) { violate("the current secret is refused") }
    for (login, other) in all where !(login == current.login && other == secret) {
      if target.accepts(login, other) { violate("an old secret works at \(login)") }
    }
    judgeTarget(current, view)
  }

  func judgeTarget(_ current: CredentialVersion, _ view: MemorySagaStore.View) {
    let rights = target.rights(of: Self.name)
    if rights != view.rights { violate("rights differ: \(rights.joined(separator: " "))") }
    let roles = landscape.mode == .alternating ? [Self.name, current.login].sorted() : [Self.name]
    if target.roleNames != roles { violate("residue: \(target.roleNames.joined(separator: " "))") }
    if landscape.traits.secretClass == .minted, target.keyIDs != [current.login] {
      violate("keys are left: \(target.keyIDs.joined(separator: " "))")
    }
    if landscape.traits.secretClass == .keyPair, target.keyIDs.count != 1 {
      violate("\(target.keyIDs.count) keys are left")
    }
    for session in state.withLock({ $0.sessions })
    where session.number != current.number && session.endings == target.endings(of: session.login) {
      violate("a session of version \(session.number) lives on")
    }
  }
}
