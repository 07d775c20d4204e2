import AuditPackage
import Evidence
import Foundation
import MerkleLog

/// The control report as a page that prints well: coverage first, then the controls, then charts and the cases behind.
struct ReportPage {
  let report: ControlReport
  let facts: ControlFacts
  /// What it was counted from; nil: no log was begun.
  let head: LogHead?
  /// By id.
  let targets: [String: String]
  let from: Date
  let until: Date

  /// Rows of a chart: as many as fit on a page.
  private static let rows = 60

  static func percent(_ share: Double?) -> String? { share.map { String(format: "%.1f %%", $0 * 100) } }

  var html: String {
    HTML.page(
      "Control report",
      """
      <h1>Control report</h1><p>\(HTML.text(from.formatted(.iso8601))) to \(HTML.text(until.formatted(.iso8601)))</p>
      <p>Counted from leaves of the evidence log. What cannot be measured is never shown as met; what is not sealed is not
      counted. Ask for a package of any case: <code>keyturn audit package CASE</code>.</p>
      \(source)
      <table><thead><tr><th>control</th><th>what is counted</th><th>met / all</th><th>share</th><th>needed</th><th>status</th>
      <th>cases</th></tr></thead>\(controls)</table>
      <h2>Coverage: governed logins of all, %\(HTML.of(Self.rows, facts.coverage.count))</h2>\(coverage)
      <h2>Shares by control, %</h2>\(shares)
      <h2>Proven in time</h2>\(deadlines)
      <h2>Age of secrets: the oldest on each target, days\(HTML.of(Self.rows, oldest.count))</h2>\(ages)
      \(failing)
      """)
  }

  private var source: String {
    guard let head else { return "<p class=\"bad\">No log was begun: nothing is evidence.</p>" }
    return """
      <table><tr><th>log</th><td>\(HTML.text(head.origin))</td></tr><tr><th>leaves sealed</th><td>\(head.size)</td></tr>
      <tr><th>root</th><td><code>\(head.root.base64)</code></td></tr><tr><th>leaves not sealed yet</th>
      <td>\(facts.sealed.total - facts.sealed.met)</td></tr></table>
      """
  }

  private var controls: String {
    var (rows, framework) = ("", "")
    for line in report.lines {
      if line.control.framework != framework {
        framework = line.control.framework
        rows += "<tr class=\"group\"><th colspan=\"7\">\(HTML.text(framework))</th></tr>"
      }
      rows += row(line)
    }
    return rows
  }

  private func row(_ line: ControlReport.Line) -> String {
    let control = line.control
    let aliases = control.aliases.isEmpty ? "" : "<br>also " + HTML.text(control.aliases.joined(separator: ", "))
    let mark = line.status == .met ? "good" : line.status == .notMeasurable ? "none" : "bad"
    let gap = line.gap.map { "<br><span class=\"gap\">\(HTML.text($0))</span>" } ?? ""
    return "<tr><td class=\"wide\"><b>\(HTML.text(control.id))</b> \(HTML.text(control.title))\(aliases)</td>"
      + "<td>\(HTML.text(line.population))\(gap)</td>"
      + "<td class=\"number\">\(line.share == nil ? "–" : "\(line.numerator) / \(line.denominator)")</td>"
      + "<td class=\"number\">\(Self.percent(line.share) ?? "–")</td>"
      + "<td class=\"number\">\(Self.percent(line.threshold) ?? "–")</td><td class=\"\(mark)\">\(HTML.text("\(line.status)"))</td>"
      + "<td>\(line.cases.isEmpty ? "–" : "<a href=\"#\(control.id)\">\(line.cases.count)</a>")</td></tr>"
  }

  private var coverage: String {
    guard !facts.coverage.isEmpty else {
      return "<p class=\"none\">No data: no target was looked over with <code>keyturn discover</code>.</p>"
    }
    let shares = facts.coverage.map { look in
      (name(look.target), look.logins == 0 ? 0 : Double(look.governed) / Double(look.logins) * 100, look.isWhole)
    }
    return HTML.bars(
      shares.sorted { $0.1 < $1.1 }.prefix(Self.rows).map { ($0.0, Self.tenth($0.1), $0.2) }, full: 100,
      bad: "not all are governed")
  }

  private var shares: String {
    let bars = report.lines.compactMap { line in
      line.share.map { (line.control.id, Self.tenth($0 * 100), line.status == .met) }
    }
    let missing = report.lines.filter { $0.share == nil }.map(\.control.id)
    return (bars.isEmpty ? "<p class=\"none\">No data.</p>" : HTML.bars(bars, full: 100, bad: "not met"))
      + (missing.isEmpty ? "" : "<p class=\"none\">Not measurable: \(HTML.text(missing.joined(separator: ", "))).</p>")
  }

  private var deadlines: String {
    let times = facts.times.sorted { $0.key < $1.key }
    guard times.contains(where: { $0.value.inTime.total > 0 }) else {
      return "<p class=\"none\">No data: no case ended, or had to, in the period.</p>"
    }
    let rows = times.map { action, times in
      "<tr><td>\(HTML.text(action))</td><td>\(HTML.duration(times.limit))</td><td>\(times.inTime.met) / \(times.inTime.total)</td>"
        + "<td>\(times.median.map(HTML.duration) ?? "–")</td><td>\(times.longest.map(HTML.duration) ?? "–")</td></tr>"
    }
    return "<table><thead><tr><th>action</th><th>limit from opening to proof</th><th>in time / all</th><th>median</th>"
      + "<th>longest</th></tr></thead>\(rows.joined())</table>"
      + HTML.bars(
        times.filter { $0.value.inTime.total > 0 }.map { action, times in
          let (met, total) = (times.inTime.met, times.inTime.total)
          return (action + ", % in time", Self.tenth(Double(met) / Double(total) * 100), met == total)
        }, full: 100, bad: "some are late")
      + Self.list("Late cases", id: "late", times.flatMap(\.value.inTime.failing))
  }

  private var oldest: [ControlFacts.Age] {
    Dictionary(grouping: facts.ages, by: \.target).compactMap { _, ages in
      // One that is too old is shown, even when another with a longer period is older.
      ages.max { ($0.isInTime ? 0 : 1, $0.age) < ($1.isInTime ? 0 : 1, $1.age) }
    }
  }

  private var ages: String {
    guard !oldest.isEmpty else { return "<p class=\"none\">No data: there is no active secret.</p>" }
    return HTML.bars(
      oldest.sorted { $0.age > $1.age }.prefix(Self.rows).map {
        (name($0.target), Self.tenth(Double($0.age) / 86_400_000_000), $0.isInTime)
      }, bad: "older than its policy allows")
  }

  private var failing: String {
    let lines = report.lines.filter { !$0.cases.isEmpty }
    guard !lines.isEmpty else { return "" }
    return "<h2>Cases behind what is not met</h2><p>At most 200 of each; all are in the CSV.</p>"
      + lines.map { Self.list("\($0.control.id) \($0.control.title)", id: $0.control.id, $0.cases) }.joined()
  }

  private static func list(_ title: String, id: String, _ cases: [UUID]) -> String {
    guard !cases.isEmpty else { return "" }
    let rows = cases.prefix(200).map { "<li><code>\($0.leafText)</code></li>" }.joined()
    let more = cases.count > 200 ? "<p>and \(cases.count - 200) more</p>" : ""
    return "<h3 id=\"\(id)\">\(HTML.text(title)): \(cases.count)</h3><ul class=\"ids\">\(rows)</ul>\(more)"
  }

  private static func tenth(_ value: Double) -> Double { (value * 10).rounded() / 10 }

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
