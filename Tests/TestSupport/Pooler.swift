import Foundation

/// PgBouncer before a test server.
package enum Pooler {
  private static let program = "/usr/sbin/pgbouncer"
  package static var isThere: Bool { FileManager.default.isExecutableFile(atPath: program) }

  /// The port on loopback. One user is known to it.
  package static func start(
    before server: Int, user: String, password: String, mode: String, ignoring: String
  ) async throws -> Int {
    let folder = try TestFolder.make("keyturn-pooler")
    let port = Int.random(in: 20_000...30_000)
    let users = "\"\(user)\" \"\(password)\"\n"
    try users.write(toFile: folder + "/users", atomically: true, encoding: .utf8)
    let settings = """
      [databases]
      * = host=127.0.0.1 port=\(server)

      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(port)
      unix_socket_dir =
      auth_type = scram-sha-256
      auth_file = \(folder)/users
      pool_mode = \(mode)
      ignore_startup_parameters = \(ignoring)
      logfile = \(folder)/log
      """
    try settings.write(toFile: folder + "/ini", atomically: true, encoding: .utf8)
    chmod(folder, 0o777)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["-q"] + (getuid() == 0 ? ["-u", "postgres"] : []) + [folder + "/ini"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    ServerCleanup.register(processID: process.processIdentifier, folder: folder)
    try await Self.listening(port)
    return port
  }

  /// Connects until somebody answers, at most 30 s.
  private static func listening(_ port: Int) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while !canConnect(port) {
      if ContinuousClock.now > deadline { throw POSIXError(.ETIMEDOUT) }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func canConnect(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
