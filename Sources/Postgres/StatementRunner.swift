/// Runs statements: the client (each on a connection of the pool, committed at once), a connection, a transaction.
package protocol StatementRunner: Sendable {
  @discardableResult
  func query<S: Statement>(_ statement: S) async throws -> [S.Row]
  /// The number of rows affected.
  @discardableResult
  func execute<S: Statement>(_ statement: S) async throws -> Int
}

extension StatementRunner {
  /// Further rows are ignored; write `LIMIT 1` when there may be many.
  package func queryFirst<S: Statement>(_ statement: S) async throws -> S.Row? {
    try await query(statement).first
  }
}
