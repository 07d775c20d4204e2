/// How a transaction begins and how often it is tried.
package struct TransactionOptions: Hashable, Sendable {
  package enum Isolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
  }

  package enum Access: String, Sendable {
    case readWrite = "READ WRITE"
    case readOnly = "READ ONLY"
  }

  package var isolation: Isolation
  package var access: Access
  /// The body runs again after 40001 and 40P01, at most this often in all. Default 5.
  package var maximumAttempts: Int

  package init(isolation: Isolation = .readCommitted, access: Access = .readWrite, maximumAttempts: Int = 5) {
    self.isolation = isolation
    self.access = access
    self.maximumAttempts = maximumAttempts
  }

  package static let `default` = TransactionOptions()
  package static let readOnly = TransactionOptions(access: .readOnly)
  package static let serializable = TransactionOptions(isolation: .serializable)
}
