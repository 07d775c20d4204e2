import Foundation
import Lifecycle
import Logging
import Postgres
import Secrets

/// Looks for every secret the demo has seen: in the logs of workers, clients and both servers, and in every row of the
/// control database (also as hexadecimal, which is how bytes are shown).
struct DemoCanary {
  let world: DemoWorld
  let logger: Logger

  func search(_ secrets: SeenSecrets) async throws -> [Finding] {
    let needles = secrets.all.flatMap { secret in
      secret.withBytes { bytes in
        [String(decoding: bytes, as: UTF8.self), bytes.map { String(format: "%02x", $0) }.joined()]
      }
    }
    var findings: [Finding] = []
    for file in logFiles() {
      let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
      if let count = Self.count(needles, in: text) {
        findings.append(Finding(check: "canary", detail: "\(count) secrets in \(file)"))
      }
    }
    for table in try await world.composition.client.query(ListTables()) {
      let text = try await rows(of: table)
      if let count = Self.count(needles, in: text) {
        findings.append(Finding(check: "canary", detail: "\(count) secrets in rows of \(table.schema).\(table.name)"))
      }
    }
    return findings
  }

  private static func count(_ needles: [String], in text: String) -> Int? {
    let bytes = Data(text.utf8)
    let count = needles.filter { bytes.range(of: Data($0.utf8)) != nil }.count
    return count == 0 ? nil : count
  }

  private func logFiles() -> [String] {
    let files = FileManager.default.enumerator(atPath: world.root)?.compactMap { $0 as? String } ?? []
    return files.filter { $0.hasSuffix(".log") }.map { world.root + "/" + $0 }
  }

  private func rows(of table: ListTables.Row) async throws -> String {
    try await world.composition.client.withConnection { connection in
      let rows = try await connection.query(
        "SELECT r::text FROM \(identifier: table.schema).\(identifier: table.name) AS r" as UtilityStatement)
      return try rows.map { row in
        let text: String = try row[0]
        return text
      }.joined(separator: "\n")
    }
  }
}

private struct ListTables: Statement {
  static let sql = """
    SELECT schemaname::text, tablename::text
    FROM pg_tables
    WHERE schemaname <> ALL (ARRAY['pg_catalog', 'information_schema'])
    """

  struct Row: Sendable {
    let schema: String
    let name: String
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(schema: try row[0], name: try row[1]) }
}
