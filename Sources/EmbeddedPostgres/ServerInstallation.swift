import Foundation

/// The programs of one PostgreSQL major version.
struct ServerInstallation: Sendable {
  let folder: String
  let major: Int

  private static let programs = ["postgres", "initdb", "pg_ctl"]
  private static let debianFolder = "/usr/lib/postgresql"

  func program(_ name: String) -> String { "\(folder)/\(name)" }

  /// - Parameters:
  ///   - binaries: that folder and no other.
  ///   - clusterMajor: of a cluster that exists, which no other version can run.
  static func find(binaries: String?, clusterMajor: Int?) async throws(EmbeddedPostgresError) -> ServerInstallation {
    let named = binaries ?? ProcessInfo.processInfo.environment["KEYTURN_PG_BIN"].flatMap { $0.isEmpty ? nil : $0 }
    let found: [ServerInstallation]
    if let named {
      found = [try await examine(named)]
    } else {
      found = installed()
    }
    if let fitting = found.filter({ clusterMajor == nil || $0.major == clusterMajor }).max(by: { $0.major < $1.major })
    {
      return fitting
    }
    throw missing(found: found, clusterMajor: clusterMajor)
  }

  private static func installed() -> [ServerInstallation] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: debianFolder)
    } catch {
      return []  // The folder comes with the first server package.
    }
    return names.compactMap { name in
      guard let major = Int(name) else { return nil }
      let folder = "\(debianFolder)/\(name)/bin"
      return isComplete(folder) ? ServerInstallation(folder: folder, major: major) : nil
    }
  }

  private static func examine(_ folder: String) async throws(EmbeddedPostgresError) -> ServerInstallation {
    guard folder.hasPrefix("/"), isComplete(folder) else {
      throw EmbeddedPostgresError(
        code: .serverNotFound,
        message: """
          \(folder) does not hold the programs postgres, initdb and pg_ctl. Correct KEYTURN_PG_BIN, or unset it and \
          install the package postgresql (apt-get install postgresql).
          """)
    }
    // `postgres (PostgreSQL) 15.18 (Debian …)`; a beta is `19beta1`.
    let version = try await Command(arguments: [folder + "/postgres", "--version"]).run(home: "/").output
    let number = version.split(separator: " ").first { $0.first?.isNumber == true }?.prefix { $0.isNumber }
    guard let major = number.flatMap({ Int($0) }) else {
      throw EmbeddedPostgresError(
        code: .serverNotFound,
        message:
          "\(folder)/postgres does not tell its version. Install the package postgresql, or correct KEYTURN_PG_BIN.")
    }
    return ServerInstallation(folder: folder, major: major)
  }

  private static func isComplete(_ folder: String) -> Bool {
    programs.allSatisfy { FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
  }

  private static func missing(found: [ServerInstallation], clusterMajor: Int?) -> EmbeddedPostgresError {
    guard let clusterMajor, !found.isEmpty else {
      return EmbeddedPostgresError(
        code: .serverNotFound,
        message: """
          There is no PostgreSQL server under \(debianFolder). Install the package postgresql (apt-get install \
          postgresql), set KEYTURN_PG_BIN to the folder of its programs, or name a server of your own.
          """)
    }
    let majors = found.map { "\($0.major)" }.joined(separator: ", ")
    return EmbeddedPostgresError(
      code: .serverNotFound,
      message: """
        The cluster was made by PostgreSQL \(clusterMajor), and installed is \(majors). Install the package \
        postgresql-\(clusterMajor), or upgrade the cluster with pg_upgrade.
        """)
  }
}
