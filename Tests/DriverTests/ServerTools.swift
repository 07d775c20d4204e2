import Foundation
import Synchronization

struct ToolFailure: Error {
  let tool: String
  let status: Int32
}

/// Where a server's programs are.
enum ServerPrograms {
  /// `KEYTURN_PG_BIN`, or the newest of the system's.
  static func usual() throws -> String {
    if let folder = ProcessInfo.processInfo.environment["KEYTURN_PG_BIN"] { return folder }
    let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").compactMap { Int($0) }
    return "/usr/lib/postgresql/\(versions.max() ?? 0)/bin"
  }

  /// What `deploy/postgres-versions` has brought; nil when it was not run.
  static func brought(_ version: Int) -> String? {
    let cache = ProcessInfo.processInfo.environment["KEYTURN_PG_CACHE"] ?? "/var/tmp/keyturn-postgres"
    let folder = "\(cache)/postgresql-\(version)/bin"
    return FileManager.default.isExecutableFile(atPath: folder + "/postgres") ? folder : nil
  }
}

/// As the user `postgres` when we are root, which the server refuses to be.
func runServerTool(_ name: String, _ arguments: [String], in folder: String? = nil) throws {
  let tool = try (folder ?? ServerPrograms.usual()) + "/" + name
  if getuid() == 0 {
    try runTool("/usr/bin/setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", tool] + arguments)
  } else {
    try runTool(tool, arguments)
  }
}

/// Not Foundation's `Process`: it waits for the end of a descriptor that the server inherits, and so for the server.
func runTool(_ tool: String, _ arguments: [String]) throws {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for descriptor in Int32(0)...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
  var words = ([tool] + arguments).map { strdup($0) } + [nil]
  defer { for word in words { free(word) } }
  var child = pid_t()
  let failure = posix_spawn(&child, tool, &actions, nil, &words, environ)
  guard failure == 0 else { throw ToolFailure(tool: tool, status: failure) }
  var status: Int32 = 0
  while waitpid(child, &status, 0) == -1 {
    guard errno == EINTR else { throw ToolFailure(tool: tool, status: errno) }
  }
  guard status == 0 else { throw ToolFailure(tool: tool, status: status) }
}

/// Free at this moment: the system hands it out, and we give it back.
func freePort() throws -> Int {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
    }
  }
  guard status == 0 else { throw ToolFailure(tool: "bind", status: errno) }
  return Int(UInt16(bigEndian: address.sin_port))
}

private let atExit = Mutex<[(folder: String, pid: pid_t)]>([])

/// An immediate shutdown, by process id: the folder is thrown away anyhow.
func stopAtExit(folder: String, pid: pid_t) {
  let isFirst = atExit.withLock { entries in
    entries.append((folder, pid))
    return entries.count == 1
  }
  guard isFirst else { return }
  atexit {
    for (folder, pid) in atExit.withLock({ $0 }) {
      kill(pid, SIGQUIT)
      // Its parent is not us, so it cannot be waited for; the server would write into the folder until it is gone.
      for _ in 0..<500 where kill(pid, 0) == 0 { usleep(10_000) }
      try? FileManager.default.removeItem(atPath: folder)
    }
  }
}
