import ArgumentParser
import Foundation
import Governance
import Jobs
import Postgres

extension BenchCommand {
  /// From the news that an owner left to the commit that voids everything they owned.
  struct Leaver: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Let the owner of many credentials leave and print how long it takes until nothing of it is authorized.",
      discussion: """
        The second figure is until every one has its ticket as well, which workers open after that. With --proven, on a real PostgreSQL target whose policy removes what a leaver owned: until every login is disabled, and \
        until every removal is proven; the clocks are those of the tickets, from the news on.
        """)

    @Option(help: "Credentials of the one owner, 1 to 100000.") var accounts = 10_000
    @Flag(help: "On a real server, until all is removed and proven; at most 2000 accounts.") var proven = false
    @Flag(help: "Also print the statements that took the server's time.") var profile = false
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...100_000).contains(accounts) else { throw ValidationError("--accounts must be 1 to 100000") }
      guard !proven || accounts <= 2000 else { throw ValidationError("--accounts must be 1 to 2000 with --proven") }
    }

    mutating func run() async throws {
      do {
        if proven { return try await runProven() }
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        let world = try await SagaWorld.make(on: server, targets: 10, latency: 0)
        _ = try await world.addAccounts(accounts, prefix: "left")
        try await server.run("VACUUM (ANALYZE)", "CHECKPOINT")
        try await server.clearProfile()
        let start = ContinuousClock.now
        let voided = try await world.composition.governance.setState(
          .terminated, of: "requester", in: world.composition.client)
        let seconds = (ContinuousClock.now - start).seconds
        guard voided.count == accounts else {
          throw BenchError(description: "\(voided.count) of \(accounts) were voided")
        }
        // As a worker does.
        let governance = world.composition.governance
        var opened = 0
        repeat {
          opened = try await world.composition.client.withTransaction { try await governance.openOwedTickets(in: $0) }
        } while opened > 0
        let secondsToTickets = (ContinuousClock.now - start).seconds
        let tickets = try await server.owner.queryFirst(CountLeaverTickets()) ?? 0
        guard tickets == accounts else {
          throw BenchError(description: "\(tickets) tickets for \(accounts) credentials")
        }
        if profile {
          global.output.table(
            ["ms", "calls", "rows", "ms_per_call", "statement"], try await server.profile(), empty: "")
        }
        await world.composition.close()
        try await server.stop()
        global.output.record(
          Machine.facts + [
            ("credentials", "\(accounts)"), ("seconds_until_void", String(format: "%.3f", seconds)),
            ("seconds_until_tickets", String(format: "%.3f", secondsToTickets)),
          ])
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    private static let policy = """
      policy: demo
      lifetimes: {rotation_period: 1d, rotation_jitter: 0s, overlap: 0s, settle: 5s, retry_reserve: 1m}
      on_owner_left: revoke
      service_levels: {leaver_disable: 1h}
      """

    private func runProven() async throws {
      let world = try await DemoWorld.make(
        .init(period: 86_400, jitter: 0, overlap: 0, maximumRunning: 8), logger: global.makeLogger("keyturn.bench")
      ) { _ in }
      let (governance, client) = (world.composition.governance, world.composition.client)
      try await client.withTransaction { transaction in
        for person in ["dave", "erin"] { _ = try await governance.addPerson(person, in: transaction) }
        let version = try await governance.propose(Self.policy, by: "dave", ticket: "BENCH-0", in: transaction)
        _ = try await governance.decidePolicy(
          version.policy, version: version.version, approve: true, by: "erin", sawDigest: version.digest,
          in: transaction)
      }
      let service = try world.composition.makeWorker(
        WorkerConfiguration(name: "bench", maximumInFlight: 256, lease: 60, poll: 0.05), planEvery: 3600)
      let accounts = accounts
      let result = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await service.run() }
        defer { service.worker.stop() }
        for number in 1...accounts { try await world.requestAndApprove("svc_\(number)") }
        while try await client.queryFirst(DemoProgress())?.active ?? 0 < accounts {
          try await Task.sleep(for: .milliseconds(100))
        }
        let start = ContinuousClock.now
        try await governance.setState(.terminated, of: DemoWorld.requester, in: client)
        let voided = (ContinuousClock.now - start).seconds
        while true {
          let found = try await client.queryFirst(LeaverClocks())
          if let found, found.proven == accounts { return (voided: voided, clocks: found) }
          try await Task.sleep(for: .milliseconds(100))
        }
      }
      let inspector = try await PostgresConnection.connect(world.inspector, logger: world.composition.logger)
      let left = try await inspector.query(
        "SELECT count(*)::text FROM pg_roles WHERE rolname LIKE 'svc%'" as UtilityStatement
      ).map { row -> String in try row[0] }
      await inspector.close()
      await world.close(keep: false)
      guard left == ["0"], result.clocks.late == 0 else {
        throw BenchError(description: "\(left) logins are left, \(result.clocks.late) came late")
      }
      func text(_ seconds: Double) -> String { String(format: "%.2f", seconds) }
      global.output.record(
        Machine.facts + [
          ("credentials", "\(accounts)"), ("seconds until void", text(result.voided)),
          ("seconds until disabled, p50", text(result.clocks.disabledHalf)),
          ("seconds until disabled, last", text(result.clocks.disabledLast)),
          ("seconds until proven, p50", text(result.clocks.provenHalf)),
          ("seconds until proven, last", text(result.clocks.provenLast)),
          ("later than the service level of 1 h", "\(result.clocks.late)"),
        ])
    }
  }
}

/// Clocks of leavers' tickets that are proven, in seconds from the cause.
private struct LeaverClocks: Statement {
  static let sql = """
    SELECT count(*), count(*) FILTER (WHERE proven_at > due_at),
      percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM contained_at - cause_at)::float8),
      max(EXTRACT(epoch FROM contained_at - cause_at)::float8),
      percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM proven_at - cause_at)::float8),
      max(EXTRACT(epoch FROM proven_at - cause_at)::float8)
    FROM keyturn.v_ticket
    WHERE kind = 'leaver' AND resolution = 'proven'
    HAVING count(*) > 0
    """

  struct Row: Sendable {
    let proven: Int
    let late: Int
    let disabledHalf: Double
    let disabledLast: Double
    let provenHalf: Double
    let provenLast: Double
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(
      proven: try row[0], late: try row[1], disabledHalf: try row[2], disabledLast: try row[3], provenHalf: try row[4],
      provenLast: try row[5])
  }
}

struct CountLeaverTickets: Statement {
  static let sql = "SELECT count(*) FROM governance.ticket WHERE kind = 'leaver'"
  static func decode(_ row: PostgresRow) throws -> Int { Int(try row.decode(0, as: Int64.self)) }
}
