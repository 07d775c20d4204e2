import Foundation
import Logging
import Postgres
import Testing

/// One PostgreSQL server for the whole test run: loopback only, scram, statements logged, in a temporary folder.
///
/// Databases: `app` and `other`, and `open`, which a `trust` line covers. Roles: a superuser `root_admin`, the admin
/// `keyturn_admin` (CREATEROLE, pg_signal_backend), the groups `makers` (may create tables) and `readers`, and
/// `unlisted`, which pg_hba.conf rejects.
struct TestServer: Sendable {
  let port: Int
  let logPath: String

  static let adminPassword = "admin-password-for-tests"
  private static let superuserPassword = "superuser-password-for-tests"

  static func shared() async throws -> TestServer { try await running.value }

  private static let running = Task { try await start(in: try ServerPrograms.usual()) }

  /// The server of another version beside it; only what `deploy/postgres-versions` has brought.
  static func version(_ number: Int) async throws -> TestServer {
    let folder = try #require(ServerPrograms.brought(number))
    return try await others.server(number, in: folder)
  }

  private static let others = Others()

  private actor Others {
    private var starting: [Int: Task<TestServer, any Error>] = [:]

    func server(_ number: Int, in folder: String) async throws -> TestServer {
      if let task = starting[number] { return try await task.value }
      let task = Task { try await TestServer.start(in: folder) }
      starting[number] = task
      return try await task.value
    }
  }

  /// Runs a script as superuser.
  func run(_ script: String, in database: String = "app") async throws {
    try await withSuperuser(in: database) { try await $0.executeScript(script) }
  }

  /// The first column, which must be text.
  func texts(_ query: UtilityStatement, in database: String = "app") async throws -> [String] {
    try await withSuperuser(in: database) { try await $0.query(query).map { try $0[0] } }
  }

  func configuration(user: String, password: String, database: String = "app") -> PostgresConfiguration {
    PostgresConfiguration(
      endpoints: [.tcp(host: "127.0.0.1", port: port)], database: database, user: user,
      password: PostgresPassword(password), tls: TLSOptions(mode: .disable))
  }

  private func withSuperuser<Result>(
    in database: String, _ body: (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    let connection = try await PostgresConnection.connect(
      configuration(user: "root_admin", password: Self.superuserPassword, database: database),
      logger: Logger(label: "test"))
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  /// One of a test's own, with further options for the server.
  static func start(in programs: String, options further: String = "") async throws -> TestServer {
    let folder = FileManager.default.temporaryDirectory.path + "/keyturn-driver-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try superuserPassword.write(toFile: folder + "/password", atomically: false, encoding: .utf8)
    if getuid() == 0 { try runTool("/usr/bin/chown", ["-R", "postgres:postgres", folder]) }
    let data = folder + "/data"
    try runServerTool(
      "initdb",
      ["-D", data, "-U", "root_admin", "-A", "scram-sha-256", "--pwfile", folder + "/password", "-E", "UTF8"]
        + ["--locale", "C", "--no-sync"], in: programs)
    let hba = """
      host open all 127.0.0.1/32 trust
      host all unlisted 127.0.0.1/32 reject
      host all all 127.0.0.1/32 scram-sha-256

      """
    try Data(hba.utf8).write(to: URL(fileURLWithPath: data + "/pg_hba.conf"))
    let port = try freePort()
    let log = folder + "/server.log"
    let options =
      "-p \(port) -h 127.0.0.1 -k '' -F -c log_statement=all -c max_connections=200 -c max_prepared_transactions=4 "
      + further
    try runServerTool("pg_ctl", ["-D", data, "-l", log, "-w", "-o", options, "start"], in: programs)
    let server = TestServer(port: port, logPath: log)
    stopAtExit(folder: folder, pid: try pid(of: data))
    try await server.prepare()
    return server
  }

  private func prepare() async throws {
    try await run("CREATE DATABASE app", in: "postgres")
    try await run("CREATE DATABASE other", in: "postgres")
    try await run("CREATE DATABASE open", in: "postgres")
    try await run(
      """
      CREATE ROLE keyturn_admin LOGIN CREATEROLE PASSWORD '\(Self.adminPassword)';
      GRANT pg_signal_backend TO keyturn_admin;
      CREATE ROLE spare_admin LOGIN CREATEROLE PASSWORD '\(Self.adminPassword)';
      GRANT pg_signal_backend TO spare_admin;
      CREATE ROLE makers NOLOGIN;
      CREATE ROLE readers NOLOGIN;
      CREATE ROLE unlisted LOGIN;
      CREATE TABLE shared_table (number int);
      """)
    for database in ["app", "other"] {
      try await run("GRANT CREATE ON SCHEMA public TO makers", in: database)
    }
    let version = try await texts("SELECT current_setting('server_version_num')").first.flatMap { Int($0) } ?? 0
    guard version >= 160_000 else { return }
    try await run("GRANT makers, readers TO keyturn_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
  }

  private static func pid(of data: String) throws -> pid_t {
    let lines = try String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8).split(separator: "\n")
    return try #require(lines.first.flatMap { pid_t($0) })
  }
}
