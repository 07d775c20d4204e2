import Foundation
import Lifecycle
import Secrets
import TestSupport
import Testing

/// Sagas of real worker processes on a real control database and a real target, while processes, servers and connections
/// break at random; the truth is read from the target itself, past the proxy, and from its log.
///
/// `KEYTURN_HEAVY=1` injects 1,000 faults instead of 20. `KEYTURN_CHAOS_SEED` gives the same faults in the same order: those of
/// processes and servers one after the other, those of connections by the number of the connection. What they meet depends on
/// the machine.
@Suite(.timeLimit(.minutes(45))) struct RotationChaosTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let isHeavy = environment["KEYTURN_HEAVY"] == "1"

  @Test func faultsOfAllKindsLeaveOneWorkingSecretEach() async throws {
    let seed = Self.environment["KEYTURN_CHAOS_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...0xFFFF_FFFF)
    let wanted = Self.isHeavy ? 1000 : 20
    print(
      "chaos: replay with KEYTURN_CHAOS_SEED=\(seed)\(Self.isHeavy ? " KEYTURN_HEAVY=1" : "") "
        + "swift test --filter RotationChaosTests")
    let world = try await ChaosWorld.make()
    let workers = try ChaosWorkers(Self.isHeavy ? 3 : 2, of: world)
    defer { workers.killAll() }
    let watch = ChaosWatch(world)
    let watching = Task { await watch.run() }
    defer { watching.cancel() }
    var people = ChaosPeople(world, seed: seed)
    for _ in 0..<(Self.isHeavy ? 20 : 5) { try await people.issue() }
    for _ in 0..<(Self.isHeavy ? 10 : 0) { try await people.issue(strict: true) }
    try await patiently(60) { try await Self.isSettled(world) }

    world.proxy.choose(seed: seed, percent: 12)
    var faults = ChaosFaults(seed: seed, longSleeps: Self.isHeavy)
    var putAside = 0
    var due = ContinuousClock.now
    var spoken = 0
    while faults.total + world.proxy.injected.count < wanted || (!Self.isHeavy && faults.total < 6) {
      watch.watch(people.accounts.filter { !$0.isStrict && !$0.isLeaving }.map(\.name))
      for _ in 1...3 { try await people.act() }
      putAside += try await world.operate()
      // Only what meets a running saga counts.
      let isRunning = try await world.control.count("SELECT count(*) FROM jobs.job WHERE lease_owner IS NOT NULL") > 0
      if isRunning, .now >= due {
        try await faults.strike(world, workers)
        due = .now + .seconds(faults.pause())
      }
      let total = faults.total + world.proxy.injected.count
      if total / 100 > spoken {
        spoken = total / 100
        print(
          "chaos: \(total) faults, \(people.orders.values.reduce(0, +)) orders, \(watch.violations.count) violations")
      }
      try await Task.sleep(for: .milliseconds(30))
    }

    world.proxy.choose { _ in .none }
    try await workers.allAwake()
    try await patiently(Self.isHeavy ? 400 : 60) {
      putAside += try await world.operate()
      return try await Self.isSettled(world)
    }
    watching.cancel()
    await watching.value
    print("chaos: faults \(faults.count.map { "\($0.key.rawValue) \($0.value)" }.sorted())")
    print("chaos: connections \(Dictionary(grouping: world.proxy.injected, by: Self.word).mapValues(\.count))")
    print("chaos: orders \(people.orders), looks \(watch.looks), jobs put aside \(putAside)")
    #expect(workers.ended == [], "a worker gave up, seed \(seed)")
    try await judge(world, people, watch, seed)
    try await workers.end()
    try await world.close()
  }

  /// A verdict that finds nothing means nothing if it cannot find anything.
  @Test func theOracleSeesWhatItLooksFor() async throws {
    let world = try await ChaosWorld.make()
    let workers = try ChaosWorkers(1, of: world)
    defer { workers.killAll() }
    let watch = ChaosWatch(world)
    try await world.issue("svc1")
    try await world.issue("svcs2", on: ChaosWorld.strictTarget)
    try await patiently(60) { try await Self.isSettled(world) }
    try await workers.end()
    try await watch.look(at: "svc1")
    let before = try await ChaosVerdict(world: world).violations()
    #expect(before.found == [] && watch.violations == [])

    let current = try #require(try await world.versions(of: "svc1").first)
    let secret = try await world.open(current)
    #expect(
      try await ChaosVerdict(world: world).spoken([secret.withBytes { String(decoding: $0, as: UTF8.self) }]) == 0)
    try await world.target.withSuperuser { connection in
      try await connection.executeScript(
        """
        ALTER ROLE svc1_a LOGIN PASSWORD 'overheard';
        CREATE ROLE svc1_b LOGIN IN ROLE svc1;
        CREATE ROLE svc1_c LOGIN IN ROLE svc1;
        """)
    }
    try await watch.look(at: "svc1")
    try await watch.countLogins()
    #expect(watch.violations.count == 2, "\(watch.violations)")
    for _ in 1...3 { #expect(try await !world.target.logIn("svcs2_a", SecretBytes("wrong"))) }
    let verdict = ChaosVerdict(world: world)
    let after = try await verdict.violations().found.map { $0.prefix { $0 != ":" && $0 != "d" } }
    #expect(Set(after) == ["svc1 set_secret", "svcs2_a was locke"])
    #expect(try await verdict.spoken(["overheard", "never said"]) == 1)
    try await world.close()
  }

  private static func word(_ fault: ConnectionFault) -> String { String("\(fault)".prefix { $0 != "(" }) }

  private static func isSettled(_ world: ChaosWorld) async throws -> Bool {
    try await world.control.count(
      "SELECT (SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL) + (SELECT count(*) FROM jobs.job)")
      == 0
  }

  private func patiently(_ seconds: Int, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try await !condition() {
      try #require(ContinuousClock.now < deadline, "not settled within \(seconds) s")
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func judge(
    _ world: ChaosWorld, _ people: ChaosPeople, _ watch: ChaosWatch, _ seed: UInt64
  ) async throws {
    var expected: [String] = []
    var alive: Set<String> = []
    for account in people.accounts {
      let versions = try await world.versions(of: account.name)
      if account.isLeaving {
        #expect(versions.isEmpty, "\(account.name) has secrets left, seed \(seed)")
        continue
      }
      #expect(versions.map(\.state) == ["current"], "\(account.name), seed \(seed)")
      guard let current = versions.first else { continue }
      #expect(
        try await world.target.logIn(current.login, try await world.open(current)), "\(account.name), seed \(seed)")
      alive.insert("\(account.name) \(current.number)")
      expected += current.login == account.name ? [account.name] : [account.name, current.login]
    }
    // The login of its current version and no other: a retired login is dropped.
    #expect(try await world.target.roles() == expected.sorted(), "seed \(seed)")
    for held in watch.held where !alive.contains("\(held.name) \(held.number)") {
      #expect(
        try await !world.target.logIn(held.login, held.secret), "\(held.name) version \(held.number), seed \(seed)")
    }
    let unfinished = try await world.control.texts(
      """
      SELECT state || COALESCE(' ' || state_reason, '') FROM lifecycle.rotation
      WHERE state NOT IN ('done', 'rolled_back', 'cancelled')
      UNION ALL SELECT 'effect ' || state FROM lifecycle.effect WHERE state = 'intended' OR permit_id IS NULL
      UNION ALL SELECT 'version ' || state FROM lifecycle.version WHERE state IN ('candidate', 'retiring')
      """)
    #expect(unfinished == [], "seed \(seed)")
    let sagas = try await world.control.texts(
      "SELECT action || ' ' || state || ' ' || count(*) FROM lifecycle.rotation GROUP BY action, state ORDER BY 1")
    print("chaos: sagas \(sagas)")

    let verdict = try await ChaosVerdict(world: world).violations()
    print(
      "chaos: \(verdict.changes) changes in the target's log, \(verdict.refused) failed logins on the strict target")
    #expect(verdict.changes > 0)
    #expect(verdict.refused > 0 || !people.accounts.contains { $0.isStrict })
    #expect(verdict.found == [], "seed \(seed)")
    #expect(watch.violations == [], "seed \(seed)")
    #expect(watch.looks.logins > 0 && watch.looks.counts > 0)

    let secrets = watch.held.map { $0.secret.withBytes { String(decoding: $0, as: UTF8.self) } }
    #expect(secrets.count >= people.accounts.count { !$0.isStrict && !$0.isLeaving })
    #expect(try await ChaosVerdict(world: world).spoken(secrets) == 0, "a secret is in a log, seed \(seed)")
  }
}
