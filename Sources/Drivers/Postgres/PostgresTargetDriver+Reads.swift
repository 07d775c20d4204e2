import Postgres
package import Secrets
package import Targets

extension PostgresTargetDriver {
  package func authenticate(
    login: String, secret: SecretBytes, deadline: ContinuousClock.Instant
  ) async -> ProbeResult {
    guard PostgresTargetSettings.isName(login) else { return .cannotTell(cause: "not a name of a role") }
    guard let remaining = try? deadline.remaining() else { return .cannotTell(cause: "the deadline passed") }
    guard let configuration = settings.loginConfiguration(user: login, secret: secret, timeout: remaining) else {
      return .cannotTell(cause: "the secret contains a NUL byte")
    }
    do {
      let connection = try await PostgresConnection.connect(configuration, logger: logger)
      do {
        let answer = try await connection.queryFirst(WhoAmI())
        await connection.close()
        guard let answer else { return .cannotTell(cause: "the target gave no answer") }
        return .accepted(identity: answer.current, sessionUser: answer.session)
      } catch {
        await connection.close()
        throw error
      }
    } catch {
      return PostgresTargetErrors.probe(error)
    }
  }

  /// Direct memberships (a login's own in the identity's role aside), attributes, and entries of access lists in every
  /// database; objects of other databases than this target's have numbers for names. What a member role may do in turn
  /// is not expanded.
  package func readPrivileges(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> PrivilegeSet {
    try await read(until: deadline) { transaction in
      let attributes = try await transaction.query(ReadAttributes(names: identity.names))
      let memberships = try await transaction.query(ReadForeignMemberships(names: identity.names))
      let grants = try await transaction.query(ReadGrants(names: identity.names))
      return PrivilegeSet(attributes + memberships + grants)
    }
  }

  package func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int {
    try await read(until: deadline) { try await $0.queryFirst(CountSessions(logins: logins)) ?? 0 }
  }

  package func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String] {
    try await read(until: deadline) { try await $0.query(ListResidue(names: names)) }
  }

  func read<Result: Sendable>(
    until deadline: ContinuousClock.Instant, _ body: @escaping @Sendable (Transaction) async throws -> Result
  ) async throws -> Result {
    do {
      return try await withDeadline(deadline) {
        try await client.withTransaction(.readOnly) { transaction in
          try await transaction.limit(until: deadline)
          return try await body(transaction)
        }
      }
    } catch {
      throw PostgresTargetErrors.targetError(error)
    }
  }
}
