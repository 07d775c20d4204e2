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

    @Option(help: "Accounts per run, 100 to 100000.") var accounts = 10_000
    @Option(help: "Runs of each kind, 1 to 10; medians are compared.") var runs = 2
    @Option(help: "Worker processes, 1 to 16.") var workers = 2
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (100...100_000).contains(accounts) else { throw ValidationError("--accounts must be 100 to 100000") }
      guard (1...10).contains(runs) else { throw ValidationError("--runs must be 1 to 10") }
      guard (1...16).contains(workers) else { throw ValidationError("--workers must be 1 to 16") }
    }

    mutating func run() async throws {
      do {
        let server = try await BenchServer.start(logger: global.makeLogger("keyturn.bench"))
        let world = try await SagaWorld.make(on: server, targets: 16, latency: 0)
        // The first run of a server is slower than the others, whichever kind it is.
        _ = try await measure(server, world, "warm", isUngated: false)
        var figures: [Bool: [SagaBench.Figures]] = [:]
        for run in 0..<runs {
          for isUngated in run.isMultiple(of: 2) ? [false, true] : [true, false] {
            figures[isUngated, default: []].append(
              try await measure(server, world, "run\(run)_\(isUngated ? "off" : "on")", isUngated: isUngated))
          }
        }
        await world.composition.close()
        try await server.stop()
        let (on, off) = (figures[false] ?? [], figures[true] ?? [])
        let (onRate, offRate) = (rate(on), rate(off))
        let (onTime, offTime) = (database(on), database(off))
        global.output.record(
          Machine.facts + [
            ("accounts per run", "\(accounts)"), ("runs of each kind", "\(runs)"),
            ("rotations per second, gates on", String(format: "%.0f", onRate)),
            ("rotations per second, gates off", String(format: "%.0f", offRate)),
            ("cost in throughput, percent", String(format: "%.1f", (1 - onRate / offRate) * 100)),
            ("processor ms of the database per rotation, gates on", String(format: "%.3f", onTime)),
            ("processor ms of the database per rotation, gates off", String(format: "%.3f", offTime)),
          ])
      } catch {
        throw Failure.exit(for: error, json: global.json)
      }
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

    private func rate(_ figures: [SagaBench.Figures]) -> Double {
      Double(accounts) / median(figures.map(\.seconds))
    }

    private func database(_ figures: [SagaBench.Figures]) -> Double {
      median(figures.map(\.database)) * 1000 / Double(accounts)
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
