import Foundation
import TestSupport
import Testing

/// `Migrations/schema.sql` is what the migrations make, for people to read and review.
@Suite struct SchemaDumpTests {
  static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Migrations/schema.sql")

  @Test func theDumpIsCurrent() async throws {
    let database = try await TestDatabase.make()
    let dump = try await dump(database)
    if ProcessInfo.processInfo.environment["KEYTURN_UPDATE_SCHEMA"] == "1" {
      try dump.write(to: Self.path, atomically: true, encoding: .utf8)
    }
    let stored = (try? String(contentsOf: Self.path, encoding: .utf8)) ?? ""
    #expect(stored == dump, "run the tests once with KEYTURN_UPDATE_SCHEMA=1, and review the difference")
    await database.close()
  }

  private func dump(_ database: TestDatabase) async throws -> String {
    let binaries = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")
      .compactMap(Int.init).sorted()
    let newest = try #require(binaries.last)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/lib/postgresql/\(newest)/bin/pg_dump")
    process.arguments = [
      "--schema-only", "--dbname", database.url, "--exclude-table", "jobs.job_archive_2*", "--schema", "keyturn",
      "--schema", "jobs", "--schema", "governance", "--schema", "lifecycle", "--schema", "evidence",
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return Self.stable(String(decoding: data, as: UTF8.self))
  }

  /// Without what differs between servers: comments, session settings, meta-commands, empty lines.
  private static func stable(_ dump: String) -> String {
    let lines = dump.split(separator: "\n").filter { line in
      !line.hasPrefix("--") && !line.hasPrefix("SET ") && !line.hasPrefix("\\") && !line.hasPrefix("SELECT pg_catalog.")
        && !line.contains("job_archive_2")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
