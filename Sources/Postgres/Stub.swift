package import Logging

package struct PipelineResult: Sendable {
  package var affectedRows: Int { 0 }
  package func rows<S: Statement>(of: S.Type) throws -> [S.Row] { throw PostgresError.closed }
}

package final class PostgresClient: StatementRunner {
  package init(_ configuration: PostgresConfiguration, logger: Logger) {}
  package func run() async {}
  package func close() async {}
  package func query<S: Statement>(_ statement: S) async throws -> [S.Row] { throw PostgresError.closed }
  package func execute<S: Statement>(_ statement: S) async throws -> Int { throw PostgresError.closed }
  package func withConnection<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (PostgresConnection) async throws -> T
  ) async throws -> T { throw PostgresError.closed }
  package func withTransaction<T>(
    _ options: TransactionOptions = .default, isolation: isolated (any Actor)? = #isolation,
    _ body: (Transaction) async throws -> T
  ) async throws -> T { throw PostgresError.closed }
  package func listen(to channels: [String]) -> PostgresNotifications { PostgresNotifications() }
}

package struct PostgresNotifications: AsyncSequence, Sendable {
  package enum Element: Hashable, Sendable {
    case notification(channel: String, payload: String)
    case mayHaveMissed
  }
  package typealias Failure = Never
  package struct AsyncIterator: AsyncIteratorProtocol {
    package mutating func next(isolation actor: isolated (any Actor)?) async -> Element? { nil }
    package mutating func next() async -> Element? { await next(isolation: nil) }
  }
  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}

package actor PostgresConnection: StatementRunner {
  nonisolated package let serverVersion = 0
  nonisolated package let backendProcessID: Int32 = 0
  package static func connect(_ configuration: PostgresConfiguration, logger: Logger) async throws
    -> PostgresConnection
  { throw PostgresError.closed }
  package func close() async {}
  nonisolated package func query<S: Statement>(_ statement: S) async throws -> [S.Row] { throw PostgresError.closed }
  nonisolated package func execute<S: Statement>(_ statement: S) async throws -> Int { throw PostgresError.closed }
  package func withTransaction<T>(
    _ options: TransactionOptions = .default, isolation: isolated (any Actor)? = #isolation,
    _ body: (Transaction) async throws -> T
  ) async throws -> T { throw PostgresError.closed }
  nonisolated package func pipeline(_ statements: [AnyStatement]) async throws -> [PipelineResult] { [] }
  nonisolated package func executeScript(_ sql: String) async throws {}
  nonisolated package func execute(_ utility: UtilityStatement) async throws {}
  nonisolated package func query(_ utility: UtilityStatement) async throws -> [PostgresRow] { [] }
  nonisolated package func scramVerifier(user: String, password: UnsafeRawBufferPointer) async throws -> String { "" }
}

package struct Transaction: StatementRunner {
  package func query<S: Statement>(_ statement: S) async throws -> [S.Row] { throw PostgresError.closed }
  package func execute<S: Statement>(_ statement: S) async throws -> Int { throw PostgresError.closed }
  package func pipeline(_ statements: [AnyStatement]) async throws -> [PipelineResult] { [] }
  package func savepoint<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Transaction) async throws -> T
  ) async throws -> T { throw PostgresError.closed }
  package func execute(_ utility: UtilityStatement) async throws {}
  package func query(_ utility: UtilityStatement) async throws -> [PostgresRow] { [] }
}
