package import Logging

/// The face of the module: statements on a bounded pool of connections.
///
/// Connections are made when needed; a broken one is discarded, and a new one made for the next caller. A statement is
/// never sent twice by itself, since it may have taken effect: only `withTransaction` repeats, and only conflicts.
package final class PostgresClient: StatementRunner {
  /// How often `run()` looks for idle connections.
  private static let upkeepInterval = Duration.seconds(5)

  package let configuration: PostgresConfiguration
  private let logger: Logger
  private let pool: ConnectionPool

  package init(_ configuration: PostgresConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
    pool = ConnectionPool(configuration, logger: logger)
  }

  /// Upkeep, until the task is cancelled; then closes. Statements work without it too, but idle connections stay.
  package func run() async {
    while !Task.isCancelled {
      do {
        try await Task.sleep(for: Self.upkeepInterval)
      } catch {
        break
      }
      await pool.closeIdle()
    }
    await close()
  }

  /// Refuses new callers and those that wait with `.closed`; connections in use are closed when they come back.
  package func close() async { await pool.close() }

  @discardableResult
  package func query<S: Statement>(_ statement: S) async throws -> [S.Row] {
    try await withConnection { try await $0.query(statement) }
  }

  @discardableResult
  package func execute<S: Statement>(_ statement: S) async throws -> Int {
    try await withConnection { try await $0.execute(statement) }
  }

  /// Lends a connection. Whoever changes the session (`SET`, temporary tables) leaves that to the next borrower; a
  /// transaction left open is not passed on, the connection is closed.
  @discardableResult
  package func withConnection<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (PostgresConnection) async throws -> T
  ) async throws -> T {
    let connection = try await pool.acquire()
    do {
      let value = try await body(connection)
      await pool.release(connection)
      return value
    } catch {
      await pool.release(connection)
      throw error
    }
  }

  /// As `PostgresConnection.withTransaction`, on a connection of the pool.
  @discardableResult
  package func withTransaction<T>(
    _ options: TransactionOptions = .default, isolation: isolated (any Actor)? = #isolation,
    _ body: (Transaction) async throws -> T
  ) async throws -> T {
    try await withConnection { connection in try await connection.withTransaction(options, body) }
  }

  /// All statements in one round trip, see `PostgresConnection.pipeline`.
  package func pipeline(_ statements: [AnyStatement]) async throws -> [PipelineResult] {
    try await withConnection { try await $0.pipeline(statements) }
  }

  /// Several transactions in one round trip, see `PostgresConnection.pipeline(transactions:)`.
  package func pipeline(transactions: [[AnyStatement]]) async throws -> [PipelineResult] {
    try await withConnection { try await $0.pipeline(transactions: transactions) }
  }

  /// Has its own connection outside of the pool, made when the iteration begins.
  package func listen(to channels: [String]) -> PostgresNotifications {
    PostgresNotifications(configuration: configuration, channels: channels, logger: logger)
  }
}
