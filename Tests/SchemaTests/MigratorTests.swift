import Foundation
import Migrations
import Postgres
import TestSupport
import Testing

@Suite struct MigratorTests {
  private func migrate(_ database: TestDatabase, _ migrator: Migrator = TestDatabase.migrator) async throws -> Int {
    try await database.withOwner { try await migrator.apply(on: $0).count }
  }

  @Test func appliesEverythingOnceFromEmpty() async throws {
    let database = try await TestDatabase.makeEmpty()
    #expect(try await migrate(database) == SchemaFiles.files.count)
    #expect(try await migrate(database) == 0)
    try await TestDatabase.migrator.requireCompatible(on: database.client)
    await database.close()
  }

  @Test func runnersWaitForOneAnother() async throws {
    let database = try await TestDatabase.makeEmpty()
    let applied = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 { group.addTask { try await self.migrate(database) } }
      return try await group.reduce(0, +)
    }
    #expect(applied == SchemaFiles.files.count)
    await database.close()
  }

  @Test func aDatabaseWithoutSchemaIsRefusedWithTheRemedy() async throws {
    let database = try await TestDatabase.makeEmpty()
    await #expect {
      try await TestDatabase.migrator.requireCompatible(on: database.client)
    } throws: { "\($0)".contains("keyturn migrate") }
    await database.close()
  }

  @Test func aNewerBreakingSchemaIsRefusedAndANewerHarmlessOneIsNot() async throws {
    let database = try await TestDatabase.make()
    func add(_ version: Int32, breaking: Bool) async throws {
      let later = Migration(
        version: version, name: "later", sql: "SELECT 1;", isBreaking: breaking, reason: "it's a test", checksum: "00")
      _ = try await migrate(database, Migrator(Self.ours + [later]))
    }
    try await add(9001, breaking: false)
    try await TestDatabase.migrator.requireCompatible(on: database.client)
    let known = Migration(
      version: 9001, name: "later", sql: "SELECT 1;", isBreaking: false, reason: "it's a test", checksum: "00")
    let later = Migration(
      version: 9002, name: "breaking", sql: "SELECT 1;", isBreaking: true, reason: "", checksum: "11")
    _ = try await migrate(database, Migrator(Self.ours + [known, later]))
    await #expect {
      try await TestDatabase.migrator.requireCompatible(on: database.client)
    } throws: { "\($0)".contains("9002") && "\($0)".contains("newer release") }
    await database.close()
  }

  @Test func aChangedMigrationIsRefused() async throws {
    let database = try await TestDatabase.make()
    let changed =
      Self.ours.dropLast() + [
        Migration(
          version: Self.ours.last?.version ?? 0, name: "changed", sql: "", isBreaking: false, reason: "", checksum: "ff"
        )
      ]
    await #expect {
      try await Migrator(Array(changed)).requireCompatible(on: database.client)
    } throws: { "\($0)".contains("differs") }
    await database.close()
  }

  @Test func aFailedMigrationLeavesNothingBehind() async throws {
    let database = try await TestDatabase.make()
    let broken = Migration(
      version: 9001, name: "broken", sql: "CREATE TABLE jobs.half (id int); SELECT 1 / 0;", isBreaking: true,
      reason: "",
      checksum: "00")
    await #expect(throws: PostgresError.self) { try await self.migrate(database, Migrator(Self.ours + [broken])) }
    #expect(try await database.count("SELECT count(*)::text FROM pg_tables WHERE tablename = 'half'") == 0)
    #expect(try await migrate(database) == 0)
    await database.close()
  }

  private static let ours = SchemaFiles.files.map {
    Migration(
      version: $0.version, name: $0.name, sql: $0.sql, isBreaking: $0.isBreaking, reason: $0.reason,
      checksum: $0.checksum)
  }
}
