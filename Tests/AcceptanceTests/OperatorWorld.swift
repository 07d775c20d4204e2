import Foundation
import Testing

extension TestWorld {
  /// The program on this world's database and keys.
  func keyturn(_ arguments: String...) async throws -> CommandTests.Ended { try await keyturn(arguments) }

  func keyturn(_ arguments: [String]) async throws -> CommandTests.Ended {
    try await CommandTests.run(
      arguments + ["--database-url", database.url, "--data-dir", daemon.dataDirectory])
  }

  /// As alice, with a reason.
  func operate(_ arguments: String...) async throws -> CommandTests.Ended {
    try await keyturn(arguments + ["--by", "alice", "--reason", "a test"])
  }

  /// A column of one row, as text; "" for NULL or no row.
  func text(_ sql: String) async throws -> String {
    try await database.withOwner { connection in
      let rows = try await connection.query(.init(stringLiteral: sql))
      let text: String? = try rows.first?[0]
      return text ?? ""
    }
  }

  func change(_ sql: String) async throws {
    try await database.withOwner { try await $0.executeScript(sql) }
  }

  func actions() async throws -> String {
    try await text("SELECT COALESCE(string_agg(action, ' ' ORDER BY id), '') FROM jobs.operator_action")
  }
}

extension CommandTests.Ended {
  /// The printed object.
  func object() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(errors)")
  }

  /// The printed rows.
  func rows() throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]], "\(errors)")
  }
}
