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
    guard !statements.isEmpty else { return [] }
    return try await runPipeline(statements).map(PipelineResult.init)
  }

  private func runPipeline(_ statements: [AnyStatement]) async throws -> [QueryResult] {
    let timeouts = statements.map { $0.timeout ?? configuration.statementTimeout }
    let timeout = timeouts.contains(nil) ? nil : timeouts.compactMap { $0 }.max()
    return try await operate(named: "pipeline of \(statements.count)", timeout: timeout) { connection, handle in
      try await connection.exchange(statements, handle)
    }
  }

  private struct Step {
    let statement: AnyStatement
    /// The name under which this step prepares the statement; nil if it runs it.
    let preparesAs: String?
  }

  private func exchange(_ statements: [AnyStatement], _ handle: OpaquePointer) async throws -> [QueryResult] {
    guard PQenterPipelineMode(handle) == 1 else { throw lost(nil) }
    let steps = try send(statements, handle)
    var results: [QueryResult] = []
    var failure: PostgresError?
    for step in steps {
      do {
        guard let result = try await stepResult(step, handle) else { continue }
        if let name = step.preparesAs {
          prepared.insert(name, for: step.statement.sql)
        } else {
          results.append(result)
        }
      } catch let error as PostgresError {
        guard machine.withLock({ $0.isUsable }) else { throw error }
        if PreparedStatements.isStale(error) { prepared.remove(step.statement.sql) }
        if failure == nil { failure = error }
      }
    }
    // The sync point's own result, and with it the end of the pipeline.
    guard let sync = try await nextResult(handle, of: nil), sync.status == PGRES_PIPELINE_SYNC,
      PQexitPipelineMode(handle) == 1
    else { throw lost(nil) }
    if let failure { throw failure }
    guard results.count == statements.count else { throw lost(nil) }
    return results
  }

  private func send(_ statements: [AnyStatement], _ handle: OpaquePointer) throws -> [Step] {
    var steps: [Step] = []
    var new: [String: String] = [:]
    do {
      for statement in statements {
        if configuration.usesPreparedStatements {
          var name = prepared.name(of: statement.sql) ?? new[statement.sql]
          if name == nil {
            let chosen = prepared.newName(for: statement.name)
            try sendPrepare(handle, statement, as: chosen)
            steps.append(Step(statement: statement, preparesAs: chosen))
            new[statement.sql] = chosen
            name = chosen
          }
          try sendPrepared(handle, statement, as: name!)
        } else {
          try sendUnprepared(handle, statement)
        }
        steps.append(Step(statement: statement, preparesAs: nil))
      }
    } catch {
      // Half a pipeline cannot be taken back, and nothing of it has been flushed for certain.
      machine.withLock { $0.breakDown() }
      throw error
    }
    guard PQpipelineSync(handle) == 1 else { throw lost(nil) }
    return steps
  }

  /// nil when an earlier error made the server skip the step.
  private func stepResult(_ step: Step, _ handle: OpaquePointer) async throws -> QueryResult? {
    var last: QueryResult?
    var failure: PostgresError?
    while let result = try await nextResult(handle, of: step.statement.name) {
      if result.status == PGRES_PIPELINE_ABORTED { continue }
      do {
        try check(result, of: step.statement.name)
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
