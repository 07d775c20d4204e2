import ArgumentParser
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres

extension BenchCommand {
  /// What it costs that no effect begins without authority: whole rotations with the gates, and without.
  struct Gates: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Rotate on simulated targets with the permit's checks and without, in turns; prints what the checks cost.",
      discussion: """
        Without them the row of each permit is still written, because what an effect refers to is a table's key; nothing is \
        asked of authorizations, people, sources, embargoes or the incarnation. Only this benchmark's workers can do that.
        """)

    @Option(help: "Accounts per run, 100 to 100000.") var accounts = 8000
    @Option(help: "Rounds, 1 to 20: each has a run of either kind, the other one first each time.") var rounds = 4
    @Option(help: "Worker processes, 1 to 16.") var workers = 2
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (100...100_000).contains(accounts) else { throw ValidationError("--accounts must be 100 to 100000") }
      guard (1...20).contains(rounds) else { throw ValidationError("--rounds must be 1 to 20") }
      guard (1...16).contains(workers) else { throw ValidationError("--workers must be 1 to 16") }
    }

    /// A run of either kind, one right after the other: the server has the same size and the machine the same mood.
    private struct Round {
      let on: SagaBench.Figures
      let off: SagaBench.Figures

      var throughputCost: Double { (1 - off.seconds / on.seconds) * 100 }
      var databaseCost: Double { (on.database / off.database - 1) * 100 }
    }

    mutating func run() async throws {
      do {
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        let world = try await SagaWorld.make(on: server, targets: 16, latency: 0)
        // The first runs of a server are slower than the others, whichever kind they are.
        for isUngated in [false, true] {
          _ = try await measure(server, world, "warm_\(isUngated ? "off" : "on")", isUngated: isUngated)
        }
        var done: [Round] = []
        for number in 0..<rounds {
          var figures: [Bool: SagaBench.Figures] = [:]
          for isUngated in number.isMultiple(of: 2) ? [false, true] : [true, false] {
            figures[isUngated] = try await measure(
              server, world, "round\(number)_\(isUngated ? "off" : "on")", isUngated: isUngated)
          }
          guard let on = figures[false], let off = figures[true] else { continue }
          done.append(Round(on: on, off: off))
        }
        await world.composition.close()
        try await server.stop()
        report(done)
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
    }

    /// Costs are compared within a round and then over rounds: what changes slowly is in both of its runs.
    private func report(_ rounds: [Round]) {
      let throughput = rounds.map(\.throughputCost)
      let database = rounds.map(\.databaseCost)
      func range(_ values: [Double]) -> String {
        String(format: "%.1f…%.1f", values.min() ?? .nan, values.max() ?? .nan)
      }
      func perRotation(_ seconds: [Double]) -> String {
        String(format: "%.3f", median(seconds) * 1000 / Double(accounts))
      }
      func rate(_ figures: [SagaBench.Figures]) -> String {
        String(format: "%.0f", Double(accounts) / median(figures.map(\.seconds)))
      }
      global.output.record(
        Machine.facts + [
          ("accounts per run", "\(accounts)"), ("rounds", "\(rounds.count)"),
          ("rotations per second, gates on", rate(rounds.map(\.on))),
          ("rotations per second, gates off", rate(rounds.map(\.off))),
          ("cost in throughput, percent, median of rounds", String(format: "%.1f", median(throughput))),
          ("cost in throughput, percent, of all rounds", range(throughput)),
          ("processor ms of the database per rotation, gates on", perRotation(rounds.map(\.on.database))),
          ("processor ms of the database per rotation, gates off", perRotation(rounds.map(\.off.database))),
          ("cost in database processor time, percent, median of rounds", String(format: "%.1f", median(database))),
          ("cost in database processor time, percent, of all rounds", range(database)),
        ])
    }

    private func measure(
      _ server: BenchServer, _ world: SagaWorld, _ prefix: String, isUngated: Bool
    ) async throws -> SagaBench.Figures {
      var bench = SagaBench(
        server: server, world: world, accounts: try await world.addAccounts(accounts, prefix: prefix), workers: workers,
        concurrency: 2000)
      bench.isUngated = isUngated
      return try await bench.run()
    }

    private func median(_ values: [Double]) -> Double {
      let sorted = values.sorted()
      guard !sorted.isEmpty else { return .nan }
      return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
  }
}

/// Writes each permit and asks nothing.
struct OpenGate: PermitGate {
  func add(_ permit: PermitRequest, to step: inout Step, incarnation: IncarnationClaim?) {
    step.add(batched: WritePermit(permit: permit, fence: step.lease.fence, incarnation: incarnation))
  }
}

private struct WritePermit: BatchStatement {
  static let sql = """
    WITH granted AS (
      INSERT INTO governance.permit (id, authorization_id, action, subject, fence, incarnation, mark)
      SELECT m.permit, m.authorization_id, m.action, m.subject, m.fence, m.incarnation, m.mark
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::bigint[])
        AS m (permit, authorization_id, action, subject, fence, incarnation, mark)
    )
    SELECT array_agg(m.n) FROM unnest($1::uuid[]) WITH ORDINALITY AS m (id, n)
    """

  let permit: PermitRequest
  let fence: Int64
  let incarnation: IncarnationClaim?

  static func bind(_ rows: [WritePermit], _ parameters: inout PostgresParameters) {
    parameters.append(rows.map(\.permit.id))
    parameters.append(rows.map(\.permit.authorization.rawValue))
    parameters.append(rows.map(\.permit.action.rawValue))
    parameters.append(rows.map(\.permit.subject.rawValue))
    parameters.append(rows.map(\.fence))
    parameters.append(rows.map { $0.incarnation?.id })
    parameters.append(rows.map { $0.incarnation?.mark })
  }
}
