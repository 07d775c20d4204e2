import Glibc

/// Who runs the server, which refuses to run as root: we ourselves, or an unprivileged user when we are root.
struct ServerUser: Sendable {
  let name: String
  let userID: uid_t
  let groupID: gid_t
  /// What to put before a command.
  let prefix: [String]

  /// - Parameter cluster: its owner runs it, if it is there.
  static func find(forCluster cluster: String) throws(EmbeddedPostgresError) -> ServerUser {
    guard geteuid() == 0 else {
      return ServerUser(name: "user \(geteuid())", userID: geteuid(), groupID: getegid(), prefix: [])
    }
    var status = stat()
    if lstat(cluster, &status) == 0, status.st_uid != 0, let entry = getpwuid(status.st_uid) {
      return ServerUser(entry.pointee)
    }
    for name in ["postgres", "nobody"] {
      if let entry = getpwnam(name) { return ServerUser(entry.pointee) }
    }
    throw EmbeddedPostgresError(
      code: .systemFailure,
      message: """
        PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it. Install the \
        package postgresql, or start Keyturn as an ordinary user.
        """)
  }

  private init(_ entry: passwd) {
    self.init(
      name: String(cString: entry.pw_name), userID: entry.pw_uid, groupID: entry.pw_gid,
      prefix: [
        "/usr/bin/setpriv", "--reuid=\(entry.pw_uid)", "--regid=\(entry.pw_gid)", "--clear-groups", "--inh-caps=-all",
        "--no-new-privs", "--",
      ])
  }

  private init(name: String, userID: uid_t, groupID: gid_t, prefix: [String]) {
    self.name = name
    self.userID = userID
    self.groupID = groupID
    self.prefix = prefix
  }

  func run(_ arguments: [String], home: String) async throws(EmbeddedPostgresError) -> Command.Outcome {
    try await Command(arguments: prefix + arguments).run(home: home)
  }

  /// Fails unless this user may write in `folder`, naming the parent that keeps it out.
  func requireAccess(to folder: String) async throws(EmbeddedPostgresError) {
    if prefix.isEmpty ? access(folder, W_OK | X_OK) == 0 : try await mayWrite(folder) { return }
    let obstacle = parents(of: folder).first { !maySearch($0) } ?? folder
    throw EmbeddedPostgresError(
      code: .folderUnreachable,
      message: """
        PostgreSQL runs as \(name), who may not enter \(obstacle), so that \(folder) is out of reach. Choose a data \
        folder elsewhere, such as /var/lib/keyturn, or run: chmod o+x '\(obstacle)'
        """)
  }

  private func mayWrite(_ folder: String) async throws(EmbeddedPostgresError) -> Bool {
    try await run(["/usr/bin/test", "-w", folder + "/."], home: "/").succeeded
  }

  private func parents(of folder: String) -> [String] {
    let parts = folder.split(separator: "/")
    return parts.indices.map { "/" + parts[...$0].joined(separator: "/") }
  }

  private func maySearch(_ folder: String) -> Bool {
    var status = stat()
    guard stat(folder, &status) == 0 else { return false }
    if status.st_uid == userID { return status.st_mode & 0o100 != 0 }
    if status.st_gid == groupID { return status.st_mode & 0o010 != 0 }
    return status.st_mode & 0o001 != 0
  }
}
