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
    if let population = content.population { body += sample(population) }
    if !content.deadlines.isEmpty { body += table }
    for id in content.subjects { body += section(id) }
    let others = content.cases.map(\.id).dropFirst(content.subjects.count)
    if !others.isEmpty && others.count <= 200 {
      body += "<h1>What explains them</h1>"
      for id in others { body += section(id) }
    }
    return HTML.page("Evidence package", body)
  }

  private func sample(_ population: Population) -> String {
    let strata = Stratum.allCases.map { stratum in
      "\(population.members.filter { $0.stratum == stratum }.count) \(stratum.rawValue)"
    }
    var rows = [
      ("period", "\(HTML.time(population.from)) to \(HTML.time(population.until))"),
      ("population", "\(population.members.count) cases: \(strata.joined(separator: ", "))"),
      ("its digest", "\(population.digest)"),
    ]
    if let draw = population.draw {
      rows += [("auditor's seed", draw.seed), ("size", "\(draw.size.rawValue), \(content.subjects.count) cases drawn")]
    }
    return "<h2>Sample</h2><table>"
      + rows.map { "<tr><th>\($0.0)</th><td>\(HTML.text($0.1))</td></tr>" }.joined() + "</table>"
  }

  private var table: String {
    let rows = content.deadlines.map { line in
      "<tr class=\"\(line.isMet ? "met" : "missed")\"><td><a href=\"#c\(line.caseID.leafText)\"><code>\(line.caseID.leafText)</code></a></td>"
        + "<td class=\"number\">\(HTML.time(line.start))</td><td class=\"number\">\(line.end.map(HTML.time) ?? "open")</td>"
        + "<td>\(line.seconds.map(HTML.duration) ?? "–")</td><td>\(HTML.duration(line.limit))</td><td>\(line.isMet ? "met" : "not met")</td></tr>"
    }
    return
      "<h2>Times from opening to proof</h2><table><thead><tr><th>case</th><th>opened (UTC)</th><th>proven (UTC)</th><th>took</th>"
      + "<th>limit</th><th></th></tr></thead>\(rows.joined())</table><h3>Seconds each took\(HTML.of(60, content.deadlines.count))</h3>"
      + HTML.bars(
        content.deadlines.prefix(60).map { ($0.caseID.leafText, Double($0.seconds ?? 0), $0.isMet) }, bad: "not met")
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
    return "<h2 id=\"c\(id.leafText)\">Case <code>\(id.leafText)</code></h2><p>"
      + HTML.text(timeline.action.map { "\($0), \(timeline.state ?? "?")" } ?? "no issue, rotation or revocation")
      + "</p><table><thead><tr><th>when (UTC)</th><th>leaf</th><th>what</th></tr></thead>"
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
      guard key != "id", !key.contains("digest"), !(value is NSNull) else { return nil }
      let text = "\(value)"
      // What another system calls its own, such as a ticket's number, is for people.
      guard !key.hasSuffix("_id") || UUID(uuidString: text) == nil else { return nil }
      return text.isEmpty || text.contains("sha256 ") ? nil : "\(key.replacing("_", with: " ")): \(text)"
    }
    return values.joined(separator: "; ")
  }
}
