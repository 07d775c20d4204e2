import Postgres
import Targets

/// One transaction on the target in which nobody else changes the identity, and no newer fence has been seen.
///
/// Order of locks: the identity's advisory lock, then rows of the shared catalogs. Without the advisory lock, parallel
/// changes of a role fail with "tuple concurrently updated".
struct FencedTransaction {
  let transaction: Transaction
  let identity: TargetIdentity
  let context: EffectContext
  /// The identity's roles that exist, by name; all carry our mark.
  let roles: [String: RoleState]

  /// Throws `EffectRefusal` for a newer fence and for a name that is somebody else's, `DeadlinePassed` also after
  /// `body`, so that nothing is committed too late.
  static func run<Result>(
    on connection: PostgresConnection, identity: TargetIdentity, context: EffectContext,
    _ body: (FencedTransaction) async throws -> Result
  ) async throws -> Result {
    try await connection.withTransaction { transaction in
      try await transaction.limit(until: context.deadline)
      _ = try await transaction.execute(LockIdentity(name: identity.name))
      let states = try await transaction.query(ReadIdentityRoles(names: identity.names, owner: identity.name))
      for state in states {
        guard let mark = state.mark, mark.mark == context.ownershipMark else {
          throw EffectRefusal(.nameConflict, .duplicateObject)
        }
        if let fence = mark.fence, fence > context.fence { throw EffectRefusal.fenced }
      }
      let fenced = FencedTransaction(
        transaction: transaction, identity: identity, context: context,
        roles: Dictionary(uniqueKeysWithValues: states.map { ($0.name, $0) }))
      let result = try await body(fenced)
      _ = try context.deadline.remaining()
      return result
    }
  }

  /// What `names` has that exists on the target.
  func existing(_ names: [String]) -> [String] { names.filter { roles[$0] != nil } }

  func execute(_ utility: UtilityStatement) async throws {
    try await transaction.execute(utility)
  }

  /// From here on the target refuses lower fences. Does nothing when the identity's role is not there.
  func writeFence() async throws {
    guard roles[identity.name] != nil else { return }
    try await mark(identity.name, fence: context.fence)
  }

  func mark(_ role: String, fence: Int64?) async throws {
    let comment = RoleMark(mark: context.ownershipMark, fence: fence).comment
    try await execute("COMMENT ON ROLE \(identifier: role) IS \(literal: comment)")
  }
}

extension Transaction {
  /// The server gives up shortly before `deadline`.
  func limit(until deadline: ContinuousClock.Instant) async throws {
    _ = try await execute(LimitTransaction(limit: try deadline.remaining()))
  }
}
