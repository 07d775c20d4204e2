/// Why the private server could not be started or stopped. Names folders, users and packages; never a password.
package struct EmbeddedPostgresError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case invalidConfiguration
    /// No PostgreSQL server is installed, or none of the cluster's major version.
    case serverNotFound
    /// The unprivileged user may not search or write a folder.
    case folderUnreachable
    /// The data folder holds something else.
    case folderNotOurs
    case initializationFailed
    case startFailed
    case stopFailed
    /// Another starter holds the lock for longer than a start takes.
    case busy
    /// A file of the data folder could not be read or written, or a command not run.
    case systemFailure
  }

  package let code: Code
  /// With a remedy.
  package let message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "\(code.rawValue): \(message)" }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
