import Logging
import Postgres
import Targets

/// Takes everything from roles: what they own goes to the identity's role, or to the admin if that one is stripped too;
/// rights granted to them go. Visits every database in which the server knows of something.
///
/// Refused as residue, with the first thing that is left and who gave it, when a grant stays: its grantor is a role that the
/// admin is no member of, and a REVOKE by anybody else says that it worked and does nothing. Refused before anything is taken
/// while a prepared transaction of the roles exists: its locks would be waited for in vain.
struct StripRoles {
  let identity: TargetIdentity
  let names: [String]
  let driver: PostgresTargetDriver

  private var settings: PostgresTargetSettings { driver.settings }

  func run(_ context: EffectContext) async throws {
    do {
      try await strip(context)
    } catch let refusal as EffectRefusal where refusal.reason == .insufficientRights {
      // DROP OWNED stops at a grant that somebody else made when the admin may do nothing at all with its object.
      let left = try await driver.dependencies(on: names, context.deadline)
      guard let other = left.first(where: { $0.privilege != nil && $0.grantor != settings.user }) else { throw refusal }
      throw EffectRefusal(.residue, refusal.state, other.residue)
    }
  }

  private func strip(_ context: EffectContext) async throws {
    let stripped = try await driver.client.withConnection { home in
      let stripped = try await join(home, context)
      guard !stripped.isEmpty else { return stripped }
      for database in try await databases(of: stripped, home) {
        if database == settings.database {
          try await strip(stripped, on: home, context)
        } else {
          try await settings.withConnection(to: database, until: context.deadline, logger: driver.logger) {
            connection in
            try await strip(stripped, on: connection, context)
          }
        }
      }
      try await leave(home, stripped, context)
      return stripped
    }
    if let left = try await driver.dependencies(on: stripped, context.deadline).first {
      throw EffectRefusal(.residue, .dependentObjectsStillExist, left.residue)
    }
  }

  /// Both statements below need membership. It is committed first, so that other databases see it.
  private func join(_ home: PostgresConnection, _ context: EffectContext) async throws -> [String] {
    try await FencedTransaction.run(on: home, identity: identity, context: context) { fenced in
      let existing = fenced.existing(names)
      if let survivor = try await fenced.transaction.query(ListSurvivors(names: existing)).first {
        throw EffectRefusal(.residue, .objectInUse, survivor)
      }
      for role in try await fenced.transaction.query(ListRolesToJoin(names: existing)) {
        try await fenced.execute("GRANT \(identifier: role) TO CURRENT_USER")
      }
      try await fenced.writeFence()
      return existing
    }
  }

  /// Shared objects are dealt with from our own.
  private func databases(of stripped: [String], _ home: PostgresConnection) async throws -> [String] {
    let places = try await home.query(ListDatabasesOfRoles(names: stripped))
    return Array(Set(places.map { $0 ?? settings.database })).sorted()
  }

  // The advisory lock holds in one database only; the fence is in a shared catalog and so seen from all of them.
  private func strip(_ stripped: [String], on connection: PostgresConnection, _ context: EffectContext) async throws {
    do {
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
    } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
      // The text names an object, and the remedy is to give the admin a right on it: a schema, for one, goes only to
      // somebody who may create one in its database.
      throw EffectRefusal(.insufficientRights, .insufficientPrivilege, error.message)
    }
  }

  private func leave(_ home: PostgresConnection, _ stripped: [String], _ context: EffectContext) async throws {
    try await FencedTransaction.run(on: home, identity: identity, context: context) { fenced in
      for role in try await fenced.transaction.query(ListRolesToLeave(names: fenced.existing(stripped))) {
        try await fenced.execute("REVOKE \(identifier: role) FROM CURRENT_USER")
      }
    }
  }
}
