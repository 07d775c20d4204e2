import Foundation

/// A program of the system that runs to its end without blocking the cooperative pool. No shell; a small fixed environment.
struct ExternalCommand: Sendable {
  struct Outcome: Sendable {
    /// Of exit; 128 + n when signal n ended it.
    let status: Int32
    let output: [UInt8]
    /// The first 2,000 bytes of the standard error output.
    let errors: String
  }

  private let arguments: [String]
  private let deadline: Duration

  /// - Parameter arguments: the first is an absolute path. No secrets: other users can see them.
  /// - Parameter deadline: then it is ended with SIGKILL.
  init(_ arguments: [String], deadline: Duration = .seconds(60)) {
    self.arguments = arguments
    self.deadline = deadline
  }

  func run(input: [UInt8] = []) async throws(GovernanceError) -> Outcome {
    let result: Result<Outcome, GovernanceError> = await withCheckedContinuation { continuation in
      // A thread of its own, since reading and waiting block; it ends with the command.
      Thread.detachNewThread { continuation.resume(returning: self.spawnAndWait(input)) }
    }
    return try result.get()
  }

  /// Files and not pipes: they neither fill up nor wait for the last holder to close them.
  private func spawnAndWait(_ input: [UInt8]) -> Result<Outcome, GovernanceError> {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keyturn-command-\(UUID().uuidString)")
    do {
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      defer {
        // Nothing can be done about a folder that stays; it is private and under the temporary folder.
        _ = try? FileManager.default.removeItem(at: folder)
      }
      let paths = ["in", "out", "err"].map { folder.appendingPathComponent($0).path }
      for path in paths {
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]) else {
          return .failure(failure("its input could not be written"))
        }
      }
      try Data(input).write(to: URL(fileURLWithPath: paths[0]))
      guard let status = start(paths) else { return .failure(failure("it could not be started")) }
      let output = try Data(contentsOf: URL(fileURLWithPath: paths[1]))
      let errors = try Data(contentsOf: URL(fileURLWithPath: paths[2]))
      return .success(
        Outcome(status: status, output: [UInt8](output), errors: String(decoding: errors.prefix(2000), as: UTF8.self)))
    } catch {
      return .failure(failure("its files could not be used"))
    }
  }

  /// The exit status; nil when it did not start.
  private func start(_ paths: [String]) -> Int32? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, paths[0], O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, paths[1], O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, paths[2], O_WRONLY, 0)
    let variables = ["PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent"]
    var argumentPointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for pointer in argumentPointers + environment { free(pointer) } }
    var child: pid_t = 0
    guard posix_spawn(&child, arguments[0], &actions, nil, &argumentPointers, &environment) == 0 else { return nil }
    let started = ContinuousClock.now
    var status: Int32 = 0
    while true {
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { break }
      if ended < 0 && errno != EINTR { return nil }
      if ContinuousClock.now - started > deadline { kill(child, SIGKILL) }
      usleep(2000)
    }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }

  private func failure(_ what: String) -> GovernanceError {
    GovernanceError(
      code: .invalidField, message: "\(arguments[0]) did not run: \(what); check that it is installed")
  }
}
