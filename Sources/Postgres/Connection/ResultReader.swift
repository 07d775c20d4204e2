import CLibPQ

// Sending and receiving within an operation; suspends on the loop, never blocks.
extension PostgresConnection {
  /// The next result, or nil at the end of the statement's results. Flushes what is not sent yet, and reads meanwhile:
  /// otherwise both sides could wait for the other to read.
  func nextResult(_ connection: OpaquePointer, of name: String?) async throws -> QueryResult? {
    while true {
      let unsent = PQflush(connection)
      guard unsent >= 0 else { throw lost(name) }
      if unsent == 0 { break }
      try await wait(.readableOrWritable, name)
      guard PQconsumeInput(connection) == 1 else { throw lost(name) }
    }
    while PQisBusy(connection) != 0 {
      try await wait(.readable, name)
      guard PQconsumeInput(connection) == 1 else { throw lost(name) }
    }
    return PQgetResult(connection).map(QueryResult.init(owning:))
  }

  /// All results of what was sent, to the end, also after an error, of which the first is thrown.
  func results(_ connection: OpaquePointer, of name: String?) async throws -> [QueryResult] {
    var results: [QueryResult] = []
    var failure: PostgresError?
    while let result = try await nextResult(connection, of: name) {
      do {
        try check(result, of: name)
        results.append(result)
      } catch {
        // A broken connection has no end of results; in the copy protocol libpq would repeat the same one for ever.
        guard machine.withLock({ $0.isUsable }) else { throw error }
        if failure == nil { failure = error }
      }
    }
    if let failure { throw failure }
    return results
  }

  func check(_ result: QueryResult, of name: String?) throws(PostgresError) {
    switch result.status {
    case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_PIPELINE_SYNC: return
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      // The only way out of the copy protocol is through it.
      machine.withLock { $0.breakDown() }
      throw PostgresError(code: .misuse, message: "COPY is not supported; use arrays as parameters", statement: name)
    default:
      let error = ServerReport(result).error(in: name)
      if error.code == .connectionLost { machine.withLock { $0.breakDown() } }
      throw error
    }
  }

  /// Between the steps of one operation: what was asked to stop must not send the next step.
  func checkInterruption(_ name: String?) throws(PostgresError) {
    if machine.withLock({ $0.interruption }) != nil {
      throw PostgresError(code: .cancelled, message: "interrupted between two steps", statement: name)
    }
  }

  func lost(_ name: String?) -> PostgresError {
    machine.withLock { $0.breakDown() }
    return .connectionLost(name)
  }

  func wait(_ interest: ConnectionLoop.Interest, _ name: String?) async throws {
    guard machine.withLock({ $0.isUsable }) else { throw PostgresError.connectionLost(name) }
    await loop.wait(for: socket, interest)
    guard machine.withLock({ $0.isUsable }) else { throw PostgresError.connectionLost(name) }
  }
}
