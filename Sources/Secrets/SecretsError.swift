/// A rule for secrets that cannot be kept. Errors never carry secret bytes.
package struct SecretsError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case invalidPolicy
    /// A crash of this process could write its memory to a file.
    case unprotectedMemory
  }

  package let code: Code
  /// With a remedy.
  package let message: String

  package var description: String { "\(code.rawValue): \(message)" }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
