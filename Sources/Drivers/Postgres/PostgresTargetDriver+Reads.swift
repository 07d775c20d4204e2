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

  /// Of the identity's own role. When roles of the identity carry different marks, all of them, so that none passes for ours.
  package func readMark(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> TargetMark? {
    let roles = try await read(until: deadline) {
      try await $0.query(ReadIdentityRoles(names: identity.names, owner: identity.name))
    }
    return TargetMark(of: identity, roles)
  }

  package func countSessions(of logins: [String], deadline: ContinuousClock.Instant) async throws -> Int {
    try await ask(CountSessions(logins: logins), until: deadline).first ?? 0
  }

  /// Over pg_roles, pg_auth_members, pg_db_role_setting, prepared transactions, replication slots, and, through pg_shdepend
  /// in every database that it names, ownership, access lists, default privileges, policies and user mappings. Rights are
  /// listed with who gave them.
  package func listResidue(of names: [String], deadline: ContinuousClock.Instant) async throws -> [String] {
    let shared = try await ask(ListResidue(names: names), until: deadline)
    // Without a role nothing can depend on one.
    guard shared.contains(where: { $0.hasPrefix("role:") }) else { return shared }
    return (shared + (try await dependencies(on: names, deadline)).map(\.residue)).sorted()
  }

  /// What keeps roles from being dropped.
  func dependencies(on names: [String], _ deadline: ContinuousClock.Instant) async throws -> [AccessEntry] {
    let places = try await read(until: deadline) { try await $0.query(ListDatabasesOfRoles(names: names)) }
    return places.isEmpty ? [] : try await access(of: names, in: places, deadline)
  }

  /// One question in one round trip.
  func ask<S: Statement>(_ statement: S, until deadline: ContinuousClock.Instant) async throws -> [S.Row] {
    do {
      return try await withDeadline(deadline) {
        try await client.pipeline([
          AnyStatement(LimitTransaction(limit: try deadline.remaining())), AnyStatement(statement),
        ])[1].rows(of: S.self)
      }
    } catch {
      throw PostgresTargetErrors.targetError(error)
    }
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

extension TargetMark {
  /// Nil: the identity's own role is not among `roles`.
  init?(of identity: TargetIdentity, _ roles: [RoleState]) {
    guard let own = roles.first(where: { $0.name == identity.name }) else { return nil }
    let marks = Set(roles.filter { identity.names.contains($0.name) }.map { $0.mark?.mark })
    self.init(
      mark: marks.count == 1 ? own.mark?.mark : marks.map { $0 ?? "none of ours" }.sorted().joined(separator: ", "),
      fence: own.mark?.fence)
  }
}
