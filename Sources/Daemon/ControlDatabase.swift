package import EmbeddedPostgres
import Foundation
package import Logging
import Migrations
package import Postgres

/// Where Keyturn keeps its own rows: a server the operator named, or the embedded cluster.
package struct ControlDatabase: Sendable {
  /// For the engine: acts as `keyturn_engine` from the first statement.
  package let configuration: PostgresConfiguration
  /// Nil when the operator named a server.
  package let embedded: EmbeddedPostgres?
  package let running: RunningPostgres?

  package static let databaseName = "keyturn"
  static let engineRole = "keyturn_engine"

  /// Starts the embedded cluster when no server is named. What it did is in `running.actions`.
  package static func open(_ daemon: DaemonConfiguration, logger: Logger) async throws -> ControlDatabase {
    if let url = daemon.databaseURL {
      let configuration = try PostgresConfiguration(url: url)
      return ControlDatabase(
        configuration: tuned(configuration, daemon), embedded: nil, running: nil)
    }
    let embedded = EmbeddedPostgres(.init(dataDirectory: daemon.dataDirectory + "/postgres"))
    let running = try await embedded.start()
    let base = try PostgresConfiguration(url: running.databaseURL(database: "postgres"))
    try await createDatabase(base, logger: logger)
    let configuration = try PostgresConfiguration(url: running.databaseURL(database: databaseName))
    return ControlDatabase(configuration: tuned(configuration, daemon), embedded: embedded, running: running)
  }

  private static func tuned(
    _ configuration: PostgresConfiguration, _ daemon: DaemonConfiguration
  ) -> PostgresConfiguration {
    var configuration = configuration
    configuration.role = engineRole
    configuration.pool.maximumConnections = daemon.maximumConnections
    // A process that stands still in the middle of a transaction would hold up everybody else, a containment too. Ours are
    // never idle for longer than they compute.
    configuration.options["idle_in_transaction_session_timeout"] = "10000"
    // Every statement is short. What looks expensive to the planner is what was told to avoid a plan at any price, and
    // compiling it took two fifths of the server's time while rotations ran.
    configuration.options["jit"] = "off"
    return configuration
  }

  private static func createDatabase(_ base: PostgresConfiguration, logger: Logger) async throws {
    let connection = try await PostgresConnection.connect(base, logger: logger)
    do {
      if try await connection.query(FindDatabase(database: databaseName)).isEmpty {
        try await connection.execute("CREATE DATABASE \(identifier: databaseName)")
      }
    } catch let error as PostgresError where error.sqlState == .duplicateDatabase {
      // Another process was faster.
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  /// Brings the schema up to date; needs a login that may create roles the first time. Returns what was applied.
  package func migrate(logger: Logger) async throws -> [String] {
    var configuration = configuration
    configuration.role = nil
    let connection = try await PostgresConnection.connect(configuration, logger: logger)
    do {
      let applied = try await Self.migrator.apply(on: connection)
      await connection.close()
      return applied.map(\.name)
    } catch {
      await connection.close()
      throw error
    }
  }

  package static let migrator = Migrator(
    SchemaFiles.files.map {
      Migration(
        version: $0.version, name: $0.name, sql: $0.sql, isBreaking: $0.isBreaking, reason: $0.reason,
        checksum: $0.checksum)
    })
}

private struct FindDatabase: Statement {
  static let sql = "SELECT 1 FROM pg_database WHERE datname = $1"

  let database: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(database) }

  static func decode(_ row: PostgresRow) throws {}
}
