import EmbeddedPostgres
import Foundation
import Testing

/// A folder under /tmp, in which servers are stopped by process id when `body` ends.
struct ServerFolder {
  let path: String

  var data: String { path + "/data" }

  static func lend(_ body: (ServerFolder) async throws -> Void) async throws {
    let folder = ServerFolder(path: "/tmp/keyturn-pg-test-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: false)
    chmod(folder.path, 0o755)
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(folder))
    } catch {
      result = .failure(error)
    }
    folder.endServers()
    try FileManager.default.removeItem(atPath: folder.path)
    try result.get()
  }

  /// Small, and a second faster with each further test by the shared template.
  func configuration(_ data: String? = nil) -> EmbeddedPostgres.Configuration {
    EmbeddedPostgres.Configuration(
      dataDirectory: data ?? self.data, settings: ["shared_buffers": "4MB", "max_connections": "10"],
      durability: .fast, template: path + "/template")
  }

  /// Runs a query by psql, through the socket when there is no password.
  func query(_ sql: String, on running: RunningPostgres, password: String? = nil) throws -> (
    output: String, status: Int32
  ) {
    let psql = Process()
    psql.executableURL = URL(fileURLWithPath: "/usr/bin/psql")
    psql.arguments = ["-X", "-A", "-t", "-c", sql]
    if let password {
      let address = "postgresql://\(running.superuser)@127.0.0.1:\(running.port)/postgres"
      psql.arguments?.append(address)
      psql.environment = ["PGPASSWORD": password, "PATH": "/usr/bin:/bin"]
    } else {
      psql.arguments?.append(running.databaseURL(database: "postgres"))
      psql.environment = ["PATH": "/usr/bin:/bin", "PGPASSWORD": ""]
    }
    let pipe = Pipe()
    psql.standardOutput = pipe
    psql.standardError = pipe
    psql.standardInput = FileHandle.nullDevice
    try psql.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    psql.waitUntilExit()
    return (
      String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines), psql.terminationStatus
    )
  }

  func text(_ name: String) throws -> String { try String(contentsOfFile: data + "/" + name, encoding: .utf8) }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: data + "/" + name, atomically: false, encoding: .utf8)
  }

  /// Every `postmaster.pid` below the folder names a server of this test.
  private func endServers() {
    guard let files = FileManager.default.enumerator(atPath: path) else { return }
    for case let name as String in files where name.hasSuffix("/postmaster.pid") {
      let folder = (path + "/" + name as NSString).deletingLastPathComponent
      guard let text = FileManager.default.contents(atPath: path + "/" + name),
        let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first, let processID = Int32(line),
        workingFolder(of: processID) == folder
      else { continue }
      kill(processID, SIGQUIT)
      waitForEnd(of: processID)
    }
  }
}

func workingFolder(of processID: Int32) -> String? {
  try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(processID)/cwd")
}

/// Polls, since only a parent can wait for a process.
func waitForEnd(of processID: Int32) {
  for _ in 0..<1000 where workingFolder(of: processID) != nil { usleep(10_000) }
}

/// Of a file, or of a process by its folder in /proc.
func owner(of path: String) throws -> Int? {
  try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? Int
}

func mode(of path: String) throws -> Int? {
  try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
}
