import Postgres
import Targets

/// Removes roles. Refused as residue while something depends on them, and while a session is open: the server would
/// drop the role all the same, and the session would live on without a name by which to find it.
struct DropRoles {
  let identity: TargetIdentity
  let names: [String]

  func run(_ client: PostgresClient, _ context: EffectContext) async throws {
    try await client.withConnection { connection in
      try await FencedTransaction.run(on: connection, identity: identity, context: context) { fenced in
        // The owner last: its logins depend on nothing else.
        let dropped =
          fenced.existing(names).filter { $0 != identity.name } + fenced.existing(names).filter { $0 == identity.name }
        guard !dropped.isEmpty else { return }
        if let open = try await fenced.transaction.queryFirst(CountSessions(logins: dropped)), open > 0 {
          throw EffectRefusal(.residue, .objectInUse)
        }
        for name in dropped { try await fenced.execute("DROP ROLE \(identifier: name)") }
        if !dropped.contains(identity.name) { try await fenced.writeFence() }
      }
    }
  }
}
