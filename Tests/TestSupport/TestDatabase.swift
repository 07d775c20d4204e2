import EmbeddedPostgres
import Foundation
package import Logging
import Migrations
package import Postgres

/// A fresh database with the current schema, copied from a template that is migrated once per process.
package struct TestDatabase: Sendable {
  package let name: String
  package let url: String
  package let configuration: PostgresConfiguration
  /// Not through a pooler.
  private let direct: PostgresConfiguration
  package let client: PostgresClient

  package static let logger: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()

  package static let migrator = Migrator(
    SchemaFiles.files.map {
      Migration(
        version: $0.version, name: $0.name, sql: $0.sql, isBreaking: $0.isBreaking, reason: $0.reason,
        checksum: $0.checksum)
    })

  /// The client acts as the engine's role, as workers do.
  package static func make() async throws -> TestDatabase {
    try await Template.shared.prepare()
    return try await copy(of: Template.name)
  }

  /// Without any schema.
  package static func makeEmpty() async throws -> TestDatabase {
    try await copy(of: "template0", role: nil)
  }

  private static func copy(of template: String, role: String? = "keyturn_engine") async throws -> TestDatabase {
    let running = try await TestCluster.shared.running()
    let name = "test_" + UUID().uuidString.lowercased().prefix(13).filter { $0 != "-" }
    try await Template.shared.createDatabase(name, from: template)
    let url = running.databaseURL(database: name)
    var configuration = try PostgresConfiguration(url: url)
    configuration.role = role
    configuration.pool.maximumConnections = 8
    let direct = configuration
    if TestPooler.isWanted && role != nil {
      configuration.endpoints = [.tcp(host: "127.0.0.1", port: try await TestPooler.shared.port())]
      configuration.role = nil
      configuration.usesPreparedStatements = false
      configuration.tls.mode = .disable
    }
    return TestDatabase(
      name: name, url: url, configuration: configuration, direct: direct,
      client: PostgresClient(configuration, logger: logger))
  }

  package func close() async { await client.close() }

  /// One connection as the superuser.
  package func withOwner<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    var configuration = direct
    configuration.role = nil
    let connection = try await PostgresConnection.connect(configuration, logger: Self.logger)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  /// One number, for assertions. `sql` is written by the test.
  package func count(_ sql: String) async throws -> Int {
    try await withOwner { connection in
      let rows = try await connection.query(UtilityStatement(stringLiteral: sql))
      guard let row = rows.first else { return 0 }
      do {
        return try row[0]
      } catch {
        let text: String = try row[0]
        return Int(text) ?? -1
      }
    }
  }

  /// Waits for a fact, at most 60 s.
  package func eventually(
    _ condition: @Sendable () async throws -> Bool, file: StaticString = #filePath, line: UInt = #line
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
      if ContinuousClock.now > deadline { throw NeverHappened(place: "\(file):\(line)") }
      try await Task.sleep(for: .milliseconds(15))
    }
  }

  package struct NeverHappened: Error, CustomStringConvertible {
    let place: String
    package var description: String { "what \(place) waits for did not happen within 60 s" }
  }
}

/// The migrated template; copies are made one at a time, because a template may have no other user meanwhile.
private actor Template {
  static let shared = Template()
  static let name = "keyturn_template"

  private var preparing: Task<Void, any Error>?
  private var copying: Task<Void, any Error>?

  func prepare() async throws {
    if let preparing { return try await preparing.value }
    let task = Task {
      try await createDatabase(Self.name, from: "template0")
      let running = try await TestCluster.shared.running()
      let configuration = try PostgresConfiguration(url: running.databaseURL(database: Self.name))
      let connection = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
      _ = try await TestDatabase.migrator.apply(on: connection)
      await connection.close()
    }
    preparing = task
    try await task.value
  }

  func createDatabase(_ name: String, from template: String) async throws {
    let previous = copying
    let task = Task {
      // The copy before this one may have failed; that is its caller's business.
      _ = await previous?.result
      try await Self.create(name, from: template)
    }
    copying = task
    try await task.value
  }

  private static func create(_ name: String, from template: String) async throws {
    let running = try await TestCluster.shared.running()
    let configuration = try PostgresConfiguration(url: running.databaseURL(database: "postgres"))
    let connection = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
    do {
      try await connection.execute("CREATE DATABASE \(identifier: name) TEMPLATE \(identifier: template)")
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }
}
