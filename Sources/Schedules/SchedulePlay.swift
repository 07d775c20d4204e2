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
  var hasCandidate: Bool { ![.planned, .claimed, .contained, .narrowed, .prepared].contains(self) }
}

/// The parts of a schedule, and what it does with them.
final class SchedulePlay: Sendable {
  struct State {
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
  let state = Mutex(State())
  let harness = Mutex<SagaHarness?>(nil)
  let keepsTrace: Bool
  let isSabotaged: Bool
  let person = PersonID.make()

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

  func useCurrent() {
    if store.view.current == nil { violate("the issue did not end with a current version") }
  }

  func storm() async {
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

  func order() {
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

  func interfere() {
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

  func tampered() {
    state.withLock { state in
      state.isTampered = true
      state.isSeen = false
    }
  }

  func carry(_ lease: Lease) async -> JobOutcome {
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

  func follow(_ outcome: JobOutcome, isCalm: Bool) async {
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
  func decide(isCalm: Bool) {
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

  func openSessions(share: Double) async {
    for version in store.view.versions where version.state == .current || version.state == .retiring {
      guard dice.chance(share), let secret = await secret(of: version),
        target.openSession(version.login, secret)
      else { continue }
      let endings = target.endings(of: version.login)
      state.withLock { $0.sessions.append((version.login, version.number, endings)) }
    }
  }

  /// No faults any more; until nothing is open.
  func calm() async {
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
  func repairRights() {
    guard state.withLock({ $0.isTampered && !$0.isSeen }), target.roleNames.contains(Self.name) else { return }
    target.setRights(store.view.rights, of: Self.name)
    state.withLock { $0.isTampered = false }
  }
}
