import Synchronization

/// A transaction under way, lent to the closure of `withTransaction`; afterwards it refuses everything.
package struct Transaction: StatementRunner {
  private final class Scope: Sendable {
    struct State {
      var isOpen = true
      /// 40001 or 40P01 has ended the transaction, whatever error the body makes of it.
      var conflict: SQLState?
      var savepoints = 0
      var afterCommit: [@Sendable () -> Void] = []
      /// BEGIN, until it was sent: it goes with the first statement, in one round trip.
      var begin: AnyStatement?
    }

    let state = Mutex(State())
  }

  package let connection: PostgresConnection
  private let scope = Scope()

  fileprivate init(connection: PostgresConnection, begin: AnyStatement) {
    self.connection = connection
    scope.state.withLock { $0.begin = begin }
  }

  @discardableResult
  package func query<S: Statement>(_ statement: S) async throws -> [S.Row] {
    try await within {
      guard let begin = takeBegin() else { return try await connection.query(statement) }
      return try await connection.pipeline([begin, AnyStatement(statement)])[1].rows(of: S.self)
    }
  }

  @discardableResult
  package func execute<S: Statement>(_ statement: S) async throws -> Int {
    try await within {
      guard let begin = takeBegin() else { return try await connection.execute(statement) }
      return try await connection.pipeline([begin, AnyStatement(statement)])[1].affectedRows
    }
  }

  /// All statements in one round trip; throws the first error, after which the transaction can only be rolled back.
  package func pipeline(_ statements: [AnyStatement]) async throws -> [PipelineResult] {
    try await within {
      guard !statements.isEmpty, let begin = takeBegin() else { return try await connection.pipeline(statements) }
      return Array(try await connection.pipeline([begin] + statements).dropFirst())
    }
  }

  package func execute(_ utility: UtilityStatement) async throws {
    try await within {
      try await beginNow()
      try await connection.execute(utility)
    }
  }

  package func query(_ utility: UtilityStatement) async throws -> [PostgresRow] {
    try await within {
      try await beginNow()
      return try await connection.query(utility)
    }
  }

  /// What `body` did is undone when it throws; the error is passed on and the transaction goes on.
  @discardableResult
  package func savepoint<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Transaction) async throws -> T
  ) async throws -> T {
    let number = scope.state.withLock { state in
      state.savepoints += 1
      return state.savepoints
    }
    try await command("SAVEPOINT s\(number)", "savepoint")
    do {
      let value = try await body(self)
      try await command("RELEASE SAVEPOINT s\(number)", "release savepoint")
      return value
    } catch {
      try await connection.command("ROLLBACK TO SAVEPOINT s\(number); RELEASE SAVEPOINT s\(number)", "undo savepoint")
      scope.state.withLock { $0.conflict = nil }
      throw error
    }
  }

  /// Runs `action` once the transaction is durable; never when it is rolled back, and not when the answer to COMMIT was
  /// lost. `action` must be quick: it runs before `withTransaction` returns.
  package func afterCommit(_ action: @escaping @Sendable () -> Void) {
    scope.state.withLock { $0.afterCommit.append(action) }
  }

  private func command(_ sql: String, _ name: String) async throws {
    try await within {
      try await beginNow()
      _ = try await connection.runSimple(sql, named: name, timeout: connection.configuration.statementTimeout)
    }
  }

  private func takeBegin() -> AnyStatement? {
    scope.state.withLock { state in
      defer { state.begin = nil }
      return state.begin
    }
  }

  private func beginNow() async throws {
    if let begin = takeBegin() { _ = try await connection.pipeline([begin]) }
  }

  /// Something was sent, so there is something to commit.
  fileprivate var hasBegun: Bool { scope.state.withLock { $0.begin == nil } }

  private func within<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    guard scope.state.withLock({ $0.isOpen }) else {
      throw PostgresError(code: .closed, message: "the transaction has ended; do the work inside its closure")
    }
    do {
      return try await body()
    } catch let error as PostgresError {
      if let state = error.sqlState, state.isTransactionConflict { scope.state.withLock { $0.conflict = state } }
      throw error
    }
  }

  fileprivate func end() { scope.state.withLock { $0.isOpen = false } }

  fileprivate func wasCommitted() {
    let actions = scope.state.withLock { $0.afterCommit }
    for action in actions { action() }
  }

  fileprivate func isConflict(_ error: any Error) -> Bool {
    if let state = (error as? PostgresError)?.sqlState, state.isTransactionConflict { return true }
    return scope.state.withLock { $0.conflict != nil }
  }
}

extension PostgresConnection {
  /// Runs `body` between BEGIN and COMMIT; rolls back when it throws or its task is cancelled. After 40001 or 40P01 it
  /// runs again from the beginning, with jitter, at most `maximumAttempts` times in all: its effects outside of the
  /// transaction are repeated too. Committed when this returns; `.connectionLost` from COMMIT means: unknown.
  @discardableResult
  package func withTransaction<T>(
    _ options: TransactionOptions = .default, isolation: isolated (any Actor)? = #isolation,
    _ body: (Transaction) async throws -> T
  ) async throws -> T {
    var backoff = Backoff(first: .milliseconds(10), limit: .milliseconds(500))
    var attempt = 1
    while true {
      let transaction = Transaction(connection: self, begin: Self.begin(options))
      do {
        let value = try await body(transaction)
        transaction.end()
        if transaction.hasBegun { try await commit() }
        transaction.wasCommitted()
        return value
      } catch {
        transaction.end()
        await rollBackIfOpen()
        guard transaction.isConflict(error), attempt < options.maximumAttempts, !Task.isCancelled else { throw error }
        attempt += 1
        try await Task.sleep(for: backoff.next())
      }
    }
  }

  private static func begin(_ options: TransactionOptions) -> AnyStatement {
    AnyStatement(
      name: "BEGIN", sql: "BEGIN ISOLATION LEVEL \(options.isolation.rawValue) \(options.access.rawValue)")
  }

  nonisolated private func commit() async throws {
    if Task.isCancelled { throw PostgresError(code: .cancelled, message: "cancelled before COMMIT") }
    // Not cancelled half-way: the answer would be "unknown" for no gain.
    let results = try await runSimple(
      "COMMIT", named: "COMMIT", timeout: configuration.statementTimeout, cancellation: .ignored)
    // A transaction in which a statement failed commits as ROLLBACK, without an error.
    guard results.last?.commandTag == "COMMIT" else {
      throw PostgresError(
        code: .server, sqlState: .transactionAborted,
        message: "nothing was committed: a statement failed and its error was not passed on", statement: "COMMIT")
    }
  }

  nonisolated fileprivate func command(_ sql: String, _ name: String) async throws {
    try await runSimple(sql, named: name, timeout: Self.cancelPatience, cancellation: .ignored)
  }

  /// If even that fails, the connection is done for, and the server rolls back by itself.
  nonisolated private func rollBackIfOpen() async {
    guard machine.withLock({ $0.isUsable && $0.transaction != .none }) else { return }
    do {
      try await command("ROLLBACK", "ROLLBACK")
    } catch {
      machine.withLock { $0.breakDown() }
    }
  }
}
