/// Never holds a secret.
package struct LifecycleError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case unknownCredential = "unknown_credential"
    /// The credential is not in a state that allows it.
    case wrongState = "wrong_state"
    /// A rule forbids it.
    case refused
    case invalidField = "invalid_field"
    case noSecret = "no_secret"
    /// The target failed its examination and was not added.
    case unsoundTarget = "unsound_target"
    /// A stored row cannot be read.
    case unreadableRow = "unreadable_row"
    /// The file that remembers the database on this host cannot be read or written.
    case incarnationFile = "incarnation_file"
  }

  package let code: Code
  package let message: String

  package init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
