import Logging
import Postgres
import Secrets
package import Targets

/// Credentials as login roles of a PostgreSQL server, 15 or later, changed by an admin with CREATEROLE that is no
/// superuser.
///
/// Alternating: the identity is a role without login that owns everything; its logins are members of it and act as it
/// from their first statement, so that a login can be dropped without residue. The target keeps the fence in the comment
/// of the identity's role. It never sees a secret but at the login itself: verifiers are computed on our side.
package struct PostgresTargetDriver: TargetDriver {
  package let traits: TargetTraits

  let settings: PostgresTargetSettings
  let client: PostgresClient
  let logger: Logger

  init(settings: PostgresTargetSettings, logger: Logger) {
    self.settings = settings
    self.logger = logger
    traits = TargetTraits(secretClass: .overwrite, fencesOnTarget: true, lockout: settings.lockout)
    client = PostgresClient(settings.adminConfiguration(), logger: logger)
  }

  package func apply(_ change: TargetChange, context: EffectContext) async throws -> EffectOutcome {
    do {
      try Self.checkNames(of: change)
      try await withDeadline(context.deadline) { try await perform(change, context) }
      return .done
    } catch {
      let outcome = PostgresTargetErrors.outcome(of: error)
      logger.debug(
        "effect was not confirmed",
        metadata: ["target.verb": "\(change.verb.rawValue)", "target.outcome": "\(outcome)"])
      return outcome
    }
  }

  package func close() async {
    await client.close()
  }

  private func perform(_ change: TargetChange, _ context: EffectContext) async throws {
    switch change {
    case .setSecret(let identity, let login, let secret, let rights, let mayCreate):
      let creation: SetSecret.Creation = mayCreate ? .allowed : .refused
      try await SetSecret(identity: identity, login: login, secret: secret, rights: rights, creation: creation)
        .run(client, context)
    case .grant(let identity, let rights):
      let groups = try ApprovedRights(rights).groups
      try await fenced(identity, context) { fenced in
        guard fenced.roles[identity.name] != nil else { throw EffectRefusal(.nameConflict, .undefinedObject) }
        try await fenced.grant(groups)
        try await fenced.writeFence()
      }
    case .revoke(let identity, let rights):
      try await RevokeRights(identity: identity, rights: rights, driver: self).run(context)
    case .key: throw EffectRefusal(.other, .featureNotSupported)
    case .blockLogins(let logins, let identity):
      try await fenced(identity, context, expecting: .takesAway) { fenced in
        for login in try fenced.affected(logins) {
          try await fenced.execute("ALTER ROLE \(identifier: login) NOLOGIN")
        }
        try await fenced.writeFence()
      }
    case .endSessions(let logins, let identity):
      try await EndSessions(identity: identity, logins: logins).run(client, context)
    case .strip(let names, let identity):
      try await StripRoles(identity: identity, names: names, driver: self).run(context)
    case .drop(let names, let identity):
      try await DropRoles(identity: identity, names: names).run(client, context)
    }
  }

  private func fenced(
    _ identity: TargetIdentity, _ context: EffectContext,
    expecting expectation: FencedTransaction.Expectation = .isOurs,
    _ body: (FencedTransaction) async throws -> Void
  ) async throws {
    try await client.withConnection { connection in
      try await FencedTransaction.run(
        on: connection, identity: identity, context: context, expecting: expectation, body)
    }
  }

  /// Refuses names that are not the identity's, and names the server would shorten.
  private static func checkNames(of change: TargetChange) throws {
    let (identity, names): (TargetIdentity, [String]) =
      switch change {
      case .setSecret(let identity, let login, _, _, _): (identity, [login])
      case .grant(let identity, _), .revoke(let identity, _), .key(_, let identity): (identity, [])
      case .blockLogins(let names, let identity), .endSessions(let names, let identity),
        .strip(let names, let identity),
        .drop(let names, let identity):
        (identity, names)
      }
    guard identity.names.allSatisfy(PostgresTargetSettings.isName) else { throw EffectRefusal(.other, .nameTooLong) }
    guard Set(names).isSubset(of: identity.names) else { throw EffectRefusal(.other, .undefinedObject) }
  }
}
