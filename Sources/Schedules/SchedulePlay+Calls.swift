import Drivers
import Foundation
import Jobs
import Lifecycle
import Secrets
import Targets

/// What target, store and runner call while they work: faults, crash points, and what is noted of them.
extension SchedulePlay {
  func say(_ line: @autoclosure () -> String) {
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

  func commitFault() -> MemorySagaStore.CommitFault? {
    guard dice.chance(state.withLock { $0.lostCommits }) else { return nil }
    state.withLock { $0.injected += 1 }
    let fault: MemorySagaStore.CommitFault = dice.chance(0.5) ? .lostBefore : .lostAfter
    say("commit: \(fault)")
    return fault
  }

  func fault(of verb: SimulatedCall.Verb) -> SimulatedFault? {
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

  func faults(of verb: TargetVerb) -> [SimulatedFault] {
    var faults: [SimulatedFault] = [.dropsAnswer, .cutsBefore, .answersLate, .appliesTwice]
    // Whether sessions of a shared login were ended cannot be seen: those of the new secret look the same.
    if verb != .endSessions || landscape.mode == .alternating { faults.append(.doesNothing) }
    if [.setSecret, .changeOwn].contains(verb) { faults += [.acceptsOldToo, .refusesSecret] }
    return faults
  }

  func note(_ call: SimulatedCall) async {
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

  func reach(_ point: CrashPoint) async throws {
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
  func replace(at point: CrashPoint) async {
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

  func deliverLate() {
    let count = target.deliverLate()
    state.withLock { $0.lateUntil = nil }
    if count > 0 { say("\(count) late calls arrive") }
  }

  func deliverLateInTime(advancing seconds: Double) {
    if let until = state.withLock({ $0.lateUntil }), dice.now + seconds >= until { deliverLate() }
  }

  func wait(_ seconds: Double) {
    deliverLateInTime(advancing: seconds)
    dice.advance(by: seconds)
  }
}
