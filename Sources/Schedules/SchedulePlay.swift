import Drivers
import Foundation
import Governance
import Jobs
import Lifecycle
import Logging
import Secrets
import Synchronization
import Targets
import Vault

extension RotationState {
  /// Of a rotation: one was intended to be written.
  fileprivate var hasCandidate: Bool { ![.planned, .claimed, .contained, .narrowed, .prepared].contains(self) }
}

/// The parts of a schedule, and what it does with them.
final class SchedulePlay: Sendable {
  private struct State {
    /// Share of calls that go wrong.
    var faults = 0.0
    /// Share of commits whose answer is lost.
    var lostCommits = 0.0
    /// Crash points until the worker ends or is replaced; nil: it is let alone.
    var countdown: Int?
    var isReplacement = false
    var term: LeaseTerm?
    /// On a target without a fence: when what is late has come or will not come any more.
    var lateUntil: Double?
    var secrets: [Int32: SecretBytes] = [:]
    var sessions: [(login: String, number: Int32, endings: Int)] = []
    var violations: [String] = []
    var trace: [String] = []
    var runs = 0
    var crashes = 0
    var replacements = 0
    var injected = 0
    var depth = 0
    /// Effects that were begun.
    var begun: Set<String> = []
    /// Rights were changed by hand, and nothing of ours has looked since.
    var isTampered = false
    /// A saga read them after that.
    var isSeen = false
    /// Quarantines in a row.
    var quarantines = 0
  }

  static let approved = ["member:readers", "member:writers"]
  static let name = "svc"

  let dice: Dice
  let landscape: Landscape
  let target: SimulatedTarget
  let store: MemorySagaStore
  private let state = Mutex(State())
  private let harness = Mutex<SagaHarness?>(nil)
  private let keepsTrace: Bool
  private let isSabotaged: Bool
  private let person = PersonID.make()

  init(
    dice: Dice, landscape: Landscape, vault: EnvelopeVault, sabotage: Sabotage?, keepsTrace: Bool, logger: Logger
  ) {
    self.dice = dice
    self.landscape = landscape
    self.keepsTrace = keepsTrace
    isSabotaged = sabotage != nil
    let traits = landscape.traits
    target = SimulatedTarget(
      traits: sabotage == .noFence
        ? TargetTraits(
          secretClass: traits.secretClass, fencesOnTarget: false, slots: traits.slots, lockout: traits.lockout)
        : traits, clock: { dice.now })
    let relay = Relay()
    store = MemorySagaStore(
      identity: Self.name, mode: landscape.mode, rights: Self.approved,
      policy: Policy(
        name: "schedule", rotationPeriod: 86_400, rotationJitter: 0, overlap: 300, settle: 10, retryReserve: 60),
      sabotage: sabotage?.store, clock: { dice.now }, fault: { relay.play?.commitFault() })
    let driver = SimulatedTargetDriver(
      target: target, observer: { await relay.play?.note($0) }, fault: { relay.play?.fault(of: $0) })
    let used: any TargetDriver =
      if let sabotage { SabotagedDriver(driver, sabotage, approved: Self.approved) } else { driver }
    harness.withLock {
      $0 = SagaHarness(
        store: store, vault: vault, driver: used, logger: logger, observer: { try await relay.play?.reach($0) })
    }
    relay.set(self)
  }

  /// Lets what the play is made of call it back, without keeping it alive.
  private final class Relay: Sendable {
    private struct Weak: Sendable { weak var play: SchedulePlay? }
    private let box = Mutex(Weak())
    var play: SchedulePlay? { box.withLock { $0.play } }
    func set(_ play: SchedulePlay) { box.withLock { $0.play = play } }
  }

  var outcome: Schedule.Outcome {
    state.withLock { state in
      Schedule.Outcome(
        landscape: landscape.name, violations: state.violations, trace: state.trace, runs: state.runs,
        crashes: state.crashes, replacements: state.replacements, faults: state.injected,
        endings: store.view.finished.reduce(into: [:]) { $0[$1.rawValue, default: 0] += 1 })
    }
  }

  // MARK: Calls from inside

  private func say(_ line: @autoclosure () -> String) {
    guard keepsTrace else { return }
    let text = line()
    let now = dice.now - 1_800_000_000
    state.withLock {
      $0.trace.append(String(format: "%10.2f  ", now) + String(repeating: "  ", count: $0.depth) + text)
    }
  }

