import CLibPQ

/// What one statement of a pipeline did.
package struct PipelineResult: Sendable {
  let result: QueryResult

  package var affectedRows: Int { result.affectedRows }

  /// Decodes on every call.
  package func rows<S: Statement>(of: S.Type) throws -> [S.Row] { try S.rows(in: result) }
}

extension PostgresConnection {
  /// All statements in one round trip, in order. Outside of a transaction they commit together or not at all. Throws the
  /// first error, with its statement's name; those after it did not run. The timeout is the longest of theirs.
  nonisolated package func pipeline(_ statements: [AnyStatement]) async throws -> [PipelineResult] {
    try await pipeline(transactions: [statements])
  }

  /// Several transactions in one round trip, in order, none of them begun by the caller: each commits by itself, and one that
  /// fails does not keep the next from running. Results in order of the statements; throws the first error.
  nonisolated package func pipeline(transactions: [[AnyStatement]]) async throws -> [PipelineResult] {
    let transactions = transactions.filter { !$0.isEmpty }
    guard !transactions.isEmpty else { return [] }
    return try await runPipeline(transactions).map(PipelineResult.init)
  }

  private func runPipeline(_ transactions: [[AnyStatement]]) async throws -> [QueryResult] {
    let timeouts = transactions.joined().map { $0.timeout ?? configuration.statementTimeout }
    let timeout = timeouts.contains(nil) ? nil : timeouts.compactMap { $0 }.max()
    return try await operate(named: "pipeline of \(timeouts.count)", timeout: timeout) { connection, handle in
      try await connection.exchange(transactions, handle)
    }
  }

  private enum Step {
    case prepare(AnyStatement, as: String)
    case run(AnyStatement)
    /// The end of a transaction.
    case sync
  }

  private func exchange(_ transactions: [[AnyStatement]], _ handle: OpaquePointer) async throws -> [QueryResult] {
    guard PQenterPipelineMode(handle) == 1 else { throw lost(nil) }
    let steps = try send(transactions, handle)
    var results: [QueryResult] = []
    var failure: PostgresError?
    for step in steps {
      switch step {
      case .prepare(let statement, let name):
        do {
          guard try await stepResult(statement, handle) != nil else { continue }
          prepared.insert(name, for: statement.sql)
        } catch let error as PostgresError {
          try survived(error, of: statement)
          failure = failure ?? error
        }
      case .run(let statement):
        do {
          guard let result = try await stepResult(statement, handle) else { continue }
          results.append(result)
        } catch let error as PostgresError {
          try survived(error, of: statement)
          failure = failure ?? error
        }
      case .sync:
        guard let sync = try await nextResult(handle, of: nil), sync.status == PGRES_PIPELINE_SYNC else {
          throw lost(nil)
        }
      }
    }
    guard PQexitPipelineMode(handle) == 1 else { throw lost(nil) }
    if let failure { throw failure }
    guard results.count == transactions.reduce(0, { $0 + $1.count }) else { throw lost(nil) }
    return results
  }

  /// Throws the error on when it ended the connection.
  private func survived(_ error: PostgresError, of statement: AnyStatement) throws {
    guard machine.withLock({ $0.isUsable }) else { throw error }
    if PreparedStatements.isStale(error) { prepared.remove(statement.sql) }
  }

  private func send(_ transactions: [[AnyStatement]], _ handle: OpaquePointer) throws -> [Step] {
    var steps: [Step] = []
    for statements in transactions {
      try send(statements, handle, &steps)
      guard PQpipelineSync(handle) == 1 else { throw lost(nil) }
      steps.append(.sync)
    }
    return steps
  }

  private func send(_ statements: [AnyStatement], _ handle: OpaquePointer, _ steps: inout [Step]) throws {
    // A name made in an earlier transaction of this pipeline may not have been stored: the same text is prepared again.
    var new: [String: String] = [:]
    do {
      for statement in statements {
        if configuration.usesPreparedStatements {
          var name = prepared.name(of: statement.sql) ?? new[statement.sql]
          if name == nil {
            let chosen = prepared.newName(for: statement.name)
            try sendPrepare(handle, statement, as: chosen)
            steps.append(.prepare(statement, as: chosen))
            new[statement.sql] = chosen
            name = chosen
          }
          try sendPrepared(handle, statement, as: name!)
        } else {
          try sendUnprepared(handle, statement)
        }
        steps.append(.run(statement))
      }
    } catch {
      // Half a pipeline cannot be taken back, and nothing of it has been flushed for certain.
      machine.withLock { $0.breakDown() }
      throw error
    }
  }

  /// nil when an earlier error made the server skip the step.
  private func stepResult(_ statement: AnyStatement, _ handle: OpaquePointer) async throws -> QueryResult? {
    var last: QueryResult?
    var failure: PostgresError?
    while let result = try await nextResult(handle, of: statement.name) {
      if result.status == PGRES_PIPELINE_ABORTED { continue }
      do {
        try check(result, of: statement.name)
        last = result
      } catch {
        guard machine.withLock({ $0.isUsable }) else { throw error }
        if failure == nil { failure = error }
      }
    }
    if let failure { throw failure }
    return last
  }
}
