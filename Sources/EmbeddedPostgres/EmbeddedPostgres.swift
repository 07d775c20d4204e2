import Foundation
import Glibc

/// A private PostgreSQL server in a folder. It runs on when this process ends or crashes, and the next `start` finds it.
package struct EmbeddedPostgres: Sendable {
  package enum Status: Sendable {
    case notInitialized
    case stopped
    case running(RunningPostgres)
  }

  package let configuration: Configuration

  package init(_ configuration: Configuration) {
    self.configuration = configuration
  }

  /// Returns when the server answers. Makes folder and cluster when they are missing; uses a server that runs already.
  package func start() async throws(EmbeddedPostgresError) -> RunningPostgres {
    try configuration.validate()
    var actions: [String] = []
    let folder = try DataFolder(path: configuration.dataDirectory)
    let user = try ServerUser.find(forCluster: folder.cluster)
    let server = try await ServerInstallation.find(
      binaries: configuration.binaries, clusterMajor: folder.clusterMajor())
    try await folder.prepare(for: user, &actions)
    let lock = try await FolderLock.take(in: folder.path)
    let starter = ServerStarter(configuration: configuration, folder: folder, user: user, server: server)
    let running = try await starter.start(&actions)
    _ = consume lock
    return running
  }

  /// Ends the server by `pg_ctl stop -m fast`: transactions are rolled back, data is written. Does nothing when it does
  /// not run. Returns what was done.
  @discardableResult
  package func stop() async throws(EmbeddedPostgresError) -> [String] {
    let folder = try DataFolder(path: configuration.dataDirectory)
    guard folder.exists(folder.cluster) else { return ["there is no server in \(folder.path)"] }
    let user = try ServerUser.find(forCluster: folder.cluster)
    let lock = try await FolderLock.take(in: folder.path)
    guard case .alive(let postmaster) = Postmaster.state(of: folder) else {
      return ["the server in \(folder.path) did not run"]
    }
    let server = try await ServerInstallation.find(
      binaries: configuration.binaries, clusterMajor: folder.clusterMajor())
    try await ServerStarter(configuration: configuration, folder: folder, user: user, server: server).stop(postmaster)
    _ = consume lock
    return ["stopped process \(postmaster.processID)"]
  }

  /// As far as the files and the kernel tell; connects to nothing and changes nothing.
  package func status() throws(EmbeddedPostgresError) -> Status {
    let folder = try DataFolder(path: configuration.dataDirectory)
    guard folder.clusterMajor() != nil else { return .notInitialized }
    guard case .alive(let postmaster) = Postmaster.state(of: folder) else { return .stopped }
    return .running(
      RunningPostgres(
        socketDirectory: postmaster.socketDirectory, port: postmaster.port, superuser: configuration.superuser,
        processID: postmaster.processID, actions: [], startedHere: false))
  }
}
