import ArgumentParser
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Secrets
import Web

extension BenchCommand {
  /// Many long polls, one publish.
  struct Polls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let many consumers wait for the next version over HTTP, publish one, and time until all have it.")

    @Option(help: "Waiting consumers, each with its own token and connection, 1 to 5000.") var polls = 1000
    @Option(help: "Versions published one after the other, 1 to 20.") var rounds = 5
    @Option(help: "Write the figures to this file as JSON.") var out: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...5000).contains(polls) else { throw ValidationError("--polls must be 1 to 5000") }
      guard (1...20).contains(rounds) else { throw ValidationError("--rounds must be 1 to 20") }
    }

    mutating func run() async throws {
      do {
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        var report = try await server.report("polls")
        let world = try await SagaWorld.make(on: server, targets: 1, latency: 0)
        try await PollsBench(world: world, polls: polls, rounds: rounds).run(&report)
        await world.composition.close()
        try await server.stop()
        try report.finish(global.output, path: out)
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }
  }
}

struct PollsBench {
  let world: SagaWorld
  let polls: Int
  let rounds: Int

  private var lifecycle: CredentialLifecycle { world.composition.lifecycle }

  func run(_ report: inout BenchReport) async throws {
    let account = try await world.addAccounts(1, prefix: "svc")[0]
    var tokens: [String] = []
    for number in 1...polls {
      let added = try await lifecycle.addConsumer(
        "consumer-\(number)", of: account.identity, webhook: nil, expiresAt: nil, by: "requester", reason: "benchmark")
      tokens.append(added.token.withBytes { String(decoding: $0, as: UTF8.self) })
    }
    try await world.approve(account)
    // The consumers are a process of their own, so that this one's memory is the server's.
    let http = try WebServer(WebConfiguration(port: 0), lifecycle: lifecycle, logger: world.server.logger)
    async let serving: Void = http.run()
    guard let port = await http.port() else { return try await serving }
    let before = ProcessFigures.read().residentMB
    let clients = try PollClients(port: port, tokens: tokens, name: account.name, folder: world.server.folder)
    let service = try world.composition.makeWorker(
      WorkerConfiguration(name: "bench", maximumInFlight: 64, lease: 60, poll: 0.05), planEvery: 3600)
    async let working: Void = service.run()
    var (last, first, resident) = (Sample(), Sample(), 0)
    for round in 1...rounds {
      let version = Int32(round)
      while http.waiting < polls { try await Task.sleep(for: .milliseconds(20)) }
      resident = max(resident, ProcessFigures.read().residentMB)
      try await world.requestRotations(of: [account])
      let times = try await clients.answers(of: version + 1)
      guard
        let published = try await world.server.owner.queryFirst(
          FindPublished(credential: account.credential.rawValue, version: version + 1))
      else { throw BenchError(description: "version \(version + 1) was not published") }
      last.add((times.max() ?? 0) - published.timeIntervalSince1970)
      first.add((times.min() ?? 0) - published.timeIntervalSince1970)
      // The next round needs a saga that is over.
      while try await world.server.owner.queryFirst(CountOpenSagas()) ?? 0 > 0 {
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    service.worker.stop()
    service.worker.stop()
    await working
    await clients.end()
    http.stop()
    try await serving
    report.add("waiting long polls", "\(polls)")
    report.add("versions published", "\(rounds)")
    report.add("ms from the publishing transaction to the first answer, median", first.median * 1000)
    report.add("ms from the publishing transaction until all have it, median", last.median * 1000)
    report.add("ms until all have it, slowest round", last.percentile(100) * 1000)
    report.add("resident MB before anybody waits", "\(before)")
    report.add("resident MB while all wait", "\(resident)")
    report.add("KB per waiting poll", Double(resident - before) * 1024 / Double(polls), digits: 1)
    let reads = try await world.server.owner.queryFirst(CountReads()) ?? 0
    report.add("readings on record", "\(reads)")
    guard reads == polls * rounds else {
      throw BenchError(description: "\(reads) readings of \(polls * rounds) on record")
    }
  }
}

private struct FindPublished: Statement {
  static let sql = "SELECT published_at FROM lifecycle.version WHERE credential_id = $1 AND number = $2"
  let credential: UUID
  let version: Int32
  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(credential)
    parameters.append(version)
  }
  static func decode(_ row: PostgresRow) throws -> Date { try row[0] }
}

private struct CountOpenSagas: Statement {
  static let sql = "SELECT count(*) FROM lifecycle.rotation WHERE finished_at IS NULL"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

private struct CountReads: Statement {
  static let sql = "SELECT COALESCE(sum(reads), 0)::bigint FROM lifecycle.consumer_version"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}
