import Postgres
import Targets

/// Removes roles. Refused as residue while something depends on them, and while a session, a prepared transaction or a
/// replication slot of theirs exists: the server would drop the role all the same, and what is left would have no name by
/// which to find it.
struct DropRoles {
  let identity: TargetIdentity
  let names: [String]

  func run(_ client: PostgresClient, _ context: EffectContext) async throws {
    try await client.withConnection { connection in
      try await FencedTransaction.run(on: connection, identity: identity, context: context) { fenced in
        // The owner last: its logins depend on nothing else.
        let dropped =
          fenced.existing(names).filter { $0 != identity.name } + fenced.existing(names).filter { $0 == identity.name }
        // Somebody older must not make what is not there.
        guard !dropped.isEmpty else { return try await fenced.writeFence() }
        let left = try await fenced.transaction.pipeline([
          AnyStatement(CountSessions(logins: dropped)), AnyStatement(ListSurvivors(names: dropped)),
        ])
        if let open = try left[0].rows(of: CountSessions.self).first, open > 0 {
          throw EffectRefusal(.residue, .objectInUse)
        }
        if let survivor = try left[1].rows(of: ListSurvivors.self).first {
          throw EffectRefusal(.residue, .objectInUse, survivor)
        }
        try await fenced.execute(dropped.map { "DROP ROLE \(identifier: $0)" })
        if !dropped.contains(identity.name) { try await fenced.writeFence() }
      }
    }
  }
}