  func violate(_ what: String) {
    say("VIOLATION: \(what)")
    state.withLock { state in
      if !state.violations.contains(what) { state.violations.append(what) }
    }
  }

  private func commitFault() -> MemorySagaStore.CommitFault? {
    guard dice.chance(state.withLock { $0.lostCommits }) else { return nil }
    state.withLock { $0.injected += 1 }
    let fault: MemorySagaStore.CommitFault = dice.chance(0.5) ? .lostBefore : .lostAfter
    say("commit: \(fault)")
    return fault
  }

  private func fault(of verb: SimulatedCall.Verb) -> SimulatedFault? {
    guard dice.chance(state.withLock { $0.faults }) else { return nil }
    let fault: SimulatedFault
    switch verb {
    case .change(let verb): fault = dice.pick(faults(of: verb))
    default: fault = .cannotTell
    }
    state.withLock { state in
      state.injected += 1
      // A target without a fence does what is late within the effect's time, or not at all.
      if fault == .answersLate, !landscape.traits.fencesOnTarget {
        state.lateUntil = min(state.lateUntil ?? .infinity, dice.now + 15)
      }
    }
    say("fault: \(fault.rawValue)")
    return fault
  }

  private func faults(of verb: TargetVerb) -> [SimulatedFault] {
    var faults: [SimulatedFault] = [.dropsAnswer, .cutsBefore, .answersLate, .appliesTwice]
    // Whether sessions of a shared login were ended cannot be seen: those of the new secret look the same.
    if verb != .endSessions || landscape.mode == .alternating { faults.append(.doesNothing) }
    if [.setSecret, .changeOwn].contains(verb) { faults += [.acceptsOldToo, .refusesSecret] }
    return faults
  }

  private func note(_ call: SimulatedCall) async {
    if case .change(let verb) = call.verb {
      say("\(verb.rawValue) \(call.moment == .before ? "…" : "answered")")
      if call.moment == .before, let key = call.idempotencyKey {
        if !store.isIntended(key) { violate("an effect without intent") }
        if !state.withLock({ $0.begun.insert(key).inserted }) { violate("an effect was begun twice for one intent") }
      }
    }
    // Not the look before a candidate is made, which only takes away what is not approved any more.
    if call.verb == .readPrivileges, call.moment == .after, store.view.openState?.hasCandidate == true {
      state.withLock { $0.isSeen = true }
    }
    await look()
  }

  private func reach(_ point: CrashPoint) async throws {
    dice.advance(by: Double(dice.number(1...20)) / 100)
    deliverLateInTime(advancing: 0)
    if dice.chance(0.05) { deliverLate() }
    await look()
    let isNow = state.withLock { state -> Bool in
      guard let left = state.countdown else { return false }
      state.countdown = left > 1 ? left - 1 : nil
      return left <= 1
    }
    guard isNow else { return }
    guard state.withLock({ $0.isReplacement }) else {
      say("the worker ends \(point)")
      state.withLock { $0.crashes += 1 }
      throw RunInterrupted()
    }
    await replace(at: point)
  }

  /// The worker sleeps past its lease while another one works, and then goes on.
  private func replace(at point: CrashPoint) async {
    guard state.withLock({ $0.depth }) == 0, let lease = store.claim() else { return }
    say("the worker sleeps \(point); another one takes over")
    let sleeping = state.withLock { state -> LeaseTerm? in
      state.replacements += 1
      state.depth += 1
      return state.term
    }
    dice.advance(by: Double(dice.number(1...30)))
    deliverLateInTime(advancing: 0)
    _ = await carry(lease)
    state.withLock { $0.depth -= 1 }
    // Without a fence on the target only its own clock stops a worker that wakes up.
    if !landscape.traits.fencesOnTarget || dice.chance(0.5) { sleeping?.lose() }
    say("the first worker wakes up")
  }

  private func deliverLate() {
    let count = target.deliverLate()
    state.withLock { $0.lateUntil = nil }
    if count > 0 { say("\(count) late calls arrive") }
  }

  private func deliverLateInTime(advancing seconds: Double) {
    if let until = state.withLock({ $0.lateUntil }), dice.now + seconds >= until { deliverLate() }
  }

