import Foundation
import Postgres

/// Figures of a benchmark with what they were measured on.
struct BenchReport {
  let name: String
  var fields: [(String, String?)] = []
  private var missed: [String] = []

  init(name: String, fields: [(String, String?)] = []) {
    self.name = name
    self.fields = fields
  }

  mutating func add(_ name: String, _ value: String?) { fields.append((name, value)) }

  mutating func add(_ name: String, _ value: Double, digits: Int = 0) {
    fields.append((name, String(format: "%.\(digits)f", value)))
  }

  enum Goal {
    case atMost(Double)
    case atLeast(Double)

    func isMet(by value: Double) -> Bool {
      switch self {
      case .atMost(let bound): value <= bound
      case .atLeast(let bound): value >= bound
      }
    }

    fileprivate var text: String {
      switch self {
      case .atMost(let bound): "at most " + Self.number(bound)
      case .atLeast(let bound): "at least " + Self.number(bound)
      }
    }

    private static func number(_ value: Double) -> String {
      value == value.rounded() ? String(format: "%.0f", value) : "\(value)"
    }
  }

  /// A figure and, in a field of its own, whether it is good enough.
  mutating func add(_ name: String, _ value: Double, digits: Int = 0, goal: Goal) {
    add(name, value, digits: digits)
    let isMet = goal.isMet(by: value)
    fields.append(("goal: \(name) \(goal.text)", isMet ? "met" : "MISSED"))
    if !isMet { missed.append(name) }
  }

  /// Prints, and writes a JSON object to `path`; then throws if a goal was missed, so that the command fails.
  func finish(_ output: Output, path: String?) throws {
    output.record(fields)
    if let path { try write(to: path) }
    guard missed.isEmpty else {
      throw BenchError(description: "goals were missed: " + missed.joined(separator: "; "))
    }
  }

  private func write(to path: String) throws {
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
