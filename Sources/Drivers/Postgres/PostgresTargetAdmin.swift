import Postgres
package import Secrets
package import Targets

/// Changes the secret of the login that Keyturn itself uses, or of a second one beside it.
///
/// Its own any login may change. Another's takes CREATEROLE (15) or the ADMIN option on that role (16 and later), which two
/// admins cannot have on each other.
package struct PostgresTargetAdmin: TargetAdmin {
  let driver: PostgresTargetDriver

  package var login: String { driver.settings.user }

  /// From 16 on, only who made a role may change it, unless both act as one.
  package func examineAsPair(deadline: ContinuousClock.Instant) async throws -> String? {
    guard driver.settings.role == nil else { return nil }
    let rights = try await driver.read(until: deadline) { try await $0.queryFirst(ReadAdminRights()) }
    guard let rights, rights.serverVersion >= 160_000 else { return nil }
    return """
      from PostgreSQL 16 on, two admins must act as one role to change what the other made; run CREATE ROLE keyturn_admins \
      CREATEROLE and GRANT keyturn_admins TO both as a superuser, and add the target with --set role=keyturn_admins
      """
  }

  package func setSecret(
    _ secret: SecretBytes, of login: String, deadline: ContinuousClock.Instant
  ) async throws -> EffectOutcome {
    guard PostgresTargetSettings.isName(login) else { return .refused(.other, code: SQLState.nameTooLong.rawValue) }
    do {
      try await withDeadline(deadline) {
        try await driver.client.withConnection { connection in
          let verifier = try await connection.verifier(of: secret, for: login)
          try await connection.withTransaction { transaction in
            try await transaction.limit(until: deadline)
            _ = try await transaction.execute(LockIdentity(name: login))
            _ = try await transaction.execute(HideFromServerLog())
            // As itself it may change its own.
            if login == self.login, driver.settings.role != nil {
              try await transaction.execute("SET LOCAL ROLE NONE")
            }
            try await transaction.execute("ALTER ROLE \(identifier: login) PASSWORD \(literal: verifier)")
            _ = try deadline.remaining()
          }
        }
      }
      return .done
    } catch {
      return PostgresTargetErrors.outcome(of: error)
    }
  }
}

extension PostgresTargetDriver {
  package var admin: (any TargetAdmin)? { PostgresTargetAdmin(driver: self) }

  package func listLogins(
    named names: [String], deadline: ContinuousClock.Instant
  ) async throws -> [ObservedLogin]? {
    try await read(until: deadline) { try await $0.query(ListLogins(names: names)) }
  }
}
