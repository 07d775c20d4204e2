import Foundation
import Glibc
import Logging
import Postgres
import Synchronization

/// A PostgreSQL 15 of our own, in a temporary directory; killed and removed at exit. No durability.
final class TestServer: Sendable {
  private static let binaries = "/usr/lib/postgresql/15/bin"
  private static let running = Mutex<[(process: pid_t, directory: String)]>([])

  /// For all tests that do not restart it: scram over TCP and trust over the socket.
  static let shared = Task { try TestServer(settings: ["max_connections": "600"]) }

  let directory: String
  let port: Int
  private let process: Mutex<pid_t>
  private let settings: [String: String]

  init(settings: [String: String] = [:], usesTLS: Bool = false) throws {
    let made = "/tmp/keyturn-pg-\(UUID().uuidString.prefix(8))"
    directory = made
    port = try Self.freePort()
    var settings = settings
    try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
    try Self.run("/bin/chown", ["postgres:postgres", made])
    try Self.asPostgres(["\(Self.binaries)/initdb", "-D", "\(made)/data", "-U", "admin", "-A", "trust", "--no-sync"])
    if usesTLS {
      let key = "\(made)/data/server.key"
      try Self.asPostgres([
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", "\(made)/data/server.crt",
      ])
      settings["ssl"] = "on"
    }
    self.settings = settings
    let rules = """
      local all all trust
      host all admin 127.0.0.1/32 trust
      host all all 127.0.0.1/32 scram-sha-256
      """
    try Data(rules.utf8).write(to: URL(fileURLWithPath: "\(made)/data/pg_hba.conf"))
    process = Mutex(0)
    try start()
  }

  func start() throws {
    var arguments = [
      "-D", "\(directory)/data", "-p", "\(port)", "-c", "listen_addresses=127.0.0.1",
      "-c", "unix_socket_directories=\(directory)", "-c", "fsync=off", "-c", "log_min_messages=warning",
    ]
    for (name, value) in settings { arguments += ["-c", "\(name)=\(value)"] }
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    child.arguments = Self.privileges + ["\(Self.binaries)/postgres"] + arguments
    child.standardOutput = FileHandle.nullDevice
    child.standardError = FileHandle.nullDevice
    try child.run()
    process.withLock { $0 = child.processIdentifier }
    Self.register(child.processIdentifier, directory)
    for _ in 0..<200 {
      let ready: Void? = try? Self.run("\(Self.binaries)/pg_isready", ["-q", "-h", directory, "-p", "\(port)"])
      if ready != nil { return }
      usleep(50_000)
    }
    throw PostgresError(code: .connectionFailed, message: "the test server did not start")
  }

  /// Like a crash: connections are not told.
  func stop() {
    let process = process.withLock { $0 }
    kill(process, SIGQUIT)
    var status: Int32 = 0
    // Foundation reaps the child; until then signal 0 still finds it.
    for _ in 0..<200 where kill(process, 0) == 0 {
      waitpid(process, &status, WNOHANG)
      usleep(20_000)
    }
  }

  var configuration: PostgresConfiguration {
    PostgresConfiguration(
      endpoints: [.socket(directory: directory, port: port)], database: "postgres", user: "admin",
      pool: PoolConfiguration(maximumConnections: 8))
  }

  var overTCP: PostgresConfiguration {
    var configuration = configuration
    configuration.endpoints = [.tcp(host: "localhost", port: port)]
    return configuration
  }

  // MARK: Processes

  private static let privileges = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]

  private static func register(_ process: pid_t, _ directory: String) {
    let isFirst = running.withLock { list in
      list.append((process, directory))
      return list.count == 1
    }
    guard isFirst else { return }
    atexit {
      for (process, directory) in TestServer.running.withLock({ $0 }) {
        kill(process, SIGQUIT)
        usleep(200_000)
        try? FileManager.default.removeItem(atPath: directory)
      }
    }
  }

  private static func asPostgres(_ command: [String]) throws {
    try run("/usr/bin/setpriv", privileges + command)
  }

  private static func run(_ path: String, _ arguments: [String]) throws {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: path)
    child.arguments = arguments
    child.standardOutput = FileHandle.nullDevice
    child.standardError = FileHandle.nullDevice
    try child.run()
    child.waitUntilExit()
    guard child.terminationStatus == 0 else {
      throw PostgresError(code: .misuse, message: "\(path) failed with \(child.terminationStatus)")
    }
  }

  private static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
      }
    }
    guard bound else { throw PostgresError(code: .misuse, message: "no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What a test needs to be different.
struct Change {
  let apply: (inout PostgresConfiguration) -> Void

  init(_ apply: @escaping (inout PostgresConfiguration) -> Void = { _ in }) { self.apply = apply }
}

/// Runs `body` with a client on the shared server.
func withClient(
  _ change: Change = Change(), _ body: (PostgresClient) async throws -> Void
) async throws {
  var configuration = try await TestServer.shared.value.configuration
  change.apply(&configuration)
  let client = PostgresClient(configuration, logger: quiet)
  do {
    try await body(client)
  } catch {
    await client.close()
    throw error
  }
  await client.close()
}

/// The error `body` throws, or nil.
func failure(of body: () async throws -> Void) async -> PostgresError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? PostgresError
  }
}

/// Polls a fact of the server until it holds; false after ten seconds.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
  for _ in 0..<500 {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(20))
  }
  return false
}
