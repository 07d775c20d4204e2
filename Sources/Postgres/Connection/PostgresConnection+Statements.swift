import CLibPQ

extension PostgresConnection: StatementRunner {
  @discardableResult
  nonisolated package func query<S: Statement>(_ statement: S) async throws -> [S.Row] {
    try S.rows(in: try await run(AnyStatement(statement)))
  }

  @discardableResult
  nonisolated package func execute<S: Statement>(_ statement: S) async throws -> Int {
    try await run(AnyStatement(statement)).affectedRows
  }

  /// Rows are decoded by the caller, off the loop.
  func run(_ statement: AnyStatement) async throws -> QueryResult {
    try await operate(named: statement.name, timeout: statement.timeout ?? configuration.statementTimeout) {
      connection, handle in
      guard connection.configuration.usesPreparedStatements else {
        try connection.sendUnprepared(handle, statement)
        return try await connection.lastResult(handle, statement)
      }
      do {
        return try await connection.runPrepared(statement, handle)
      } catch let error as PostgresError where PreparedStatements.isStale(error) {
        connection.prepared.remove(statement.sql)
        // In a transaction the error has ended it; outside, nothing ran yet.
        guard PQtransactionStatus(handle) == PQTRANS_IDLE else { throw error }
        try connection.checkInterruption(statement.name)
        return try await connection.runPrepared(statement, handle)
      }
    }
  }

  private func runPrepared(_ statement: AnyStatement, _ handle: OpaquePointer) async throws -> QueryResult {
    let name = try await prepare(statement, handle)
    try sendPrepared(handle, statement, as: name)
    return try await lastResult(handle, statement)
  }

  private func prepare(_ statement: AnyStatement, _ handle: OpaquePointer) async throws -> String {
    if let name = prepared.name(of: statement.sql) { return name }
    let name = prepared.newName(for: statement.name)
    try sendPrepare(handle, statement, as: name)
    _ = try await results(handle, of: statement.name)
    prepared.insert(name, for: statement.sql)
    try checkInterruption(statement.name)
    return name
  }

  private func lastResult(_ handle: OpaquePointer, _ statement: AnyStatement) async throws -> QueryResult {
    guard let result = try await results(handle, of: statement.name).last else { throw lost(statement.name) }
    return result
  }

  // MARK: Scripts and utility statements

  /// Many statements in one text, in the simple protocol: one transaction, unless the text has its own. No timeout.
  /// Not for text from outside.
  nonisolated package func executeScript(_ sql: String) async throws {
    _ = try await runSimple(sql, named: "script", timeout: nil)
  }

  nonisolated package func execute(_ utility: UtilityStatement) async throws {
    _ = try await run(utility)
  }

  nonisolated package func query(_ utility: UtilityStatement) async throws -> [PostgresRow] {
    try await run(utility).rows
  }

  /// In the extended protocol, for rows in binary format; so exactly one statement.
  func run(_ utility: UtilityStatement, timeout: Duration? = nil) async throws -> QueryResult {
    let name = utility.description
    guard utility.isValid else {
      throw PostgresError(code: .misuse, message: "a name or value contains a NUL character", statement: name)
    }
    return try await operate(named: name, timeout: timeout ?? configuration.statementTimeout) { connection, handle in
      guard PQsendQueryParams(handle, utility.sql, 0, nil, nil, nil, nil, 1) == 1 else { throw connection.lost(name) }
      guard let result = try await connection.results(handle, of: name).last else { throw connection.lost(name) }
      return result
    }
  }

  @discardableResult
  func runSimple(
    _ sql: String, named name: String, timeout: Duration?, cancellation: Cancellation = .allowed
  ) async throws -> [QueryResult] {
    try await operate(named: name, timeout: timeout, cancellation: cancellation) { connection, handle in
      guard PQsendQuery(handle, sql) == 1 else { throw connection.lost(name) }
      return try await connection.results(handle, of: name)
    }
  }

  /// A round trip; throws if the server does not answer in time.
  func ping(timeout: Duration) async throws {
    try await runSimple("", named: "ping", timeout: timeout, cancellation: .ignored)
  }

  /// What the server would store for the password, which so never travels: `SCRAM-SHA-256$4096:…`, made here.
  package func scramVerifier(user: String, password: PostgresPassword) async throws -> String {
    try await operate(named: "scramVerifier", timeout: nil) { _, handle in
      // Lent to the helper thread, because it computes for milliseconds; nobody else has a turn meanwhile.
      let lent = ConnectionHandle(pointer: handle)
      let verifier = await withUnsafeContinuation { (continuation: UnsafeContinuation<String?, Never>) in
        BlockingThreads.shared.execute { continuation.resume(returning: lent.scramVerifier(user, password)) }
      }
      guard let verifier else {
        throw PostgresError(code: .misuse, message: "the password could not be hashed", statement: "scramVerifier")
      }
      return verifier
    }
  }

  /// How many iterations the server asks of new SCRAM verifiers; up to 15, which cannot be asked, 4096.
  package var scramIterations: Int {
    guard let handle, let text = PQparameterStatus(handle.pointer, "scram_iterations") else { return 4096 }
    return Int(String(cString: text)) ?? 4096
  }

  /// As above; `password` must stay valid until the call returns, so the other form is the easier one.
  nonisolated package func scramVerifier(user: String, password: UnsafeRawBufferPointer) async throws -> String {
    guard let password = PostgresPassword(copying: password) else {
      throw PostgresError(code: .misuse, message: "the password contains a NUL byte", statement: "scramVerifier")
    }
    return try await scramVerifier(user: user, password: password)
  }
}

extension ConnectionHandle {
  fileprivate func scramVerifier(_ user: String, _ password: PostgresPassword) -> String? {
    guard let verifier = password.withCString({ PQencryptPasswordConn(pointer, $0, user, "scram-sha-256") }) else {
      return nil
    }
    defer { PQfreemem(verifier) }
    return String(cString: verifier)
  }
}
