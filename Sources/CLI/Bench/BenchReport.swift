import Foundation
import Postgres

/// Figures of a benchmark with what they were measured on.
struct BenchReport {
  let name: String
  var fields: [(String, String?)] = []

  mutating func add(_ name: String, _ value: String?) { fields.append((name, value)) }

  mutating func add(_ name: String, _ value: Double, digits: Int = 0) {
    fields.append((name, String(format: "%.\(digits)f", value)))
  }

  /// Prints, and writes a JSON object to `path`.
  func finish(_ output: Output, path: String?) throws {
    output.record(fields)
    guard let path else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    var object = Dictionary(fields.map { ($0.0, $0.1) }) { first, _ in first }
    object["benchmark"] = name
    try encoder.encode(object).write(to: URL(fileURLWithPath: path))
  }
}

extension BenchServer {
  /// A report that begins with machine, server and settings.
  func report(_ name: String) async throws -> BenchReport {
    var report = BenchReport(name: name, fields: Machine.facts)
    report.add("PostgreSQL", try await owner.queryFirst(ServerVersion()))
    report.add(
      "settings",
      Self.settings.filter { $0.key != "shared_preload_libraries" }.sorted { $0.key < $1.key }
        .map { "\($0.key)=\($0.value)" }.joined(separator: " "))
    #if DEBUG
      report.add("build", "debug: figures of no worth; use the release build")
    #endif
    return report
  }
}

private struct ServerVersion: Statement {
  static let sql = "SELECT current_setting('server_version')"
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
