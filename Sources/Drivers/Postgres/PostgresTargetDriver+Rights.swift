import Logging
import Postgres
package import Targets

extension PostgresTargetDriver {
  /// What was given to the identity and its logins by name, in every database in which the server knows of something, and
  /// what it reaches beyond access lists. Throws when a database that has to be looked at cannot be.
  package func readPrivileges(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> PrivilegeSet {
    try await readHeld(of: identity, deadline).rights
  }

  /// As above, with who gave each right, where the server keeps that.
  func readHeld(
    of identity: TargetIdentity, _ deadline: ContinuousClock.Instant
  ) async throws -> (rights: PrivilegeSet, givers: [String: [String]]) {
    let (rights, places) = try await read(until: deadline) { transaction in
      let found = try await transaction.pipeline([
        AnyStatement(ReadReach(names: identity.names)), AnyStatement(ListDatabasesOfRoles(names: identity.names)),
      ])
      return (
        RoleRights(names: identity.names, reach: try found[0].rows(of: ReadReach.self)),
        try found[1].rows(of: ListDatabasesOfRoles.self)
      )
    }
    let entries = places.isEmpty ? [] : try await access(of: identity.names, in: places, deadline)
    return (
      PrivilegeSet(rights.held + RoleRights.held(entries)),
      rights.givers.merging(RoleRights.givers(entries)) { first, _ in first }
    )
  }

  /// As above, and what comes through groups, from PUBLIC and from ownership. Visits every database.
  package func readEffectiveRights(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> EffectiveRights {
    let rights = try await read(until: deadline) { transaction in
      RoleRights(names: identity.names, reach: try await transaction.query(ReadReach(names: identity.names)))
    }
    let groups = rights.groups
    var (own, ofGroups): ([AccessEntry], [AccessEntry]) = ([], [])
    var fromPublic: [String] = []
    for database in try await read(until: deadline, { try await $0.query(ListDatabases()) }) {
      let isHome = database == settings.database
      try await visit(database, until: deadline) { transaction in
        own += try await transaction.query(ReadAccess(names: identity.names, withShared: isHome))
        if !groups.isEmpty {
          ofGroups += try await transaction.query(ReadAccess(names: groups, withShared: isHome))
        }
        fromPublic += try await transaction.query(ReadPublicAccess())
      }
    }
    return EffectiveRights(
      held: PrivilegeSet(rights.held + RoleRights.held(own)),
      inherited: Dictionary(grouping: ofGroups, by: \.role).mapValues { PrivilegeSet($0.map(\.right)) },
      fromPublic: PrivilegeSet(fromPublic), owned: PrivilegeSet(own.filter { $0.privilege == nil }.map(\.right)),
      givers: rights.givers.merging(RoleRights.givers(own)) { first, _ in first })
  }

  /// One entry per privilege, in these databases; nil is the shared catalogs.
  func access(
    of names: [String], in places: [String?], _ deadline: ContinuousClock.Instant
  ) async throws -> [AccessEntry] {
    var entries: [AccessEntry] = []
    var databases = places.compactMap { $0 }
    if places.contains(nil), !databases.contains(settings.database) { databases.append(settings.database) }
    for database in databases {
      let read = ReadAccess(names: names, withShared: database == settings.database && places.contains(nil))
      try await visit(database, until: deadline) { entries += try await $0.query(read) }
    }
    return entries
  }

  /// A read-only transaction in a database: the pool's for our own, a connection of its own for any other.
  func visit(
    _ database: String, until deadline: ContinuousClock.Instant, _ body: (Transaction) async throws -> Void
  ) async throws {
    do {
      if database == settings.database {
        try await client.withTransaction(.readOnly) { transaction in
          try await transaction.limit(until: deadline)
          try await body(transaction)
        }
      } else {
        try await settings.withConnection(to: database, until: deadline, logger: logger) { connection in
          try await connection.withTransaction(.readOnly) { transaction in
            try await transaction.limit(until: deadline)
            try await body(transaction)
          }
        }
      }
    } catch {
      throw PostgresTargetErrors.targetError(error, in: database)
    }
  }
}

extension PostgresTargetSettings {
  /// As the admin, in any database, on a connection of its own.
  func withConnection<Result>(
    to database: String, until deadline: ContinuousClock.Instant, logger: Logger,
    _ body: (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    var configuration = adminConfiguration(database: database)
    configuration.connectTimeout = try deadline.remaining()
    let connection = try await PostgresConnection.connect(configuration, logger: logger)
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }
}
