package import Postgres

package struct JobsError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case invalidConfiguration
    case unknownKind
    case invalidJob
    /// The lease was lost: another worker may hold the job. Nothing of the step was written.
    case leaseLost
    /// A statement of the step changed another number of rows than it must. Nothing of the step was written.
    case guardFailed
    /// The database refused the step. Nothing of it was written.
    case rejected
    /// The connection broke: the step may or may not have been written; read the row to know.
    case unavailable
  }

  package let code: Code
  package let message: String
  /// The statement whose guard failed or that was rejected.
  package let statement: String?
  package let cause: PostgresError?

  package init(code: Code, message: String, statement: String? = nil, cause: PostgresError? = nil) {
    self.code = code
    self.message = message
    self.statement = statement
    self.cause = cause
  }

  package var description: String {
    let place = statement.map { " (\($0))" } ?? ""
    let reason = cause.map { ": \($0)" } ?? ""
    return "\(code.rawValue): \(message)\(place)\(reason)"
  }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}
