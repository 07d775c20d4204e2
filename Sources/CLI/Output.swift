import Foundation

/// Tables for people, JSON for programs; nothing else goes to the standard output.
struct Output {
  let json: Bool

  /// One row per element; every row has the headings' keys.
  func table(_ headings: [String], _ rows: [[String?]], empty: String) {
    if json {
      print(Self.encode(rows.map { Self.object(headings, $0) }))
      return
    }
    if rows.isEmpty {
      print(empty)
      return
    }
    let cells = [headings.map { $0.uppercased().replacing("_", with: " ") }] + rows.map { $0.map { $0 ?? "–" } }
    let widths = headings.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    for row in cells {
      let line = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
      print(line.joined(separator: "  ").replacing(/\s+$/, with: ""))
    }
  }

  /// One record.
  func record(_ fields: [(String, String?)]) {
    if json {
      print(Self.encode(Self.object(fields.map(\.0), fields.map(\.1))))
      return
    }
    let width = fields.map { $0.0.count }.max() ?? 0
    for (name, value) in fields {
      let label = name.replacing("_", with: " ")
      print("\(label)\(String(repeating: " ", count: width - label.count))  \(value ?? "–")")
    }
  }

  /// Rows of a report, with the key they have in JSON.
  struct Table {
    let name: String
    let headings: [String]
    let rows: [[String?]]
    let empty: String
  }

  /// One record with tables: a single object in JSON, and one after the other for people.
  func report(_ fields: [(String, String?)], _ tables: [Table]) {
    if json {
      var object = Self.object(fields.map(\.0), fields.map(\.1)).mapValues(ReportValue.text)
      for table in tables { object[table.name] = .rows(table.rows.map { Self.object(table.headings, $0) }) }
      print(Self.encode(object))
      return
    }
    record(fields)
    for table in tables {
      print("")
      self.table(table.headings, table.rows, empty: table.empty)
    }
  }

  private enum ReportValue: Encodable {
    case text(String?)
    case rows([[String: String?]])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .rows(let rows): try container.encode(rows)
      }
    }
  }

  /// A sentence for people; nothing in JSON.
  func say(_ text: String) {
    if !json { print(text) }
  }

  private static func object(_ keys: [String], _ values: [String?]) -> [String: String?] {
    Dictionary(zip(keys, values)) { first, _ in first }
  }

  private static func encode(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    // Dictionaries of strings always encode.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
  }

  static func time(_ date: Date?) -> String? { date?.formatted(.iso8601) }
}

/// A line on the terminal that is redrawn, or a line per tenth of the way elsewhere. Written to the standard error output.
final class ProgressBar {
  private let label: String
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var lastShown = -1

  init(_ label: String) { self.label = label }

  func show(_ done: Int, of total: Int, note: String = "") {
    let percent = total == 0 ? 100 : done * 100 / total
    if isTerminal {
      let filled = percent * 24 / 100
      let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
      write("\r\u{1B}[2K  \(label) \(bar) \(done)/\(total) \(note)")
    } else if percent / 10 != lastShown {
      lastShown = percent / 10
      write("  \(label) \(done)/\(total) \(note)\n")
    }
  }

  func finish() { if isTerminal { write("\n") } }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
