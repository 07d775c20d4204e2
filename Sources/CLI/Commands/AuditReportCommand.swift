import ArgumentParser
import AuditPackage
import Evidence
import Foundation
import Postgres

extension AuditCommand {
  struct Report: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Controls with their populations: OWASP NHI Top 10 2025 and NIST CSF 2.0 PR.AA. No data is never green."
    )
    @Option(help: "What began from here on.", transform: parseTime) var from: Date
    @Option(help: "… and before here; default: now.", transform: parseTime) var until: Date?
    @Option(help: "Accounts on all targets, from an inventory of your own; without it coverage is not measurable.")
    var discovered: Int?
    @Option(help: "Write a page that prints well.") var html: String?
    @Option(help: "Write CSV.") var csv: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let until = until ?? Date()
      guard var counts = try await session.client.queryFirst(CountControls(from: from, until: until)) else { return }
      counts.discovered = discovered
      let report = ControlReport(counts)
      let ages = try await session.client.query(ListRotationAges())
      if let html {
        try page(report, ages, until: until).write(toFile: html, atomically: true, encoding: .utf8)
      }
      if let csv { try table(report).write(toFile: csv, atomically: true, encoding: .utf8) }
      session.output.table(
        ["control", "framework", "status", "share", "numerator", "denominator", "population"],
        report.lines.map {
          [
            $0.control.id, $0.control.framework, $0.status.rawValue, Self.percent($0.share), "\($0.numerator)",
            "\($0.denominator)", $0.gap ?? $0.population,
          ]
        }, empty: "")
    }

    private static func percent(_ share: Double?) -> String? { share.map { String(format: "%.1f %%", $0 * 100) } }

    private func table(_ report: ControlReport) -> String {
      let rows = report.lines.map { line in
        [
          line.control.id, line.control.framework, line.control.aliases.joined(separator: " "), line.control.title,
          line.population, "\(line.numerator)", "\(line.denominator)", "\(line.threshold)", line.status.rawValue,
          line.gap ?? "",
        ].map { $0.contains(",") ? "\"\($0)\"" : $0 }.joined(separator: ",")
      }
      return "control,framework,aliases,title,population,numerator,denominator,threshold,status,gap\n"
        + rows.joined(separator: "\n") + "\n"
    }

    private func page(_ report: ControlReport, _ ages: [(target: String, days: Double, isInTime: Bool)], until: Date)
      -> String
    {
      let rows = report.lines.map { line in
        let aliases = line.control.aliases.isEmpty ? "" : " (" + line.control.aliases.joined(separator: ", ") + ")"
        let mark = line.status == .met ? "good" : "bad"
        return "<tr><td>\(HTML.text(line.control.id + aliases))</td><td>\(HTML.text(line.control.framework))</td>"
          + "<td>\(HTML.text(line.control.title))</td><td>\(HTML.text(line.gap ?? line.population))</td>"
          + "<td>\(line.numerator) / \(line.denominator)</td><td>\(Self.percent(line.share) ?? "–")</td>"
          + "<td class=\"\(mark)\">\(line.status.rawValue)</td></tr>"
      }
      let shares = report.lines.compactMap { line in
        line.share.map { (line.control.id, ($0 * 1000).rounded() / 10, line.status == .met) }
      }
      return HTML.page(
        "Control report",
        "<h1>Control report</h1><p>\(HTML.text(from.formatted(.iso8601))) to \(HTML.text(until.formatted(.iso8601)))</p>"
          + "<table><tr><th>control</th><th>framework</th><th>title</th><th>what is counted</th><th>count</th><th>share</th>"
          + "<th>status</th></tr>\(rows.joined())</table><h2>Shares, %</h2>\(HTML.bars(shares))"
          + "<h2>Oldest secret by target, days</h2>\(HTML.bars(ages.map { ($0.target, ($0.days * 10).rounded() / 10, $0.isInTime) }))"
      )
    }
  }
}

