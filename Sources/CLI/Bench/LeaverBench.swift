import ArgumentParser
import Foundation
import Governance
import Postgres

extension BenchCommand {
  /// From the news that an owner left to the commit that voids everything they owned.
  struct Leaver: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let the owner of many credentials leave and print how long it takes until nothing of it is authorized."
    )

    @Option(help: "Credentials of the one owner, 1 to 100000.") var accounts = 10_000
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...100_000).contains(accounts) else { throw ValidationError("--accounts must be 1 to 100000") }
    }

    mutating func run() async throws {
      do {
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        let world = try await SagaWorld.make(on: server, targets: 10, latency: 0)
        _ = try await world.addAccounts(accounts, prefix: "left")
        try await server.run("VACUUM (ANALYZE)", "CHECKPOINT")
        let start = ContinuousClock.now
        let voided = try await world.composition.governance.setState(
          .terminated, of: "requester", in: world.composition.client)
        let seconds = (ContinuousClock.now - start).seconds
        guard voided.count == accounts else {
          throw BenchError(description: "\(voided.count) of \(accounts) were voided")
        }
        let tickets = try await server.owner.queryFirst(CountLeaverTickets()) ?? 0
        guard tickets == accounts else {
          throw BenchError(description: "\(tickets) tickets for \(accounts) credentials")
        }
        await world.composition.close()
        try await server.stop()
        global.output.record(
          Machine.facts + [("credentials", "\(accounts)"), ("seconds_until_void", String(format: "%.3f", seconds))])
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }
  }
}

struct CountLeaverTickets: Statement {
  static let sql = "SELECT count(*) FROM governance.ticket WHERE kind = 'leaver'"
  static func decode(_ row: PostgresRow) throws -> Int { Int(try row.decode(0, as: Int64.self)) }
}
