import EmbeddedPostgres
import Foundation
import Postgres
import Secrets
import TestSupport
import Testing

/// A PostgreSQL server that plays a target: SCRAM, an admin without superuser, a group that owns the rights.
struct TestTarget: Sendable {
  static let readers = "app_readers"

  let folder: String
  let embedded: EmbeddedPostgres
  let running: RunningPostgres
  let superuser: PostgresConfiguration
  let adminSecret: SecretBytes

  /// - Parameter binaries: of another version than the usual one.
  static func make(
    hbaLines: [String]? = nil, settings: [String: String] = [:], binaries: String? = nil
  ) async throws -> TestTarget {
    let folder = try TestFolder.make("keyturn-target")
    let superSecret = SecretGenerator().makeSecret(.standard)
    let embedded = EmbeddedPostgres(
      .init(
        dataDirectory: folder + "/postgres", listenOnLoopback: true,
        authentication: .scram(adminUser: "postgres", adminPassword: superSecret.withBytes(Array.init)),
        hbaLines: hbaLines, settings: ["log_statement": "all"].merging(settings) { $1 }, durability: .fast,
        binaries: binaries))
    let running = try await embedded.start()
    ServerCleanup.register(processID: running.processID, folder: folder)
    let superuser = PostgresConfiguration(
      endpoints: [.tcp(host: "127.0.0.1", port: running.port)], database: "postgres", user: "postgres",
      password: superSecret.withBytes(PostgresPassword.init(copying:)))
    let target = TestTarget(
      folder: folder, embedded: embedded, running: running, superuser: superuser,
      adminSecret: SecretGenerator().makeSecret(.standard))
    try await target.withSuperuser { connection in
      let verifier = try await connection.scramVerifier(
        user: "keyturn_admin", password: try #require(target.adminSecret.withBytes(PostgresPassword.init(copying:))))
      try await connection.execute(
        "CREATE ROLE \(identifier: "keyturn_admin") LOGIN CREATEROLE PASSWORD \(literal: verifier)")
      try await connection.executeScript(
        """
        GRANT pg_signal_backend TO keyturn_admin;
        CREATE ROLE app_readers NOLOGIN;
        CREATE ROLE app_writers NOLOGIN;
        CREATE TABLE public.measurement (id bigint PRIMARY KEY, value text);
        GRANT SELECT ON public.measurement TO app_readers;
        DO $$
        BEGIN
          IF current_setting('server_version_num')::int >= 160000 THEN
            EXECUTE 'GRANT app_readers, app_writers TO keyturn_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE';
          END IF;
        END $$;
        """)
    }
    return target
  }

  var settings: [String: String] {
    [
      "host": "127.0.0.1", "port": "\(running.port)", "database": "postgres", "user": "keyturn_admin",
      "sslmode": "disable",
    ]
  }

  func withSuperuser<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    let connection = try await PostgresConnection.connect(superuser, logger: TestDatabase.logger)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  /// Null when refused.
  func logIn(_ login: String, _ secret: SecretBytes) async throws -> Bool {
    var configuration = superuser
    configuration.user = login
    configuration.password = secret.withBytes(PostgresPassword.init(copying:))
    do {
      let connection = try await PostgresConnection.connect(configuration, logger: TestDatabase.logger)
      await connection.close()
      return true
    } catch let error as PostgresError where error.code == .authenticationFailed {
      return false
    }
  }

  /// Roles of identities, sorted; a login that is disabled has a minus sign.
  func roles() async throws -> [String] {
    try await withSuperuser { connection in
      let rows = try await connection.query(
        "SELECT rolname || CASE WHEN rolname ~ '_[ab]$' AND NOT rolcanlogin THEN '-' ELSE '' END FROM pg_roles WHERE rolname LIKE 'svc%' ORDER BY 1"
          as UtilityStatement)
      return try rows.map { row in
        let name: String = try row[0]
        return name
      }
    }
  }

  var serverLog: String {
    get throws { try String(contentsOfFile: folder + "/postgres/postgres.log", encoding: .utf8) }
  }

  func stop() async throws { try await embedded.stop() }

  func restart() async throws -> RunningPostgres {
    let running = try await embedded.start()
    ServerCleanup.register(processID: running.processID, folder: folder)
    return running
  }
}
