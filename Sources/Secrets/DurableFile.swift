package import Glibc

/// A small file that is written in one durable step: a copy beside it, synchronized, takes its name, and the folder is
/// synchronized too.
package struct DurableFile: Sendable {
  package let path: String
  /// Such as 0o600.
  package let mode: mode_t

  package enum Step: Sendable {
    /// Fails with `.exists` when there is a file of any kind at the path.
    case create
    case replace
  }

  package init(path: String, mode: mode_t) {
    self.path = path
    self.mode = mode
  }

  package func write(_ content: UnsafeRawBufferPointer, _ step: Step) throws(FileTrouble) {
    let temporary = "\(path).\(getpid()).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw .failed("could not be written", errno) }
    do throws(FileTrouble) {
      defer { close(descriptor) }
      var offset = 0
      while offset < content.count {
        let put = Glibc.write(descriptor, content.baseAddress! + offset, content.count - offset)
        if put < 0, errno == EINTR { continue }
        guard put > 0 else { throw .failed("could not be written", errno) }
        offset += put
      }
      guard fsync(descriptor) == 0 else { throw .failed("could not be written", errno) }
      try take(temporary, step)
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeFolder()
  }

  package func write(_ content: [UInt8], _ step: Step) throws(FileTrouble) {
    // Not thrown through the closure: compilers of today fail to make that.
    let result = content.withUnsafeBytes { memory in Result { () throws(FileTrouble) in try write(memory, step) } }
    try result.get()
  }

  private func take(_ temporary: String, _ step: Step) throws(FileTrouble) {
    switch step {
    case .create:
      // link() fails where a file exists; rename() would replace it.
      guard link(temporary, path) == 0 else {
        throw errno == EEXIST ? .exists : .failed("could not be created", errno)
      }
      unlink(temporary)
    case .replace:
      guard rename(temporary, path) == 0 else { throw .failed("could not be replaced", errno) }
    }
  }

  /// One process at a time. The folder is locked and not the file, which is replaced.
  package func withLockedFolder<Result, Failure: Error>(
    or failure: (FileTrouble) -> Failure, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.failed("could not be reached", errno)) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw failure(.failed("could not be locked", errno)) }
    }
    return try body()
  }

  private var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private func synchronizeFolder() throws(FileTrouble) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .notDurable(errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .notDurable(errno) }
  }
}

/// Why a file could not be used. Whoever knows what the file is for makes a message with a remedy of it.
package enum FileTrouble: Error, Equatable, CustomStringConvertible {
  case missing
  case exists
  /// Not a regular file, or larger than it may be.
  case notSmall
  /// Others may use it.
  case permissions(mode: mode_t)
  /// It belongs to somebody else than us or root.
  case owner(uid_t)
  /// It has its new content, which a power cut may still take back.
  case notDurable(Int32)
  /// What was not possible, and the system's error number.
  case failed(String, Int32)

  /// What follows the file's name in a sentence.
  package var description: String {
    switch self {
    case .missing: "is missing"
    case .exists: "exists already"
    case .notSmall: "is not a small file"
    case .permissions: "may be used by others"
    case .owner: "belongs to another user"
    case .notDurable(let number): "could not be made durable: \(String(cString: strerror(number)))"
    case .failed(let what, let number): "\(what): \(String(cString: strerror(number)))"
    }
  }
}
