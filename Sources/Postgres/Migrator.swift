/// One numbered change of the schema.
package struct Migration: Sendable {
  package let version: Int32
  /// Letters, digits and underscores.
  package let name: String
  package let sql: String
  package let isBreaking: Bool
  package let reason: String
  /// Hexadecimal.
  package let checksum: String

  package init(version: Int32, name: String, sql: String, isBreaking: Bool, reason: String, checksum: String) {
    self.version = version
    self.name = name
    self.sql = sql
    self.isBreaking = isBreaking
    self.reason = reason
    self.checksum = checksum
  }
}

/// The schema and this binary do not fit together.
package struct MigrationError: Error, Equatable, CustomStringConvertible {
  /// With a remedy.
  package let message: String

  package var description: String { message }
}

/// Applies migrations forward, one runner at a time, and refuses a schema that the binary does not understand.
package struct Migrator: Sendable {
  private let migrations: [Migration]

  /// - Parameter migrations: ascending versions.
  package init(_ migrations: [Migration]) { self.migrations = migrations }

  /// Applies what is missing; each migration is one transaction with its record. Returns what it applied.
  ///
  /// Waits for another runner on the same database. The connection must be a session of its own, not one of a
  /// transaction pooler.
  package func apply(on connection: PostgresConnection) async throws -> [Migration] {
    try await connection.query(LockMigrations())
    let applied: [Migration]
    do {
      try await connection.executeScript(Self.bootstrap)
      applied = try await applyLocked(on: connection)
    } catch {
      // The lock ends with the session at the latest; the error that matters is the first one.
      _ = try? await connection.query(UnlockMigrations())
      throw error
    }
    try await connection.query(UnlockMigrations())
    return applied
  }

  private func applyLocked(on connection: PostgresConnection) async throws -> [Migration] {
    let known = try await connection.query(ListMigrations())
    try check(known, allowMissing: true)
    let versions = Set(known.map(\.version))
    let missing = migrations.filter { !versions.contains($0.version) }
    for migration in missing {
      try await connection.executeScript(Self.script(for: migration))
    }
    return missing
  }

  /// Throws unless the schema is one this binary can run on.
  package func requireCompatible(on runner: some StatementRunner) async throws {
    let known: [ListMigrations.Row]
    do {
      known = try await runner.query(ListMigrations())
    } catch let error as PostgresError where Self.meansNoSchema(error) {
      throw MigrationError(message: "the database has no Keyturn schema yet; run `keyturn migrate` first")
    }
    try check(known, allowMissing: false)
  }

  /// The table is missing, or the role that the connection should act as (22023, while connecting).
  private static func meansNoSchema(_ error: PostgresError) -> Bool {
    switch error.sqlState {
    case .undefinedTable, .invalidSchemaName: true
    case .invalidParameterValue: error.code == .connectionFailed
    default: false
    }
  }

  /// Pure: what the stored list means for this binary.
  private func check(_ known: [ListMigrations.Row], allowMissing: Bool) throws {
    let ours = Dictionary(uniqueKeysWithValues: migrations.map { ($0.version, $0) })
    for row in known {
      if let migration = ours[row.version] {
        guard migration.checksum == row.checksum else {
          throw MigrationError(
            message: "migration \(row.version) in the database differs from this binary's; use the release that made it"
          )
        }
      } else if row.isBreaking {
        throw MigrationError(
          message: "the schema has migration \(row.version), which this binary does not know; use a newer release")
      }
    }
    let versions = Set(known.map(\.version))
    if !allowMissing, let first = migrations.first(where: { !versions.contains($0.version) }) {
      throw MigrationError(
        message: "the schema lacks migration \(first.version) (\(first.name)); run `keyturn migrate` first")
    }
  }

  private static let bootstrap = """
    SET client_min_messages = warning;
    CREATE SCHEMA IF NOT EXISTS keyturn;
    CREATE TABLE IF NOT EXISTS keyturn.schema_migration (
      version integer CONSTRAINT schema_migration_pkey PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      breaking boolean NOT NULL,
      reason text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now(),
      applied_by text NOT NULL DEFAULT session_user
    );
    RESET client_min_messages;
    """

  private static func script(for migration: Migration) -> String {
    func literal(_ text: String) -> String {
      "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
    return """
      BEGIN;
      \(migration.sql)
      RESET ROLE;
      INSERT INTO keyturn.schema_migration (version, name, checksum, breaking, reason)
      VALUES (\(migration.version), \(literal(migration.name)), \(literal(migration.checksum)), \(migration.isBreaking),
        \(literal(migration.reason)));
      COMMIT;
      """
  }
}

struct ListMigrations: Statement {
  static let sql = "SELECT version, checksum, breaking FROM keyturn.schema_migration ORDER BY version"

  struct Row: Sendable {
    let version: Int32
    let checksum: String
    let isBreaking: Bool
  }

  static func decode(_ row: PostgresRow) throws -> Row {
    Row(version: try row[0], checksum: try row[1], isBreaking: try row[2])
  }
}

/// A session lock: migrations are several transactions.
struct LockMigrations: Statement {
  static let sql = "SELECT pg_advisory_lock(hashtext('keyturn schema migration'))"
  static func decode(_ row: PostgresRow) throws {}
}

struct UnlockMigrations: Statement {
  static let sql = "SELECT pg_advisory_unlock(hashtext('keyturn schema migration'))"
  static func decode(_ row: PostgresRow) throws {}
}
