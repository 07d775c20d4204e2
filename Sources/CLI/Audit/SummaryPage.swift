import AuditPackage
import Evidence
import Foundation
import MerkleLog

/// A package's readable face. Everything in it is taken from leaves and openings; it says itself that it is no evidence.
struct SummaryPage {
  let content: PackageContent
  let head: LogHead
  private let cases: [UUID: [[UInt8]]]
  private let openings: [UUID: [PackageContent.Opening]]

  init(content: PackageContent, head: LogHead) {
    self.content = content
    self.head = head
    cases = Dictionary(content.cases.map { ($0.id, $0.leaves) }) { first, _ in first }
    openings = Dictionary(grouping: content.openings, by: \.caseID)
  }

  var html: String {
    var body = """
      <h1>Evidence package</h1>
      <p class="warning">This page is not evidence. The evidence is the files beside it: check them with
      <code>keyturn-verify</code> or the second verifier.</p>
      <table><tr><th>log</th><td>\(HTML.text(head.origin))</td></tr>
      <tr><th>leaves sealed</th><td>\(head.size)</td></tr><tr><th>root</th><td><code>\(head.root.base64)</code></td></tr>
      <tr><th>cases</th><td>\(content.subjects.count), and \(content.cases.count - content.subjects.count) that explain them</td></tr>
      </table>
      """
    if !content.deadlines.isEmpty { body += table }
    for id in content.subjects { body += section(id) }
    let others = content.cases.map(\.id).dropFirst(content.subjects.count)
    if !others.isEmpty && others.count <= 200 {
      body += "<h1>What explains them</h1>"
      for id in others { body += section(id) }
    }
    return HTML.page("Evidence package", body)
  }

  private var table: String {
    let rows = content.deadlines.map { line in
      "<tr class=\"\(line.isMet ? "met" : "missed")\"><td><a href=\"#c\(line.caseID.leafText)\"><code>\(line.caseID.leafText)</code></a></td>"
        + "<td>\(HTML.time(line.start))</td><td>\(line.end.map(HTML.time) ?? "open")</td>"
        + "<td>\(line.seconds.map { "\($0) s" } ?? "–")</td><td>\(line.limit) s</td><td>\(line.isMet ? "met" : "not met")</td></tr>"
    }
    return
      "<h2>Times from opening to proof</h2><table><tr><th>case</th><th>opened</th><th>proven</th><th>took</th><th>limit</th>"
      + "<th></th></tr>\(rows.joined())</table>"
      + HTML.bars(
        content.deadlines.prefix(60).map { ($0.caseID.leafText.prefix(8) + "", Double($0.seconds ?? 0), $0.isMet) })
  }

  private func section(_ id: UUID) -> String {
    let leaves = (cases[id] ?? []).compactMap { try? EvidenceLeaf(bytes: $0) }
    let timeline = CaseTimeline(leaves)
    let rows = timeline.lines.map {
      "<tr><td>\(HTML.time($0.at))</td><td>\($0.sequence)</td><td>\(HTML.text($0.text))</td></tr>"
    }
    let values = (openings[id] ?? []).filter { $0.field != "core" }.map {
      "<li>leaf \($0.sequence), \(HTML.text($0.field)): \(HTML.text(Self.readable($0)))</li>"
    }
    return "<h2 id=\"c\(id.leafText)\">Case <code>\(id.leafText)</code></h2><p>\(HTML.text(timeline.action ?? "")), "
      + "\(HTML.text(timeline.state ?? "no rotation"))</p><table><tr><th>when (UTC)</th><th>leaf</th><th>what</th></tr>"
      + "\(rows.joined())</table>" + (values.isEmpty ? "" : "<ul>\(values.joined())</ul>")
  }
}

extension SummaryPage {
  /// A record as `column: value`, without ids and digests; anything else as it is.
  fileprivate static func readable(_ opening: PackageContent.Opening) -> String {
    guard opening.field == "row",
      let row = try? JSONSerialization.jsonObject(with: Data(opening.value.utf8)) as? [String: Any]
    else { return opening.value }
    let values = row.sorted { $0.key < $1.key }.compactMap { key, value -> String? in
      guard !key.hasSuffix("_id"), key != "id", !key.contains("digest"), !(value is NSNull) else { return nil }
      let text = "\(value)"
      return text.isEmpty || text.contains("sha256 ") ? nil : "\(key.replacing("_", with: " ")): \(text)"
    }
    return values.joined(separator: "; ")
  }
}

/// Pages that print well, without scripts and without anything from elsewhere.
enum HTML {
  static func text(_ text: some StringProtocol) -> String {
    var safe = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": safe += "&amp;"
      case "<": safe += "&lt;"
      case ">": safe += "&gt;"
      case "\"": safe += "&quot;"
      default: safe.unicodeScalars.append(character)
      }
    }
    return safe
  }

  /// Microseconds since 1970, in UTC to the millisecond.
  static func time(_ micros: Int64) -> String {
    Date(timeIntervalSince1970: Double(micros) / 1_000_000)
      .formatted(.iso8601.time(includingFractionalSeconds: true))
  }

  static func page(_ title: String, _ body: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>\(text(title))</title><style>
    body { font: 11pt/1.4 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1a1a1a }
    table { border-collapse: collapse; width: 100%; margin: 1em 0 } th, td { text-align: left; padding: .2em .6em; border-bottom: 1px solid #ddd; vertical-align: top }
    code { font-size: 90% } .warning { border-left: .3em solid #c60; padding-left: .8em } .missed td:last-child, .bad { color: #a00; font-weight: bold } .none { color: #666 }
    .met td:last-child, .good { color: #060 } h2 { page-break-after: avoid } tr { page-break-inside: avoid } svg { max-width: 100% }
    @page { size: A4; margin: 18mm } @media print { body { margin: 0; max-width: none } a { color: inherit; text-decoration: none } }
    </style></head><body>
    \(body)
    </body></html>

    """
  }

  /// A bar chart as SVG; a bar that is not good is red.
  static func bars(_ values: [(label: String, value: Double, isGood: Bool)]) -> String {
    guard let most = values.map(\.value).max(), most > 0 else { return "" }
    let rows = values.enumerated().map { index, bar in
      let width = max(1, bar.value / most * 420)
      return
        "<text x=\"0\" y=\"\(index * 16 + 12)\" font-size=\"10\">\(text(bar.label))</text>"
        + "<rect x=\"150\" y=\"\(index * 16 + 3)\" width=\"\(String(format: "%.1f", width))\" height=\"11\" fill=\"\(bar.isGood ? "#2a7" : "#b22")\"/>"
        + "<text x=\"\(String(format: "%.1f", 155 + width))\" y=\"\(index * 16 + 12)\" font-size=\"10\">\(number(bar.value))</text>"
    }
    return "<svg viewBox=\"0 0 660 \(values.count * 16 + 4)\" width=\"660\" role=\"img\">\(rows.joined())</svg>"
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(format: "%.1f", value)
  }
}
