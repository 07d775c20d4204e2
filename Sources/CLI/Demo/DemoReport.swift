import Foundation
import Postgres

/// What the demo shows at the end.
struct DemoReport {
  let accounts: Int
  let tally: DemoClientCommand.Tally
  let findings: [Finding]
  let states: [StateCount.Row]
  let steps: [StepTime.Row]
  let proofs: ProofCount.Row
  let forcedSeconds: Double
  let seconds: Double
  let workersStarted: Int

  var holds: Bool { findings.isEmpty && tally.failed == 0 && tally.succeeded > 0 }

  static func make(
    world: DemoWorld, names: [String], tally: DemoClientCommand.Tally, findings: [Finding], forcedSeconds: Double,
    workersStarted: Int, seconds: Double
  ) async throws -> DemoReport {
    let client = world.composition.client
    guard let proofs = try await client.queryFirst(ProofCount()) else {
      throw DemoError(description: "no proofs")
    }
    return DemoReport(
      accounts: names.count, tally: tally, findings: findings, states: try await client.query(StateCount()),
      steps: try await client.query(StepTime()), proofs: proofs, forcedSeconds: forcedSeconds, seconds: seconds,
      workersStarted: workersStarted)
  }

  func show(_ output: Output) {
    if output.json {
      output.record(facts)
      return
    }
    print("")
    output.table(["action", "trigger", "state", "count"], states.map(\.cells), empty: "")
    print("")
    output.table(["action", "step", "count", "p50_ms", "p99_ms"], steps.map(\.cells), empty: "")
    print("")
    output.record(facts)
    if !findings.isEmpty {
      print("")
      output.table(["check", "finding"], findings.prefix(50).map { [$0.check, $0.detail] }, empty: "")
    }
    for failure in tally.failures.prefix(10) { print("failed login: \(failure)") }
    print("")
    print(
      holds
        ? "Everything holds: one live version at every moment, every old secret refused, nothing left behind."
        : "It does NOT hold; see above.")
  }

  private var facts: [(String, String?)] {
    let perSecond = forcedSeconds > 0 ? Double(accounts) / forcedSeconds : 0
    return [
      ("accounts", "\(accounts)"),
      ("forced rotations per second", String(format: "%.1f", perSecond)),
      ("client logins", "\(tally.succeeded)"),
      ("failed client logins", "\(tally.failed)"),
      ("proofs per credential, least", "\(proofs.least)"),
      ("proofs per credential, average", String(format: "%.1f", proofs.average)),
      ("workers started", "\(workersStarted)"),
      ("oracle on the target", findings.contains { $0.check != "canary" } ? "does not hold" : "holds"),
      ("secrets found in logs or rows", findings.contains { $0.check == "canary" } ? "yes" : "none"),
      ("seconds", String(format: "%.0f", seconds)),
    ]
  }
}

struct StateCount: Statement {
  static let sql = """
    SELECT action, trigger, state, count(*)::text
    FROM lifecycle.rotation
    GROUP BY action, trigger, state
    ORDER BY action, trigger, state
    """

  struct Row: Sendable { let cells: [String?] }

  static func decode(_ row: PostgresRow) throws -> Row { Row(cells: try row.texts(4)) }
}

struct StepTime: Statement {
  static let sql = """
    SELECT r.action, s.from_state || ' → ' || s.to_state, count(*)::text,
      round((1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM s.at - s.started_at)))::numeric, 1)::text,
      round((1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM s.at - s.started_at)))::numeric, 1)::text
    FROM lifecycle.rotation_step AS s
    JOIN lifecycle.rotation AS r ON r.id = s.rotation_id
    GROUP BY r.action, s.from_state, s.to_state
    ORDER BY r.action, min(s.sequence), s.to_state
    """

  struct Row: Sendable { let cells: [String?] }

  static func decode(_ row: PostgresRow) throws -> Row { Row(cells: try row.texts(5)) }
}

struct ProofCount: Statement {
  static let sql = """
    SELECT min(n), avg(n)::float8
    FROM (SELECT count(p.commit_id) AS n
      FROM lifecycle.credential AS c
      LEFT JOIN lifecycle.proof AS p ON p.credential_id = c.id AND p.result = 'passed'
      GROUP BY c.id) AS counted
    """

  struct Row: Sendable {
    let least: Int
    let average: Double
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(least: try row[0], average: try row[1]) }
}