private struct CountControls: Statement {
  static let sql = """
    WITH rotation AS (
      SELECT r.id, r.action, r.state FROM lifecycle.rotation AS r WHERE r.created_at >= $1 AND r.created_at < $2
    ), proof AS (
      SELECT p.kind, p.result FROM lifecycle.proof AS p
      WHERE p.kind = 'rights' AND p.result <> 'cannot_tell' AND p.observed_at >= $1 AND p.observed_at < $2
    ), decision AS (
      SELECT a.approver_id IS DISTINCT FROM r.requester_id AND a.approver_id IS DISTINCT FROM r.beneficiary_id AS by_other
      FROM governance.approval AS a
      JOIN governance.request AS r ON r.id = a.request_id AND r.revision = a.revision
      WHERE a.decided_at >= $1 AND a.decided_at < $2
    )
    SELECT
      (SELECT count(*) FROM governance.identity),
      (SELECT count(*) FROM governance.identity AS i JOIN governance.person AS o ON o.id = i.owner_id
        JOIN governance.person AS b ON b.id = i.backup_owner_id WHERE o.state = 'active' AND b.state = 'active'),
      (SELECT count(*) FROM rotation WHERE action = 'revoke'),
      (SELECT count(*) FROM rotation WHERE action = 'revoke' AND state = 'done'),
      (SELECT count(*) FROM lifecycle.credential WHERE state = 'active'),
      (SELECT count(*) FROM lifecycle.credential WHERE state = 'active' AND next_due_at > now() AND hard_expires_at > now()),
      (SELECT count(*) FROM rotation WHERE action <> 'revoke' AND state <> 'cancelled'),
      (SELECT count(*) FROM rotation WHERE action <> 'revoke' AND state = 'done'),
      (SELECT count(*) FROM proof), (SELECT count(*) FROM proof WHERE result = 'passed'),
      (SELECT count(*) FROM decision), (SELECT count(*) FROM decision WHERE by_other),
      (SELECT count(*) FROM lifecycle.effect WHERE intended_at >= $1 AND intended_at < $2),
      (SELECT count(*) FROM lifecycle.effect AS e JOIN governance.permit AS p ON p.id = e.permit_id
        WHERE e.intended_at >= $1 AND e.intended_at < $2),
      (SELECT coalesce(sum(b.count), 0)::bigint FROM evidence.batch AS b),
      (SELECT coalesce(max(l.size), 0) FROM evidence.log AS l)
    """

  let from: Date
  let until: Date

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(from)
    parameters.append(until)
  }

  static func decode(_ row: PostgresRow) throws -> ControlReport.Counts {
    var counts = ControlReport.Counts()
    counts.governed = try row[0]
    counts.withActiveOwners = try row[1]
    counts.revocations = try row[2]
    counts.revocationsProven = try row[3]
    counts.credentials = try row[4]
    counts.credentialsInTime = try row[5]
    counts.rotations = try row[6]
    counts.rotationsProven = try row[7]
    counts.rightsChecked = try row[8]
    counts.rightsEqual = try row[9]
    counts.approvals = try row[10]
    counts.approvalsByOthers = try row[11]
    counts.effects = try row[12]
    counts.effectsPermitted = try row[13]
    counts.leaves = try row[14]
    counts.leavesSealed = try row[15]
    return counts
  }
}

/// The oldest secret in use on each target.
private struct ListRotationAges: Statement {
  static let sql = """
    SELECT t.name, max(extract(epoch FROM now() - v.published_at))::float8 / 86400, bool_and(c.next_due_at > now())
    FROM lifecycle.version AS v
    JOIN lifecycle.credential AS c ON c.id = v.credential_id
    JOIN governance.target AS t ON t.id = c.target_id
    WHERE v.state = 'current' AND v.published_at IS NOT NULL
    GROUP BY t.name
    ORDER BY 2 DESC
    LIMIT 60
    """

  static func decode(_ row: PostgresRow) throws -> (target: String, days: Double, isInTime: Bool) {
    (try row[0], try row[1], try row[2])
  }
}
