extension PostgresConnection {
  /// Many utility statements in one round trip, in order, in the simple protocol: they share the transaction that is open,
  /// or make one of their own. Throws the first error; those after it did not run.
  nonisolated package func execute(_ utilities: [UtilityStatement]) async throws {
    guard !utilities.isEmpty else { return }
    guard utilities.allSatisfy(\.isValid) else {
      throw PostgresError(
        code: .misuse, message: "a name or value contains a NUL character", statement: "utility statements")
    }
    _ = try await runSimple(
      utilities.map(\.sql).joined(separator: ";\n"), named: "\(utilities.count) utility statements",
      timeout: configuration.statementTimeout)
  }
}
