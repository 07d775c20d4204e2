import Logging
import Postgres
import Targets

/// Takes everything from roles: what they own goes to the identity's role, or to the admin if that one is stripped too;
/// rights granted to them go. Visits every database in which the server knows of something.
///
/// Grants made by an owner that the admin is no member of cannot be taken back by it; they remain, and the outcome is
/// `.refused(.residue)`.
struct StripRoles {
  let identity: TargetIdentity
  let names: [String]
  let settings: PostgresTargetSettings
  let logger: Logger

  func run(_ client: PostgresClient, _ context: EffectContext) async throws {
    try await client.withConnection { home in
      let stripped = try await join(home, context)
      guard !stripped.isEmpty else { return }
      for database in try await home.query(ListDatabasesOfRoles(names: stripped)) {
        if database == settings.database {
          try await strip(stripped, on: home, context)
        } else {
          try await visit(database, stripped, context)
        }
      }
      try await leave(home, stripped, context)
    }
  }

  /// Both statements below need membership. It is committed first, so that other databases see it.
  private func join(_ home: PostgresConnection, _ context: EffectContext) async throws -> [String] {
    try await FencedTransaction.run(on: home, identity: identity, context: context) { fenced in
      let existing = fenced.existing(names)
      for role in try await fenced.transaction.query(ListRolesToJoin(names: existing)) {
        try await fenced.execute("GRANT \(identifier: role) TO CURRENT_USER")
      }
      try await fenced.writeFence()
      return existing
    }
  }

  private func visit(_ database: String, _ stripped: [String], _ context: EffectContext) async throws {
    var configuration = settings.adminConfiguration(database: database)
    configuration.connectTimeout = try context.deadline.remaining()
    let connection = try await PostgresConnection.connect(configuration, logger: logger)
    do {
      try await strip(stripped, on: connection, context)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  // The advisory lock holds in one database only; the fence is in a shared catalog and so seen from all of them.
  private func strip(_ stripped: [String], on connection: PostgresConnection, _ context: EffectContext) async throws {
    try await FencedTransaction.run(on: connection, identity: identity, context: context) { fenced in
      for name in fenced.existing(stripped) {
        if stripped.contains(identity.name) {
          try await fenced.execute("REASSIGN OWNED BY \(identifier: name) TO CURRENT_USER")
        } else {
          try await fenced.execute("REASSIGN OWNED BY \(identifier: name) TO \(identifier: identity.name)")
        }
        try await fenced.execute("DROP OWNED BY \(identifier: name)")
      }
    }
  }

  private func leave(_ home: PostgresConnection, _ stripped: [String], _ context: EffectContext) async throws {
    try await FencedTransaction.run(on: home, identity: identity, context: context) { fenced in
      let existing = fenced.existing(stripped)
      if let held = try await fenced.transaction.queryFirst(CountDependencies(names: existing)), held > 0 {
        throw EffectRefusal(.residue, .dependentObjectsStillExist)
      }
      for role in try await fenced.transaction.query(ListRolesToLeave(names: existing)) {
        try await fenced.execute("REVOKE \(identifier: role) FROM CURRENT_USER")
      }
    }
  }
}
