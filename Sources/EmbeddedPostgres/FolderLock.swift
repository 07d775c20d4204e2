import Glibc

/// One starter at a time in a folder, over processes. The kernel lets go when the holder ends, however it ends.
struct FolderLock: ~Copyable {
  private let descriptor: Int32

  /// Waits up to `patience`, longer than a start takes.
  static func take(
    in folder: String, patience: Duration = .seconds(120)
  ) async throws(EmbeddedPostgresError) -> FolderLock {
    let path = folder + "/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw EmbeddedPostgresError(
        code: .systemFailure,
        message: "\(path) could not be opened: \(String(cString: strerror(errno))). Check who owns the folder.")
    }
    let lock = FolderLock(descriptor: descriptor)
    let deadline = ContinuousClock.now + patience
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR, ContinuousClock.now < deadline else {
        throw EmbeddedPostgresError(
          code: .busy, message: "Another process starts or stops the server in \(folder). Wait for it, or end it.")
      }
      do {
        // A blocking flock would hold a thread of the cooperative pool.
        try await Task.sleep(for: .milliseconds(20))
      } catch {
        throw EmbeddedPostgresError(code: .busy, message: "Waiting for the lock of \(folder) was cancelled.")
      }
    }
    return lock
  }

  deinit { close(descriptor) }
}
