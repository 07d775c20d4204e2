import Foundation
import Postgres
import TestSupport
import Testing

/// Every statement in the sources is accepted by the database it is written for.
@Suite struct StatementTests {
  /// Type name → text, read from the sources so that a new statement cannot be forgotten.
  static let statements: [(name: String, sql: String)] = {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources")
    var found: [(String, String)] = []
    guard let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil) else { return [] }
    for case let file as URL in files where file.pathExtension == "swift" {
      guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
      found += StatementText.all(in: text)
    }
    return found
  }()

  @Test func allAreFound() {
    #expect(Self.statements.count >= 80, "found \(Self.statements.count)")
  }

  @Test func allPrepare() async throws {
    let database = try await TestDatabase.make()
    // Tables of the demo's target that two statements of the demo read.
    try await database.withOwner { connection in
      try await connection.executeScript(
        "CREATE EXTENSION pg_stat_statements; CREATE TABLE public.measurement (id bigint PRIMARY KEY, value text)")
    }
    for (index, statement) in Self.statements.enumerated() {
      do {
        try await database.withOwner { connection in
          try await connection.executeScript("PREPARE s\(index) AS \(statement.sql)")
        }
      } catch {
        Issue.record("\(statement.name) does not prepare: \(error)")
      }
    }
    await database.close()
  }
}

/// Finds `struct X: Statement { static let sql = … }` in Swift source.
enum StatementText {
  static func all(in source: String) -> [(String, String)] {
    let shared = selections(in: source)
    var found: [(String, String)] = []
    var name = ""
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var index = 0
    while index < lines.count {
      let line = lines[index]
      if let match = line.firstMatch(of: /(?:struct|enum|extension) (\w+)/) { name = String(match.1) }
      if let match = line.firstMatch(of: /static (?:let|var) sql(?:: String)? ?=? ?(.*)$/), !line.contains("{ get }"),
        !line.hasSuffix(".sql }")
      {
        var first = String(match.1)
        if first.isEmpty {
          index += 1
          first = lines[index].trimmingCharacters(in: .whitespaces)
        }
        let text = value(startingWith: first, at: &index, lines)
        found.append((name, shared.reduce(text) { $0.replacing("\($1.key).selection + ", with: $1.value) }))
      }
      index += 1
    }
    return found
  }

  /// The string after `=`, joined with what precedes it.
  private static func value(startingWith first: String, at index: inout Int, _ lines: [String]) -> String {
    if first.hasSuffix("\"\"\"") {
      let prefix = first.dropLast(3)
      var body: [String] = []
      index += 1
      while lines[index].trimmingCharacters(in: .whitespaces) != "\"\"\"" {
        body.append(lines[index])
        index += 1
      }
      return prefix + body.joined(separator: "\n").replacing("\\\\", with: "\\")
    }
    return first.replacing("\\n", with: "\n").replacing("\"", with: "")
  }

  private static func selections(in source: String) -> [String: String] {
    var found: [String: String] = [:]
    for match in source.matches(of: /extension (\w+) \{[^}]*?static let selection = """\n([\s\S]*?)\n *"""/) {
      found[String(match.1)] = String(match.2)
    }
    return found
  }
}
