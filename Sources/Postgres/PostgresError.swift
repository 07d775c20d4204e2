/// Why a statement or a connection failed.
///
/// Holds no parameter, no DETAIL, no HINT and no query text, so it may be logged as it is.
package struct PostgresError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The configuration cannot be used; the message names the field.
    case invalidConfiguration
    /// No server was reached, or it turned us away for a reason other than who we are (`sqlState` says which).
    case connectionFailed
    /// The server did not accept user, password, certificate or database (`28xxx`, `3D000`).
    case authenticationFailed
    /// Every connection is in use: too many callers wait already, or waiting took longer than the acquire timeout.
    case poolExhausted
    /// The client's own deadline passed; the statement was cancelled on the server.
    case timedOut
    /// The calling task was cancelled; the statement was cancelled on the server or never sent.
    case cancelled
    /// The connection broke while a statement was under way: whether it took effect is unknown.
    case connectionLost
    /// The server refused the statement; `sqlState` is set.
    case server
    /// A value does not have the type the caller asked for.
    case decoding
    /// The client, the connection or the transaction has ended.
    case closed
    /// The caller asked for something the protocol or this client cannot do.
    case misuse
  }

  package let code: Code
  package let sqlState: SQLState?
  /// With a remedy where there is one. Server errors of the classes that quote data (22, 23, P0, …) have no primary
  /// text here, but the names of constraint, table and column.
  package let message: String
  /// The statement's name, never its text.
  package let statement: String?
  package let constraint: String?

  package init(
    code: Code, sqlState: SQLState? = nil, message: String, statement: String? = nil, constraint: String? = nil
  ) {
    self.code = code
    self.sqlState = sqlState
    self.message = message
    self.statement = statement
    self.constraint = constraint
  }

  package var description: String {
    var text = code.rawValue
    if let sqlState { text += " \(sqlState)" }
    if let statement { text += " in \(statement)" }
    return text + ": " + message
  }

  package static func == (left: Self, right: Self) -> Bool { left.code == right.code }

  /// Another attempt to connect may succeed without anybody changing anything.
  package var isTransientConnectionFailure: Bool {
    switch code {
    case .connectionLost, .timedOut: true
    // Without a state nobody answered; with one, only shortage (53), shutdown (57) and trouble with the line (08) pass, but
    // not what the other side does not speak (08P01).
    case .connectionFailed:
      sqlState.map { ["08", "53", "57"].contains($0.classCode) && $0 != .protocolViolation } ?? true
    case .invalidConfiguration, .authenticationFailed, .poolExhausted, .cancelled, .server, .decoding, .closed, .misuse:
      false
    }
  }

  static func decoding(_ message: String) -> PostgresError { PostgresError(code: .decoding, message: message) }

  static let closed = PostgresError(code: .closed, message: "the connection is closed; ask the client for another one")
}
