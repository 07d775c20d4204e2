import Foundation
import Glibc

/// The data folder and what lies in it:
///
///     cluster/        the cluster
///     cluster.new/    one that is being initialised; left over when that was interrupted
///     socket/         the socket; elsewhere when the path is too long
///     postgres.log    the server's log
///     endpoint        `port=` and `socket=` of the last start
///     lock            held while starting and stopping
struct DataFolder: Sendable {
  /// Absolute, without symbolic links and without a slash at the end.
  let path: String

  var cluster: String { path + "/cluster" }
  var newCluster: String { path + "/cluster.new" }
  var log: String { path + "/postgres.log" }

  init(path: String) throws(EmbeddedPostgresError) {
    let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    // pg_ctl puts the path into a shell command, between double quotes.
    let forbidden = Array("\"$`\\".utf8)
    guard !path.isEmpty, !absolute.utf8.contains(where: { $0 < 0x20 || forbidden.contains($0) }) else {
      throw EmbeddedPostgresError(
        code: .invalidConfiguration,
        message: """
          The data folder's path is empty, or has a control character or one of " $ ` \\, which pg_ctl does not bear. \
          Choose another.
          """)
    }
    // The part that exists is resolved, since the kernel reports a server's folder resolved.
    self.path = URL(fileURLWithPath: absolute).standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// Makes the folder and hands it to the server's user; says so in `actions`.
  func prepare(for user: ServerUser, _ actions: inout [String]) async throws(EmbeddedPostgresError) {
    var status = stat()
    if stat(path, &status) != 0 {
      try makeFolders()
      actions.append("made the data folder \(path)")
    } else {
      try requireOurs(status)
    }
    try own(path, user)
    try await user.requireAccess(to: path)
  }

  func own(_ path: String, _ user: ServerUser, mode: mode_t = 0o700) throws(EmbeddedPostgresError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw failure("examined", path) }
    if status.st_uid != user.userID, lchown(path, user.userID, user.groupID) != 0 { throw failure("handed over", path) }
    if status.st_mode & 0o7777 != mode, chmod(path, mode) != 0 { throw failure("made private", path) }
  }

  /// Replaces a file in one step, owned by the server's user, mode 0600. The folder may belong to that user, so a link
  /// that lies in the file's place is replaced and not followed.
  func write(_ bytes: [UInt8], to path: String, for user: ServerUser) throws(EmbeddedPostgresError) {
    let temporary = "\(path).\(getpid()).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("written", path) }
    defer { close(descriptor) }
    let written = Glibc.write(descriptor, bytes, bytes.count)
    guard written == bytes.count, fchown(descriptor, user.userID, user.groupID) == 0, rename(temporary, path) == 0
    else {
      let error = failure("written", path)
      unlink(temporary)
      throw error
    }
  }

  func remove(_ path: String) throws(EmbeddedPostgresError) {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw EmbeddedPostgresError(
        code: .systemFailure, message: "\(path) could not be removed: \(error.localizedDescription). Remove it by hand."
      )
    }
  }

  func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Nil without a cluster.
  func clusterMajor() -> Int? {
    guard let text = read(cluster + "/PG_VERSION") else { return nil }
    return Int(text.prefix { $0.isNumber })
  }

  /// Nil when the file is not there or is not ours to read.
  func read(_ path: String) -> String? {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      return nil
    }
  }

  /// None when the folder is not there.
  func names(in path: String) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      return []
    }
  }

  func failure(_ verb: String, _ path: String) -> EmbeddedPostgresError {
    EmbeddedPostgresError(
      code: .systemFailure,
      message: "\(path) could not be \(verb): \(String(cString: strerror(errno))). Check the folder's owner and space.")
  }

  /// The parents get 0755, so that the server's user may pass.
  private func makeFolders() throws(EmbeddedPostgresError) {
    let parts = path.split(separator: "/")
    for index in parts.indices {
      let folder = "/" + parts[...index].joined(separator: "/")
      if mkdir(folder, 0o755) == 0 {
        // Whatever the umask is.
        chmod(folder, index == parts.indices.last ? 0o700 : 0o755)
      } else if errno != EEXIST {
        throw failure("made", folder)
      }
    }
  }

  /// A folder is taken over when it is empty or was ours: what else is in it would change its owner.
  private func requireOurs(_ status: stat) throws(EmbeddedPostgresError) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw EmbeddedPostgresError(
        code: .folderUnreachable, message: "\(path) is not a folder that can be listed. Choose another data folder.")
    }
    guard names.isEmpty || names.contains("lock") else {
      throw EmbeddedPostgresError(
        code: .folderNotOurs,
        message: "\(path) holds other files, and was not made by Keyturn. Choose an empty or a new data folder.")
    }
  }
}
