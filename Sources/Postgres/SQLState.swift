/// Five characters that name a server error, PostgreSQL manual, appendix A. The ones we branch on have names here.
package struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }

  private init(_ rawValue: String) { self.rawValue = rawValue }

  package static let protocolViolation = SQLState("08P01")
  package static let invalidParameterValue = SQLState("22023")
  package static let notNullViolation = SQLState("23502")
  package static let foreignKeyViolation = SQLState("23503")
  package static let uniqueViolation = SQLState("23505")
  package static let checkViolation = SQLState("23514")
  package static let exclusionViolation = SQLState("23P01")
  package static let readOnlyTransaction = SQLState("25006")
  package static let transactionAborted = SQLState("25P02")
  package static let unknownPreparedStatement = SQLState("26000")
  package static let invalidAuthorization = SQLState("28000")
  package static let invalidPassword = SQLState("28P01")
  package static let unknownDatabase = SQLState("3D000")
  package static let invalidSchemaName = SQLState("3F000")
  package static let serializationFailure = SQLState("40001")
  package static let deadlockDetected = SQLState("40P01")
  package static let insufficientPrivilege = SQLState("42501")
  package static let undefinedObject = SQLState("42704")
  package static let duplicateObject = SQLState("42710")
  package static let undefinedTable = SQLState("42P01")
  package static let duplicateDatabase = SQLState("42P04")
  package static let featureNotSupported = SQLState("0A000")
  package static let tooManyConnections = SQLState("53300")
  package static let objectInUse = SQLState("55006")
  package static let lockNotAvailable = SQLState("55P03")
  package static let queryCanceled = SQLState("57014")
  package static let adminShutdown = SQLState("57P01")
  package static let crashShutdown = SQLState("57P02")
  package static let cannotConnectNow = SQLState("57P03")

  /// The first two characters: the class.
  package var classCode: String { String(rawValue.prefix(2)) }

  /// The transaction did nothing and would probably succeed when run again from its beginning.
  package var isTransactionConflict: Bool { self == .serializationFailure || self == .deadlockDetected }

  /// The server cannot do it now, whatever was asked: conflicts, no room (53), shutting down (57), its disks (58), a lock
  /// not given, read-only after a fail-over, or a prepared statement that is gone.
  package var isPassing: Bool {
    if isTransactionConflict || self == .lockNotAvailable || self == .readOnlyTransaction { return true }
    if self == .unknownPreparedStatement || self == .featureNotSupported { return true }
    return ["08", "53", "57", "58"].contains(classCode)
  }

  package var description: String { rawValue }
}