  private func wait(_ seconds: Double) {
    deliverLateInTime(advancing: seconds)
    dice.advance(by: seconds)
  }

  // MARK: What must be true at every moment

  private func secret(of version: CredentialVersion) async -> SecretBytes? {
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

  private func look() async {
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

  // MARK: The play

  func perform() async {
    _ = store.order(.issue, trigger: .issue)
    await calm()
    useCurrent()
    await openSessions(share: 1)
    for _ in 1...dice.number(1...3) {
      await storm()
      await calm()
      guard store.view.credential == .active else { break }
      await openSessions(share: 0.7)
    }
    await judge()
  }

  private func useCurrent() {
    if store.view.current == nil { violate("the issue did not end with a current version") }
  }

  private func storm() async {
    state.withLock { state in
      state.faults = Double(dice.number(0...30)) / 100
      state.lostCommits = Double(dice.number(0...8)) / 100
    }
    order()
    for _ in 1...dice.number(4...30) {
      guard let lease = store.claim() else { break }
      interfere()
      state.withLock { state in
        state.countdown = dice.chance(0.5) ? dice.number(1...40) : nil
        state.isReplacement = dice.chance(0.4)
      }
      let outcome = await carry(lease)
      state.withLock { $0.countdown = nil }
      await follow(outcome, isCalm: false)
      await openSessions(share: 0.2)
      if dice.chance(0.2) { deliverLate() }
      if dice.chance(0.15) { target.settle() }
    }
  }

  private func order() {
    let ticket = "S-1"
    switch dice.number(1...20) {
    case 1...11: _ = store.order(.rotate, trigger: .requested(by: person, ticket: ticket))
    case 12...15: _ = store.order(.rotate, trigger: .leak(by: person, ticket: ticket))
    case 16...18:
      let rights = store.view.rights
      guard rights.count > 1, store.view.openState == nil else {
        _ = store.order(.rotate, trigger: .due)
        break
      }
      store.narrow(to: [rights[0]])
      _ = store.order(.rotate, trigger: .narrowing(by: person, ticket: ticket))
    default: _ = store.order(.revoke, trigger: .revocation(by: person, ticket: ticket))
    }
    say("ordered; open: \(store.view.openAction?.rawValue ?? "nothing")\(store.view.openIsLeak ? " for a leak" : "")")
  }

  private func interfere() {
    if dice.chance(0.04) {
      say("the authorization is voided")
      store.voidAuthorization()
    }
    if dice.chance(0.04) {
      say("a leak is reported")
      _ = store.order(.rotate, trigger: .leak(by: person, ticket: "S-2"))
    }
    guard target.roleNames.contains(Self.name) else { return }
    if dice.chance(0.04) {
      say("somebody adds a right")
      target.setRights(target.rights(of: Self.name) + ["member:admins"], of: Self.name)
      tampered()
    }
    if dice.chance(0.04) {
      say("somebody takes a right")
      target.setRights(Array(target.rights(of: Self.name).dropFirst()), of: Self.name)
      tampered()
    }
  }

  private func tampered() {
    state.withLock { state in
      state.isTampered = true
      state.isSeen = false
    }
  }

  private func carry(_ lease: Lease) async -> JobOutcome {
    guard let harness = harness.withLock({ $0 }) else { return .abandon }
    let term = LeaseTerm(deadline: .now + .seconds(3600))
    state.withLock { state in
      state.runs += 1
      if state.depth == 0 { state.term = term }
    }
    say("run \(lease.fence) in \(store.view.openState?.rawValue ?? "nothing")")
    let outcome = await harness.run(lease, term: term)
    say("run \(lease.fence) ends: \(outcome); \(store.view.openState?.rawValue ?? "nothing open")")
    return outcome
  }

  private func follow(_ outcome: JobOutcome, isCalm: Bool) async {
    store.reap()
    switch outcome {
    case .done, .discard: state.withLock { $0.quarantines = 0 }
    case .retry, .abandon: wait(Double(dice.number(1...8)))
    case .snooze(let seconds, _): wait(seconds + 0.01)
    case .block: store.renewAuthorization()
    case .quarantine: decide(isCalm: isCalm)
    }
    // A saga that was taken over may be quarantined too.
    if !store.view.allowed.isEmpty { decide(isCalm: isCalm) }
    if store.planLeak() { say("a rotation for the leak is planned") }
  }

  /// The person repairs what was done by hand, and decides.
  private func decide(isCalm: Bool) {
    let view = store.view
    guard !view.allowed.isEmpty else { return }
    if target.roleNames.contains(Self.name) { target.setRights(view.rights, of: Self.name) }
    let roll = dice.number(1...10)
    // Who let it go on in vain does something else.
    let isVain = state.withLock { state in
      state.isTampered = false
      state.quarantines += 1
      return state.quarantines > 3
    }
    let action: QuarantineAction =
      if isVain, roll <= 4 {
        .release
      } else if roll >= 9 || isVain, view.allowed.contains(.rollback) {
        .rollback
      } else if (!isCalm && roll == 8) || isVain, view.openAction == .rotate, view.allowed.contains(.abandon) {
        .abandon
      } else {
        .release
      }
    say("a person decides: \(action.rawValue)")
    if !store.decide(action) { violate("an allowed decision was refused") }
    wait(5)
    // What was given up is replaced, so that nothing of it lives on.
    if action == .abandon { _ = store.order(.rotate, trigger: .requested(by: person, ticket: "S-3")) }
  }

  private func openSessions(share: Double) async {
    for version in store.view.versions where version.state == .current || version.state == .retiring {
      guard dice.chance(share), let secret = await secret(of: version),
        target.openSession(version.login, secret)
      else { continue }
      let endings = target.endings(of: version.login)
      state.withLock { $0.sessions.append((version.login, version.number, endings)) }
    }
  }

  /// No faults any more; until nothing is open.
  private func calm() async {
    state.withLock { state in
      state.faults = 0
      state.lostCommits = 0
      state.countdown = nil
    }
    say("calm")
    store.renewAuthorization()
    deliverLate()
    target.settle()
    for _ in 1...60 {
      if store.planLeak() { say("a rotation for the leak is planned") }
      guard let lease = store.claim() else { return repairRights() }
      await follow(await carry(lease), isCalm: true)
    }
    violate("it does not end; last in \(store.view.openState?.rawValue ?? "nothing")")
  }

  /// What people did by hand and no saga came to see, they undo themselves.
  private func repairRights() {
    guard state.withLock({ $0.isTampered && !$0.isSeen }), target.roleNames.contains(Self.name) else { return }
    target.setRights(store.view.rights, of: Self.name)
    state.withLock { $0.isTampered = false }
  }

  // MARK: One crash point after the other

  /// Without faults: an issue, and what is ordered, with a worker that ends, or is replaced, at one crash point. False when there
  /// are not that many.
  func interrupt(_ scenario: CrashSweep.Scenario, at point: Int, _ kind: CrashSweep.Interruption) async -> Bool {
    _ = store.order(.issue, trigger: .issue)
    if scenario != .issue {
      await calm()
      await openSessions(share: 1)
      order(scenario)
    }
    state.withLock { state in
      state.countdown = point
      state.isReplacement = kind == .replaced
    }
    // A saga may wait on the way; the count goes on over its runs.
    for _ in 1...20 {
      guard let lease = store.claim() else { break }
      await follow(await carry(lease), isCalm: true)
      if state.withLock({ $0.countdown }) == nil { break }
    }
    let isReached = state.withLock { $0.countdown == nil }
    await calm()
    if scenario == .issue { useCurrent() }
    await judge()
    return isReached
  }

  private func order(_ scenario: CrashSweep.Scenario) {
    switch scenario {
    case .issue: break
    case .rotate: _ = store.order(.rotate, trigger: .requested(by: person, ticket: "C-1"))
    case .leak: _ = store.order(.rotate, trigger: .leak(by: person, ticket: "C-1"))
    case .narrow:
      store.narrow(to: [Self.approved[0]])
      _ = store.order(.rotate, trigger: .narrowing(by: person, ticket: "C-1"))
    case .revoke: _ = store.order(.revoke, trigger: .revocation(by: person, ticket: "C-1"))
    }
  }

  // MARK: The oracle

  private func judge() async {
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

  private func judgeTarget(_ current: CredentialVersion, _ view: MemorySagaStore.View) {
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
