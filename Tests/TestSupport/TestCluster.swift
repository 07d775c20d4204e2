package import EmbeddedPostgres
import Foundation
import Synchronization

/// One PostgreSQL server per test process, started on first use and ended with the process.
package actor TestCluster {
  package static let shared = TestCluster()

  private var starting: Task<RunningPostgres, any Error>?

  package func running() async throws -> RunningPostgres {
    if let starting { return try await starting.value }
    let task = Task { try await Self.start() }
    starting = task
    return try await task.value
  }

  private static func start() async throws -> RunningPostgres {
    let folder = try TestFolder.make("keyturn-tests")
    let embedded = EmbeddedPostgres(
      .init(
        dataDirectory: folder + "/postgres",
        settings: ["max_connections": "200", "max_prepared_transactions": "4", "log_statement": "all"],
        durability: .fast))
    let running = try await embedded.start()
    ServerCleanup.register(processID: running.processID, folder: folder)
    return running
  }
}

/// Ends servers by process id and removes their folders when the test process ends; when it is killed, a watcher does.
package enum ServerCleanup {
  private struct Entry {
    let processID: Int32
    let folder: String
  }

  private static let entries = Mutex<[Entry]>([])
  private static let isRegistered: Bool = {
    atexit {
      for entry in ServerCleanup.entries.withLock({ $0 }) {
        ServerCleanup.end(entry.processID)
        // Nothing can be done about a folder that stays; it is under the temporary folder.
        _ = try? FileManager.default.removeItem(atPath: entry.folder)
      }
      ServerCleanup.tellWatcher("end")
    }
    return true
  }()

  /// Waits up to two seconds: a server that still writes would keep its folder.
  private static func end(_ processID: Int32) {
    guard processID > 0, kill(processID, SIGQUIT) == 0 else { return }
    for _ in 0..<100 where kill(processID, 0) == 0 { usleep(20_000) }
  }

  package static func register(processID: Int32, folder: String) {
    _ = isRegistered
    entries.withLock { $0.append(Entry(processID: processID, folder: folder)) }
    tellWatcher("server \(processID) \(folder)")
  }

  // MARK: The watcher

  /// Reads what was registered until its input ends, which is when this process does, however it ends. In a session of its own:
  /// whoever ends this one's process group does not end it.
  private static let script = """
    while read -r word process folder; do
      [ "$word" = end ] && exit
      [ "$process" -gt 0 ] && processes="$processes $process"
      folders="$folders $folder"
    done
    for process in $processes; do kill -QUIT "$process"; done
    sleep 3
    for process in $processes; do kill -KILL "$process"; done
    rm -rf $folders
    """

  /// The end of a pipe that no other process has; nil: there is no watcher.
  private static let watcherInput: Int32? = {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let input = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setsid")
    process.arguments = ["/bin/sh", "-c", script]
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { return nil }
    return ends[1]
  }()

  private static func tellWatcher(_ line: String) {
    guard let input = watcherInput else { return }
    let bytes = Array((line + "\n").utf8)
    // Shorter than PIPE_BUF, so whole; a watcher that is gone is no reason to fail a test.
    _ = write(input, bytes, bytes.count)
  }
}

package enum TestFolder {
  /// A new folder that the server's unprivileged user can enter.
  package static func make(_ prefix: String) throws -> String {
    var template = Array("/tmp/\(prefix).XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o755)
    return path
  }
}
