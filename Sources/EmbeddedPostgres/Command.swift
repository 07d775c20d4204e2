import Foundation
import Glibc

/// A program that runs to its end, without blocking the cooperative pool.
///
/// Not `Foundation.Process`: on Linux it learns of the end through a socket that the child inherits, and a server that
/// pg_ctl leaves behind would keep that socket open.
struct Command: Sendable {
  struct Outcome: Sendable {
    /// Of exit; 128 + n when signal n ended it.
    let status: Int32
    /// Standard output and standard error together.
    let output: String

    var succeeded: Bool { status == 0 }
  }

  let arguments: [String]

  /// `posix_spawn_file_actions_addclosefrom_np`, which glibc has since 2.34 and hides from Swift.
  private static let closeFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
    unsafeBitCast($0, to: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32).self)
  }

  /// `arguments[0]` is an absolute path. The environment is small and fixed, so that none of the caller's PG variables
  /// and secrets arrive.
  func run(home: String) async throws(EmbeddedPostgresError) -> Outcome {
    let environment = ["PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=\(home)"]
    let result: Result<Outcome, EmbeddedPostgresError> = await withCheckedContinuation { continuation in
      // A thread of its own, since waitpid blocks; it ends with the command.
      Thread.detachNewThread { continuation.resume(returning: spawnAndWait(environment: environment)) }
    }
    return try result.get()
  }

  private func spawnAndWait(environment: [String]) -> Result<Outcome, EmbeddedPostgresError> {
    // A file and not a pipe: it neither fills up nor waits for the last holder to close it.
    var template = Array("/tmp/keyturn-output-XXXXXX".utf8CString)
    let output = mkstemp(&template)
    guard output >= 0 else { return .failure(failure("its output could not be kept", errno)) }
    unlink(template)
    defer { close(output) }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    // Our connections and locks must not live on in the server.
    _ = Self.closeFrom?(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A session of its own: Ctrl-C is for us, and must not end an initdb half way or the server.
    var defaults = sigset_t()
    sigfillset(&defaults)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var mask = sigset_t()
    sigemptyset(&mask)
    posix_spawnattr_setsigmask(&attributes, &mask)
    let flags = 0x80 | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK  // 0x80: POSIX_SPAWN_SETSID, hidden from Swift
    posix_spawnattr_setflags(&attributes, Int16(flags))

    // The server's user may have no right to our working folder, which PostgreSQL's programs do not forgive.
    let program = ["/usr/bin/env", "--chdir=/"] + arguments
    var argumentPointers = program.map { strdup($0) } + [nil]
    var environmentPointers = environment.map { strdup($0) } + [nil]
    defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
    var child: pid_t = 0
    let error = posix_spawn(&child, program[0], &actions, &attributes, &argumentPointers, &environmentPointers)
    guard error == 0 else { return .failure(failure("it could not be started", error)) }

    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { return .failure(failure("its end was not seen", errno)) }
    }
    let signal = status & 0x7F
    return .success(Outcome(status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output: readAll(output)))
  }

  private func readAll(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 16_384)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
  }

  private func failure(_ what: String, _ error: Int32) -> EmbeddedPostgresError {
    EmbeddedPostgresError(
      code: .systemFailure,
      message: "\(arguments[0]) did not run, \(what): \(String(cString: strerror(error))). Check that it is installed.")
  }
}
