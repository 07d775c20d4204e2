package import EmbeddedPostgres
import Foundation
import Logging
package import Postgres

/// A PostgreSQL server of one test's own, durable and with the schema: to be restarted, filled up, or put behind a pooler.
package struct OwnCluster: Sendable {
  package let folder: String
  package let embedded: EmbeddedPostgres
  package let url: String
  package let client: PostgresClient

  package static func make(
    settings: [String: String] = [:], environment: [String: String] = [:]
  ) async throws -> OwnCluster {
    let folder = try TestFolder.make("keyturn-own")
    let embedded = EmbeddedPostgres(
      .init(dataDirectory: folder + "/postgres", settings: settings, environment: environment))
    let running = try await embedded.start()
    ServerCleanup.register(processID: running.processID, folder: folder)
    let url = running.databaseURL(database: "postgres")
    var configuration = try PostgresConfiguration(url: url)
    let connection = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
    _ = try await TestDatabase.migrator.apply(on: connection)
    await connection.close()
    configuration.role = "keyturn_engine"
    configuration.pool.maximumConnections = 8
    return OwnCluster(
      folder: folder, embedded: embedded, url: url,
      client: PostgresClient(configuration, logger: TestDatabase.logger))
  }

  /// Ends every connection, and comes back under the same address.
  package func restart() async throws {
    try await embedded.stop()
    let running = try await embedded.start()
    ServerCleanup.register(processID: running.processID, folder: folder)
  }

  /// Ends the server without a last write, as a power cut would; what it had not written is gone. Comes back under the same
  /// address.
  package func crash() async throws { try await embedded.crash(folder: folder) }

  package func stop() async throws {
    await client.close()
    try await embedded.stop()
    try FileManager.default.removeItem(atPath: folder)
  }

  /// As the superuser, on a connection of its own.
  package func withOwner<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(url: url), logger: TestDatabase.logger)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  package func count(_ sql: String) async throws -> Int {
    try await withOwner { connection in
      guard let row = try await connection.query(UtilityStatement(stringLiteral: sql)).first else { return 0 }
      return try row[0]
    }
  }
}

extension EmbeddedPostgres {
  /// Ends the server without a last write, and starts it again under the same address.
  /// - Parameter folder: removed when the test process ends.
  package func crash(folder: String) async throws {
    guard case .running(let running) = try status() else { return }
    kill(running.processID, SIGQUIT)
    while case .running = try status() { try await Task.sleep(for: .milliseconds(10)) }
    let again = try await start()
    ServerCleanup.register(processID: again.processID, folder: folder)
  }
}
