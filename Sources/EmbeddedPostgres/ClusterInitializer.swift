import Glibc

/// Makes the cluster: by initdb, or as a copy of one that initdb made before.
struct ClusterInitializer {
  let configuration: EmbeddedPostgres.Configuration
  let folder: DataFolder
  let user: ServerUser
  let server: ServerInstallation

  /// The cluster is complete when `cluster/` is there: it is made beside and renamed.
  func initialize(_ actions: inout [String]) async throws(EmbeddedPostgresError) {
    if folder.exists(folder.newCluster) {
      try folder.remove(folder.newCluster)
      actions.append("removed what an interrupted initialisation left in \(folder.newCluster)")
    }
    switch configuration.authentication {
    case .scram(_, let password):
      try await withPasswordFile(password) { path async throws(EmbeddedPostgresError) in
        try await initdb(folder.newCluster, passwordFile: path)
      }
    case .peerTrust:
      if let template = configuration.template {
        try await copy(DataFolder(path: template), &actions)
      } else {
        try await initdb(folder.newCluster, passwordFile: nil)
      }
    }
    guard rename(folder.newCluster, folder.cluster) == 0 else { throw folder.failure("put in place", folder.cluster) }
    actions.append(
      "initialised a PostgreSQL \(server.major) cluster (UTF-8, no locale, superuser \(configuration.superuser))")
  }

  private func initdb(_ target: String, passwordFile: String?) async throws(EmbeddedPostgresError) {
    var arguments = [
      server.program("initdb"), "--pgdata=\(target)", "--username=\(configuration.superuser)",
      "--auth-local=\(passwordFile == nil ? "trust" : "scram-sha-256")", "--auth-host=scram-sha-256",
      "--encoding=UTF8", "--no-locale", "--no-instructions",
    ]
    // Segments of 16 MB are most of a small cluster.
    if configuration.durability == .fast { arguments += ["--no-sync", "--wal-segsize=1"] }
    if let passwordFile { arguments.append("--pwfile=\(passwordFile)") }
    let outcome = try await user.run(arguments, home: folder.path)
    guard outcome.succeeded else {
      throw EmbeddedPostgresError(
        code: .initializationFailed,
        message:
          "initdb of PostgreSQL \(server.major) failed in \(target): \(outcome.output.suffix(600)). Check space and rights."
      )
    }
    try includeOurFile(in: target)
  }

  private func includeOurFile(in target: String) throws(EmbeddedPostgresError) {
    let path = target + "/postgresql.conf"
    guard let text = folder.read(path) else { throw folder.failure("read", path) }
    try folder.write(Array((text + "\ninclude_if_exists = '\(ServerFiles.name)'\n").utf8), to: path, for: user)
  }

  private func copy(_ template: DataFolder, _ actions: inout [String]) async throws(EmbeddedPostgresError) {
    try await template.prepare(for: user, &actions)
    let lock = try await FolderLock.take(in: template.path)
    let name = "\(server.major)-\(configuration.durability)-\(configuration.superuser.replacing("/", with: "_"))"
    let source = "\(template.path)/\(name)"
    if !template.exists(source + "/PG_VERSION") {
      let unfinished = source + ".new"
      if template.exists(unfinished) { try template.remove(unfinished) }
      try await initdb(unfinished, passwordFile: nil)
      guard rename(unfinished, source) == 0 else { throw template.failure("put in place", source) }
      actions.append("initialised the template \(source)")
    }
    _ = consume lock
    let outcome = try await user.run(
      ["/usr/bin/cp", "-a", "--reflink=auto", source, folder.newCluster], home: folder.path)
    guard outcome.succeeded else {
      throw EmbeddedPostgresError(
        code: .initializationFailed,
        message: "The template \(source) could not be copied: \(outcome.output.suffix(300)). Check space, or remove it."
      )
    }
    actions.append("copied the template \(source)")
  }

  /// The file is gone when this returns or throws.
  private func withPasswordFile(
    _ password: [UInt8], _ body: (String) async throws(EmbeddedPostgresError) -> Void
  ) async throws(EmbeddedPostgresError) {
    let path = folder.path + "/password.new"
    try folder.write(password + [UInt8(ascii: "\n")], to: path, for: user)
    do throws(EmbeddedPostgresError) {
      try await body(path)
    } catch {
      unlink(path)
      throw error
    }
    guard unlink(path) == 0 else { throw folder.failure("removed", path) }
  }
}
