import Glibc
import Secrets

/// A small file that only its owner may read, changed in one durable step.
struct PrivateFile {
  private static let maximumSize = 1 << 20

  let path: String

  private var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Refuses a file that group or others may touch, or that belongs to another user than us or root.
  func read() throws(VaultError) -> SecretBytes {
    // Without O_NONBLOCK a pipe in the file's place would hang us.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { throw missing }
      throw unusable("could not be opened", errno)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unusable("could not be examined", errno) }
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
    if let failure { throw unusable("could not be read", failure) }
    return content
  }

  /// Throws `.keyFileExists` when there is a file of any kind at the path.
  func create(with content: SecretBytes) throws(VaultError) {
    try withTemporaryFile(content) { temporary throws(VaultError) in
      // link() fails where a file exists; rename() would replace it.
      guard link(temporary, path) == 0 else {
        if errno == EEXIST { throw exists }
        throw unusable("could not be created", errno)
      }
      unlink(temporary)
    }
  }

  func replace(with content: SecretBytes) throws(VaultError) {
    try withTemporaryFile(content) { temporary throws(VaultError) in
      guard rename(temporary, path) == 0 else { throw unusable("could not be replaced", errno) }
    }
  }

  /// One process at a time: a key that was lost to a concurrent replacement would take its envelopes with it. The
  /// folder is locked and not the file, which is replaced.
  func withLockedFolder<R>(_ body: () throws(VaultError) -> R) throws(VaultError) -> R {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unusable("could not be reached", errno) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw unusable("could not be locked", errno) }
    }
    return try body()
  }

  private func withTemporaryFile(
    _ content: SecretBytes, _ body: (String) throws(VaultError) -> Void
  ) throws(VaultError) {
    let temporary = "\(path).\(getpid()).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw unusable("could not be written", errno) }
    do throws(VaultError) {
      defer { close(descriptor) }
      let failure = content.withBytes { memory -> Int32? in
        var offset = 0
        while offset < memory.count {
          let put = write(descriptor, memory.baseAddress! + offset, memory.count - offset)
          if put < 0, errno == EINTR { continue }
          guard put > 0 else { return errno }
          offset += put
        }
        return fsync(descriptor) == 0 ? nil : errno
      }
      if let failure { throw unusable("could not be written", failure) }
      try body(temporary)
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeFolder()
  }

  private func synchronizeFolder() throws(VaultError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unusable("could not be made durable", errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw unusable("could not be made durable", errno) }
  }

  private func check(_ status: stat) throws(VaultError) {
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.maximumSize else {
      throw VaultError(
        code: .keyFileInvalid,
        message: "The key file \(path) is not a regular file of at most 1 MiB. Give the path of the key file.")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw VaultError(
        code: .keyFilePermissions,
        message: "The key file \(path) has mode 0\(mode), so that others may use it. Run: chmod 600 '\(path)'")
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw VaultError(
        code: .keyFilePermissions,
        message: """
          The key file \(path) belongs to user \(status.st_uid) and this program runs as user \(geteuid()). \
          Run: chown \(geteuid()) '\(path)'
          """)
    }
  }

  private var missing: VaultError {
    VaultError(
      code: .keyFileMissing,
      message: """
        There is no key file at \(path). Restore it from your copy, or correct the path. Make a new one only if no \
        secret was ever stored: it opens none of the old ones.
        """)
  }

  private var exists: VaultError {
    VaultError(
      code: .keyFileExists,
      message:
        "There is a file at \(path) already, and a key file is never overwritten. Use it, or choose another path.")
  }

  private func unusable(_ what: String, _ error: Int32) -> VaultError {
    VaultError(
      code: .keyFileUnusable,
      message: """
        The key file \(path) \(what): \(String(cString: strerror(error))). Check its folder, and that the user \
        \(geteuid()) may use both.
        """)
  }
}
