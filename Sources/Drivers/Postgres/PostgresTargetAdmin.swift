import Postgres
package import Secrets
package import Targets

/// Changes the secret of the login that Keyturn itself uses, or of a second one beside it.
///
/// Its own any login may change. Another's takes CREATEROLE (15) or the ADMIN option on that role (16 and later).
package struct PostgresTargetAdmin: TargetAdmin {
  let driver: PostgresTargetDriver

  package var login: String { driver.settings.user }

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
