import ArgumentParser
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres

extension BenchCommand {
  /// A leak of everything on one real PostgreSQL.
  struct Contain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Contain many logins of a real PostgreSQL that are in use, and ask the server whether all are cut off.")

    @Option(help: "Identities to contain, 1 to 5000; each has been issued through the engine.") var logins = 1000
    @Option(help: "Sessions that are open when the leak is found, 0 to 80.") var sessions = 50
    @Option(help: "Secrets tried by hand after the containment, 0 to 1000.") var probes = 100
    @Flag(help: "Also wait until all are rotated.") var rotate = false
    @Option(help: "Write the figures to this file as JSON.") var out: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...5000).contains(logins) else { throw ValidationError("--logins must be 1 to 5000") }
      guard (0...80).contains(sessions), sessions <= logins else {
        throw ValidationError("--sessions must be 0 to 80, and no more than --logins")
      }
      guard (0...1000).contains(probes), probes <= logins else {
        throw ValidationError("--probes must be 0 to 1000, and no more than --logins")
      }
    }

    mutating func run() async throws {
      do {
        try await DemoWorld.measure(
          "contain", .init(period: 86_400, jitter: 0, overlap: 3600, maximumRunning: 16), global, out: out
        ) { world, report in
          try await ContainBench(world: world, logins: logins, sessions: sessions, probes: probes, rotates: rotate)
            .run(&report)
        }
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }
  }
}

struct ContainBench {
  let world: DemoWorld
  let logins: Int
  let sessions: Int
  let probes: Int
  let rotates: Bool

  private var lifecycle: CredentialLifecycle { world.composition.lifecycle }
  private var client: PostgresClient { world.composition.client }

  func run(_ report: inout BenchReport) async throws {
    let names = (1...logins).map { "svc_" + String(format: "%05d", $0) }
    try await world.withWorker(atOnce: 256) { try await world.issue(names.map { ($0, DemoWorld.targetName) }) }
    var secrets: [CurrentSecret] = []
    for name in names.prefix(max(sessions, probes)) { secrets.append(try await world.currentSecret(name)) }
    var open: [PostgresConnection] = []
    for secret in secrets.prefix(sessions) { open.append(try await connect(secret)) }

    _ = try await world.composition.governance.grantPermission(
      .contain, to: DemoWorld.requester, environment: nil, validUntil: nil, by: DemoWorld.approver, reason: "benchmark",
      in: client)
    let start = ContinuousClock.now
    let selector = try RotationSelector("target=\(DemoWorld.targetName)")
    let preview = try await lifecycle.previewContainment(selector)
    let previewed = ContinuousClock.now
    let status = try await world.withWorker(atOnce: 256) {
      let id = try await lifecycle.contain(
        selector, expecting: "\(preview.digest)", followUp: .rotate, authority: .permission, by: DemoWorld.requester,
        ticket: "BENCH-1", reason: "benchmark")
      report.add("seconds to preview", (previewed - start).seconds, digits: 2)
      report.add("seconds until the order is durable", (ContinuousClock.now - previewed).seconds, digits: 2)
      var status = try await lifecycle.containment("\(id)")
      while rotates ? !status.isOver : status.remaining > 0 {
        try await Task.sleep(for: .milliseconds(50))
        status = try await lifecycle.containment("\(id)")
      }
      return status
    }
    let total = (ContinuousClock.now - previewed).seconds
    for connection in open { await connection.close() }
    report.add("logins", "\(logins)")
    report.add("contained", "\(status.contained)")
    report.add("sessions open before", "\(sessions)")
    report.add("seconds to contain, from the order to the last cut", status.secondsToContain ?? -1, digits: 2)
    if rotates { report.add("seconds until all are rotated", total, digits: 1) }
    try await ask(secrets, &report)
  }

  /// The target itself says whether it holds.
  private func ask(_ secrets: [CurrentSecret], _ report: inout BenchReport) async throws {
    let inspector = try await PostgresConnection.connect(world.inspector, logger: world.composition.logger)
    let open = try await inspector.queryFirst(CountOpenSessions()) ?? -1
    let enabled = try await inspector.queryFirst(CountEnabledLogins()) ?? -1
    await inspector.close()
    var accepted = 0
    for secret in secrets.prefix(probes) {
      do {
        await (try await connect(secret)).close()
        accepted += 1
      } catch let error as PostgresError where error.code == .authenticationFailed {}
    }
    report.add("sessions left, asked of the target", "\(open)")
    if !rotates { report.add("logins that may log in, asked of the target", "\(enabled)") }
    report.add("old secrets accepted, of \(probes) tried", "\(accepted)")
    guard open == 0, accepted == 0, rotates || enabled == 0 else {
      throw BenchError(
        description: "the containment does not hold: \(open) sessions, \(enabled) logins, \(accepted) secrets")
    }
  }

  private func connect(_ secret: CurrentSecret) async throws -> PostgresConnection {
    var configuration = world.inspector
    configuration.user = secret.login
    configuration.password = secret.secret.withBytes(PostgresPassword.init(copying:))
    return try await PostgresConnection.connect(configuration, logger: world.composition.logger)
  }
}

private struct CountOpenSessions: Statement {
  static let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename ~ '^svc_'"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

private struct CountEnabledLogins: Statement {
  static let sql = "SELECT count(*) FROM pg_roles WHERE rolname ~ '^svc_' AND rolcanlogin"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}
