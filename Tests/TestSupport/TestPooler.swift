import EmbeddedPostgres
import Foundation
import Postgres

/// PgBouncer in transaction mode before the test cluster, one per test process; only with `KEYTURN_TEST_POOLER=1`.
///
/// Every transaction may be on another server connection: no session settings, no prepared statements, no LISTEN.
actor TestPooler {
  static let shared = TestPooler()
  static let isWanted = ProcessInfo.processInfo.environment["KEYTURN_TEST_POOLER"] == "1"

  private var starting: Task<Int, any Error>?

  /// The port on loopback.
  func port() async throws -> Int {
    if let starting { return try await starting.value }
    let task = Task { try await Self.start() }
    starting = task
    return try await task.value
  }

  private static func start() async throws -> Int {
    let running = try await TestCluster.shared.running()
    let folder = try TestFolder.make("keyturn-pooler")
    let port = Int.random(in: 20_000...30_000)
    let settings = """
      [databases]
      * = host=\(running.socketDirectory) port=\(running.port) user=\(running.superuser) connect_query='SET ROLE keyturn_engine'

      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(port)
      unix_socket_dir =
      auth_type = any
      pool_mode = transaction
      default_pool_size = 8
      max_client_conn = 1000
      ignore_startup_parameters = extra_float_digits,options
      logfile = \(folder)/pgbouncer.log
      log_connections = 0
      log_disconnections = 0
      """
    try settings.write(toFile: folder + "/pgbouncer.ini", atomically: true, encoding: .utf8)
    chmod(folder, 0o777)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["pgbouncer", "-q"] + (getuid() == 0 ? ["-u", "postgres"] : []) + [folder + "/pgbouncer.ini"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    ServerCleanup.register(processID: process.processIdentifier, folder: folder)
    return port
  }
}
