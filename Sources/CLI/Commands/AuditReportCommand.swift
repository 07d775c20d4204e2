import ArgumentParser
import AuditPackage
import Evidence
import Foundation
import MerkleLog
import Postgres

extension AuditCommand {
  struct Report: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Controls with their populations: OWASP NHI Top 10 2025 and NIST CSF 2.0 PR.AA. No data is never green.",
      discussion: "Counted from sealed leaves, with the cases that do not meet a control.")
    @Option(help: "What began from here on.", transform: parseTime) var from: Date
    @Option(help: "… and before here; default: now.", transform: parseTime) var until: Date?
    @Option(help: "Accounts on all targets, from an inventory of your own; default: what `keyturn discover` found.")
    var discovered: Int?
    @Option(help: "Write a page that prints well.") var html: String?
    @Option(help: "Write CSV.") var csv: String?
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let reader = LogReader(client: session.client)
      let until = until ?? Date()
      let facts = try await Self.facts(reader, from: from, until: until)
      let report = ControlReport(facts, discovered: discovered)
      let page = ReportPage(
        report: report, facts: facts, head: try await reader.head(),
        targets: try await reader.names(of: .targetAdded), from: from, until: until)
      if let html { try page.html.write(toFile: html, atomically: true, encoding: .utf8) }
      if let csv { try page.csv.write(toFile: csv, atomically: true, encoding: .utf8) }
      session.output.table(
        ["control", "framework", "status", "share", "numerator", "denominator", "population", "cases"],
        report.lines.map { line in
          [
            line.control.id, line.control.framework, "\(line.status)", ReportPage.percent(line.share),
            "\(line.numerator)", "\(line.denominator)", line.gap.map { "\(line.population): \($0)" } ?? line.population,
            line.cases.isEmpty
              ? nil
              : line.cases.prefix(3).map(\.leafText).joined(separator: " ")
                + (line.cases.count > 3 ? " and \(line.cases.count - 3) more" : ""),
          ]
        }, empty: "")
    }

    /// Everything the report counts, out of sealed leaves.
    static func facts(_ reader: LogReader, from: Date, until: Date) async throws -> ControlFacts {
      func micros(_ date: Date) -> Int64 { Int64(date.microsecondsSince1970) }
      var inputs = ControlFacts.Inputs()
      (inputs.from, inputs.until, inputs.limits) = (micros(from), micros(until), PackageBuilder.limits)
      let opened = try await reader.opened(from: from, until: until).map(\.caseID)
      for start in stride(from: 0, to: opened.count, by: 2000) {
        for leaf in try await reader.leaves(of: Array(opened[start..<min(start + 2000, opened.count)])) {
          guard leaf.index != nil else { continue }
          inputs.cases[leaf.caseID, default: []].append(try EvidenceLeaf(bytes: leaf.bytes))
        }
      }
      inputs.records = try await reader.sealedLeaves(of: ControlFacts.recordTypes, before: until)
        .map { try EvidenceLeaf(bytes: $0) }
      inputs.people = try await reader.pseudonyms()
      inputs.periods = try await reader.rotationPeriods()
      var facts = ControlFacts(inputs)
      let (size, waiting) = (Int(try await reader.head()?.size ?? 0), try await reader.waiting().leaves)
      facts.sealed.add(met: size, of: size + waiting)
      return facts
    }
  }
}
