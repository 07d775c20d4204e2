import Foundation
import Lifecycle
import TestSupport
import Testing

/// Rotations on a real server whose connections break at random; the truth is then read from the server, past the proxy.
///
/// `KEYTURN_HEAVY=1` injects 1,000 faults instead of 20. `KEYTURN_CHAOS_SEED` replays the faults of a seed by the number of
/// the connection; which rotation gets which connection depends on the machine.
@Suite(.timeLimit(.minutes(30))) struct RotationChaosTests {
  @Test func rotationsOverBreakingConnectionsLeaveOneWorkingSecret() async throws {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["KEYTURN_CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64(UInt32.max))
    let wanted = environment["KEYTURN_HEAVY"] == "1" ? 1000 : 20
    print("KEYTURN_CHAOS_SEED=\(seed)")

    let world = try await TestWorld.make(addTarget: false)
    let proxy = try FaultProxy(target: world.target.running.port)
    try await world.addTarget(["port": "\(proxy.port)"])
    let names = (1...4).map { "svc\($0)" }
    for name in names { try await world.issue(name) }
    var old: [CurrentSecret] = []
    var rounds = 0
    try await world.withWorker { try await world.settled() }
    proxy.choose(seed: seed)
    while proxy.injected.count < wanted {
      rounds += 1
      for name in names {
        old.append(try await world.secret(name))
        try await world.rotate(name)
      }
      try await world.withWorker { try await world.settled() }
    }
    proxy.stop()

    for name in names {
      let current = try await world.secret(name)
      #expect(current.version == Int32(rounds + 1), "\(name), seed \(seed)")
      #expect(try await world.target.logIn(current.login, current.secret), "\(name), seed \(seed)")
    }
    for former in old {
      #expect(try await !world.target.logIn(former.login, former.secret), "\(former.login), seed \(seed)")
    }
    // Each identity has the login of its current version and no other: a retired login is dropped.
    var expected: [String] = []
    for name in names { expected += [name, try await world.secret(name).login] }
    #expect(try await world.target.roles() == expected.sorted(), "seed \(seed)")
    let withoutIntent = try await world.database.count(
      "SELECT count(*)::text FROM lifecycle.effect WHERE permit_id IS NULL OR state = 'intended'")
    #expect(withoutIntent == 0, "seed \(seed)")
    let log = try world.target.serverLog
    for former in old {
      #expect(!log.contains(former.secret.withBytes { String(decoding: $0, as: UTF8.self) }), "seed \(seed)")
    }
    try await world.close()
  }
}
