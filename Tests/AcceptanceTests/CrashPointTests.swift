import Drivers
import Foundation
import Lifecycle
import Schedules
import Secrets
import Synchronization
import Targets
import TestSupport
import Testing

/// The same as the schedules in memory, on the database: workers that end at crash points, and targets that misbehave.
@Suite(.timeLimit(.minutes(10))) struct CrashPointTests {
  private static let classes: [(settings: [String: String], mode: String)] = [
    (["class": "overwrite"], "alternating"), (["class": "overwrite"], "single"), (["class": "self_change"], "single"),
    (["class": "minted", "slots": "two"], "single"), (["class": "key_pair", "slots": "many"], "single"),
  ]

  /// What must be true of the one identity when nothing is open and nothing goes wrong any more.
  private func judge(_ world: SimulatedWorld, _ place: String) async throws {
    func count(_ sql: String) async throws -> Int { try await world.database.count(sql) }
    let current = try await world.secret()
    #expect(world.target.accepts(current.login, current.secret), "\(place)")
    for (login, secret) in world.target.everHeld where !(login == current.login && secret == current.secret) {
      #expect(!world.target.accepts(login, secret), "an old secret works at \(login), \(place)")
    }
    #expect(world.target.liveLogins.count == 1 && world.target.keyIDs.count <= 1, "\(place)")
    #expect(world.target.rights(of: "svc") == ["member:readers"], "\(place)")
    #expect(try await count("SELECT count(*) FROM lifecycle.effect WHERE state = 'intended'") == 0, "\(place)")
    #expect(
      try await count("SELECT count(*) FROM governance.permit") == count("SELECT count(*) FROM lifecycle.effect"),
      "\(place)")
    #expect(
      try await count(
        """
        SELECT count(*) FROM lifecycle.version
        WHERE state NOT IN ('current', 'revoked', 'orphan') OR (state <> 'current' AND envelope IS NOT NULL)
        """) == 0, "\(place)")
    #expect(
      try await count(
        """
        SELECT count(*) FROM (
          SELECT s.from_state, s.sequence, lag(s.to_state, 1, 'planned') OVER w AS before, row_number() OVER w AS n
          FROM lifecycle.rotation_step AS s WINDOW w AS (PARTITION BY s.rotation_id ORDER BY s.sequence)) AS s
        WHERE s.from_state <> s.before OR s.sequence <> s.n
        """) == 0, "\(place)")
  }

  /// Every second crash point of a rotation, and the worker's lease is taken away.
  @Test(arguments: classes.indices)
  func aWorkerThatEndsAtACrashPointIsFollowedToTheSameEnd(index: Int) async throws {
    let (settings, mode) = Self.classes[index]
    let world = try await SimulatedWorld.make(mode: mode, settings: settings)
    try await world.withWorker { try await world.settled() }
    var point = 1
    var isReached = true
    while isReached {
      let left = Mutex(point)
      let observer: CrashPointObserver = { _ in
        let isNow = left.withLock { left in
          left -= 1
          return left == 0
        }
        guard isNow else { return }
        await world.takeLeasesAway()
        throw RunInterrupted()
      }
      #expect(try await world.requestRotations() == 1)
      try await world.withWorker(observer: observer) { try await world.settled() }
      isReached = left.withLock { $0 } <= 0
      try await judge(world, "interrupted at \(point)")
      point += 2
    }
    #expect(point > 20)
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE state <> 'done'") == 0)
    try await world.close()
  }

  /// A sample of seeds: faults of the target and crash points together.
  @Test(arguments: classes.indices)
  func theOracleHoldsOnTheDatabaseForASampleOfSeeds(index: Int) async throws {
    let (settings, mode) = Self.classes[index]
    let world = try await SimulatedWorld.make(mode: mode, settings: settings)
    try await world.withWorker { try await world.settled() }
    for seed: UInt64 in 1...4 {
      let dice = Mutex(SeededGenerator(seed: seed))
      world.weather.set { verb in
        dice.withLock { dice -> SimulatedFault? in
          guard dice.chance(0.15) else { return nil }
          guard case .change(let verb) = verb else { return .cannotTell }
          var faults: [SimulatedFault] = [.dropsAnswer, .cutsBefore, .answersLate, .appliesTwice]
          if verb == .setSecret || verb == .changeOwn { faults.append(.acceptsOldToo) }
          return dice.pick(faults)
        }
      }
      let observer: CrashPointObserver = { _ in
        if dice.withLock({ $0.chance(0.1) }) { world.target.deliverLate() }
        guard dice.withLock({ $0.chance(0.04) }) else { return }
        await world.takeLeasesAway()
        throw RunInterrupted()
      }
      #expect(try await world.requestRotations() == 1)
      try await world.withWorker(observer: observer) {
        // A saga that came to its end, or half a second of a storm that does not let it.
        try await world.database.eventually {
          try await world.database.count(
            """
            SELECT (SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL)
              - (SELECT count(*) FROM jobs.job WHERE failures >= 6 OR hold = 'quarantined')
            """) <= 0
        }
      }
      world.weather.set(nil)
      world.target.deliverLate()
      world.target.settle()
      try await carryOn(world)
      try await judge(world, "seed \(seed)")
    }
    try await world.close()
  }

  /// Until nothing is open; a person lets go on what is quarantined.
  private func carryOn(_ world: SimulatedWorld) async throws {
    let identity = try await world.identity()
    try await world.withWorker {
      try await world.database.eventually {
        if try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined'") > 0 {
          _ = try await world.composition.lifecycle.decideQuarantine(
            identity, .release, by: "alice", reason: "the storm is over")
        }
        return try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL") == 0
      }
      try await world.settled()
    }
  }
}
