/// What keeps evidence from being recorded, sealed, published or read, with its remedy.
package struct EvidenceError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// A field is missing or out of range.
    case invalidField = "invalid_field"
    case unknownCase = "unknown_case"
    /// The signing key is missing, unreadable, or not this log's.
    case key
    /// What is known outside is newer than the database, or contradicts it: a restore, or a log that was rewritten.
    case rolledBack = "rolled_back"
    /// Rows of the log do not fit together.
    case damaged
    /// A store or witness did not take or give what it should.
    case store
    /// A legal hold forbids it.
    case held
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
