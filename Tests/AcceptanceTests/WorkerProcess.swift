import Foundation

/// `keyturn worker` as a process of its own.
enum WorkerProcess {
  /// Dead to the others 1.5 s after its last heartbeat; its lease is as short as an effect allows. Says what it has to say in
  /// `<folder>/<name>.log`.
  /// - Parameter folder: with the key file.
  static func start(_ name: String, url: String, folder: String) throws -> Process {
    let path = "\(folder)/\(name).log"
    try Data().write(to: URL(fileURLWithPath: path))
    let process = Process()
    process.executableURL = CommandTests.program
    process.arguments = [
      "worker", "--name", name, "--database-url", url, "--data-dir", folder, "--lease", "20", "--heartbeat", "0.5",
      "--poll", "0.1", "--plan-every", "0.5", "--concurrency", "12", "--connections", "4", "--grace", "5",
    ]
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: path)
    process.standardError = process.standardOutput
    try process.run()
    return process
  }

  /// Sends the signal and waits for the end.
  static func end(_ process: Process, _ signal: Int32) async throws {
    kill(process.processIdentifier, signal)
    while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
  }
}
