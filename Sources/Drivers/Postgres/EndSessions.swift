import Postgres
import Targets

/// Ends the sessions that authenticated as one of the logins, whatever role they act as now, until none was found twice
/// in a row: a session that was just being opened shows up late. Block the logins first.
struct EndSessions {
  let identity: TargetIdentity
  let logins: [String]

  func run(_ client: PostgresClient, _ context: EffectContext) async throws {
    let existing = try await client.withConnection { connection in
      try await FencedTransaction.run(
        on: connection, identity: identity, context: context, expecting: .takesAway
      ) { fenced in
        try await fenced.writeFence()
        return try fenced.affected(logins)
      }
    }
    // On any connection: others need them while this one waits.
    var quietRounds = 0
    while true {
      guard (try? context.deadline.remaining()) != nil else { throw SessionsRemain() }
      let found = try await client.queryFirst(TerminateSessions(logins: existing)) ?? 0
      quietRounds = found == 0 ? quietRounds + 1 : 0
      if quietRounds == 2 { return }
      try await Task.sleep(for: .milliseconds(50), clock: .continuous)
    }
  }
}

extension FencedTransaction {
  /// Of `logins`, those that exist; when all of the identity's are meant, also those that were renamed.
  ///
  /// Throws `.foreignWriter` when one is missing, one was renamed, and it cannot be told whether that is the same.
  func affected(_ logins: [String]) throws -> [String] {
    let existing = existing(logins)
    guard !renamed.isEmpty else { return existing }
    if Set(logins).isSuperset(of: identity.logins) { return existing + renamed }
    guard existing.count < logins.count else { return existing }
    throw EffectRefusal(.foreignWriter, .undefinedObject, "a role of ours is now called \(renamed[0])")
  }
}
