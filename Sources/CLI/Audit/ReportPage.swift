import AuditPackage
import Foundation
import MerkleLog

/// The control report as a page that prints well: coverage first, then the controls, then charts.
struct ReportPage {
  let report: ControlReport
  let facts: ControlFacts
  /// By id.
  let targets: [String: String]
  let from: Date
  let until: Date

  static func percent(_ share: Double?) -> String? { share.map { String(format: "%.1f %%", $0 * 100) } }

  var html: String {
    HTML.page(
      "Control report",
      """
      <h1>Control report</h1><p>\(HTML.text(from.formatted(.iso8601))) to \(HTML.text(until.formatted(.iso8601)))</p>
      <p>Counted from leaves of the evidence log. What cannot be measured is never shown as met.</p>
      <table><tr><th>control</th><th>framework</th><th>title</th><th>what is counted</th><th>count</th><th>share</th>
      <th>status</th></tr>\(report.lines.map(row).joined())</table>
      <h2>Coverage: governed logins of all, %</h2>\(coverage)
      <h2>Shares by control, %</h2>\(HTML.bars(shares))
      <h2>Proven in time</h2>\(deadlines)
      <h2>Age of secrets: the oldest on each target, days</h2>\(ages)
      \(failing)
      """)
  }

  private func row(_ line: ControlReport.Line) -> String {
    let aliases = line.control.aliases.isEmpty ? "" : " (" + line.control.aliases.joined(separator: ", ") + ")"
    let mark = line.status == .met ? "good" : line.status == .notMeasurable ? "none" : "bad"
    return "<tr><td>\(HTML.text(line.control.id + aliases))</td><td>\(HTML.text(line.control.framework))</td>"
      + "<td>\(HTML.text(line.control.title))</td><td>\(HTML.text(line.gap ?? line.population))</td>"
      + "<td>\(line.gap == nil ? "\(line.numerator) / \(line.denominator)" : "–")</td>"
      + "<td>\(Self.percent(line.share) ?? "–")</td><td class=\"\(mark)\">\(HTML.text("\(line.status)"))</td></tr>"
  }

  private var coverage: String {
    guard !facts.coverage.isEmpty else { return "<p>Nobody has listed the accounts on the targets.</p>" }
    return HTML.bars(
      facts.coverage.prefix(60).map {
        let share = $0.logins == 0 ? 0 : Double($0.governed) / Double($0.logins)
        return (name($0.target), (share * 1000).rounded() / 10, $0.governed == $0.logins)
      })
  }

  private var shares: [(label: String, value: Double, isGood: Bool)] {
    report.lines.compactMap { line in
      line.share.map { (line.control.id, ($0 * 1000).rounded() / 10, line.status == .met) }
    }
  }

  private var deadlines: String {
    let (met, total) = (facts.deadlines.met, facts.deadlines.total)
    guard total > 0 else { return "<p>No case ended, or had to, in the period.</p>" }
    return HTML.bars([("in time", Double(met), true), ("late", Double(total - met), total == met)])
  }

  private var ages: String {
    let oldest = Dictionary(grouping: facts.ages, by: \.target).compactMapValues { $0.max { $0.age < $1.age } }
    guard !oldest.isEmpty else { return "<p>There is no active secret.</p>" }
    return HTML.bars(
      oldest.values.sorted { $0.age > $1.age }.prefix(60).map {
        (name($0.target), (Double($0.age) / 8_640_000_000).rounded() / 10, $0.isInTime)
      })
  }

  private var failing: String {
    let lines = report.lines.filter { !$0.cases.isEmpty }
    guard !lines.isEmpty else { return "" }
    return "<h2>Cases behind what is not met</h2>"
      + lines.map { line in
        let cases = line.cases.prefix(200).map { "<li><code>\($0.leafText)</code></li>" }.joined()
        let more = line.cases.count > 200 ? "<li>and \(line.cases.count - 200) more, in the CSV</li>" : ""
        return "<h3>\(HTML.text(line.control.id))</h3><ul>\(cases)\(more)</ul>"
      }.joined()
  }

  private func name(_ target: String) -> String { targets[target] ?? String(target.prefix(8)) }

  // MARK: CSV

  /// A line per control, the cases that do not meet it in the last column.
  var csv: String {
    let rows = report.lines.map { line in
      [
        line.control.id, line.control.framework, line.control.aliases.joined(separator: " "), line.control.title,
        line.population, "\(line.numerator)", "\(line.denominator)", "\(line.threshold)", "\(line.status)",
        line.gap ?? "", line.cases.map(\.leafText).joined(separator: " "),
      ].map(Self.field).joined(separator: ",")
    }
    return "control,framework,aliases,title,population,numerator,denominator,threshold,status,gap,cases\n"
      + rows.joined(separator: "\n") + "\n"
  }

  /// RFC 4180; what a spreadsheet would take for a formula is text.
  private static func field(_ text: String) -> String {
    let safe = text.first.map { "=+-@".contains($0) } == true ? "'" + text : text
    guard safe.contains(where: { ",\"\n\r".contains($0) }) else { return safe }
    return "\"" + safe.replacing("\"", with: "\"\"") + "\""
  }
}
