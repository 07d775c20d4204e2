import Glibc

/// A small file that only its owner may read, changed in one durable step.
package struct PrivateFile: Sendable {
  private let file: DurableFile
  /// Bytes.
  private let maximumSize: Int

  package init(path: String, maximumSize: Int) {
    file = DurableFile(path: path, mode: 0o600)
    self.maximumSize = maximumSize
  }

  package var path: String { file.path }

  /// Refuses a file that group or others may touch, or that belongs to another user than us or root.
  package func read() throws(FileTrouble) -> SecretBytes {
    // Without O_NONBLOCK a pipe in the file's place would hang us.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw errno == ENOENT ? .missing : .failed("could not be opened", errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .failed("could not be examined", errno) }
    try check(status)
    let count = Int(status.st_size)
    var failure: Int32?
    let content = SecretBytes(count: count) { memory in
      var offset = 0
      while offset < count {
        let got = Glibc.read(descriptor, memory.baseAddress! + offset, count - offset)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else {
          failure = got < 0 ? errno : EIO
          return
        }
        offset += got
      }
    }
    if let failure { throw .failed("could not be read", failure) }
    return content
  }

  package func write(_ content: SecretBytes, _ step: DurableFile.Step) throws(FileTrouble) {
    let result = content.withBytes { memory in
      Result { () throws(FileTrouble) in try file.write(memory, step) }
    }
    try result.get()
  }

  /// As `DurableFile.withLockedFolder`.
  package func withLockedFolder<Result, Failure: Error>(
    or failure: (FileTrouble) -> Failure, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try file.withLockedFolder(or: failure, body)
  }

  private func check(_ status: stat) throws(FileTrouble) {
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumSize else { throw .notSmall }
    guard status.st_mode & 0o077 == 0 else { throw .permissions(mode: status.st_mode & 0o777) }
    guard status.st_uid == geteuid() || status.st_uid == 0 else { throw .owner(status.st_uid) }
  }
}
