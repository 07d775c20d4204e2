import Postgres
import Targets

/// One transaction on the target in which nobody else changes the identity, and no newer fence has been seen.
///
/// Order of locks: the identity's advisory lock, then rows of the shared catalogs. Without the advisory lock, parallel
/// changes of a role fail with "tuple concurrently updated".
struct FencedTransaction {
  /// What a change takes for granted of the identity's roles.
  enum Expectation {
    /// The identity may be new: a name that is taken is a conflict of names.
    case mayBeNew
    /// The identity is ours: what is different was changed by somebody else.
    case isOurs
    /// As above, and the change only takes away: it also reaches logins of ours that somebody renamed.
    case takesAway
  }

  let transaction: Transaction
  let identity: TargetIdentity
  let context: EffectContext
  /// The identity's roles that exist, by name; all carry our mark.
  let roles: [String: RoleState]
  /// Roles with our mark under names that are not the identity's. Empty unless the change takes away.
  let renamed: [String]

  /// Throws `EffectRefusal` for a newer fence and for a name that is somebody else's, `DeadlinePassed` also after
  /// `body`, so that nothing is committed too late.
  static func run<Result>(
    on connection: PostgresConnection, identity: TargetIdentity, context: EffectContext,
    expecting expectation: Expectation = .isOurs, _ body: (FencedTransaction) async throws -> Result
  ) async throws -> Result {
    try await connection.withTransaction { transaction in
      // One round trip; each statement sees what was committed before it began, so the last one what the lock waited for.
      let found = try await transaction.pipeline([
        AnyStatement(LimitTransaction(limit: try context.deadline.remaining())),
        AnyStatement(LockIdentity(name: identity.name)),
        AnyStatement(ReadIdentityRoles(names: identity.names, owner: identity.name)),
      ])[2].rows(of: ReadIdentityRoles.self)
      let sight = IdentitySight(identity: identity, mark: context.ownershipMark, found: found)
      if let refusal = sight.refusal(fence: context.fence, expectation) { throw refusal }
      var renamed = sight.renamed
      // A role that was renamed took its members along, so it is looked for by its mark; what is there needs no such search.
      if sight.mayHaveVanished, expectation != .mayBeNew {
        renamed = try await transaction.query(FindMarkedRoles(mark: context.ownershipMark))
          .filter { !identity.names.contains($0) }
      }
      if let other = renamed.first, expectation != .takesAway {
        throw EffectRefusal(.foreignWriter, .undefinedObject, "a role of ours is now called \(other)")
      }
      let fenced = FencedTransaction(
        transaction: transaction, identity: identity, context: context, roles: sight.roles, renamed: renamed)
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

  /// In one round trip.
  func execute(_ utilities: [UtilityStatement]) async throws {
    try await transaction.connection.execute(utilities)
  }

  /// From here on the target refuses lower fences. Does nothing when the identity's role is not there, and when an earlier
  /// change of the same run wrote it.
  func writeFence() async throws {
    guard let role = roles[identity.name], role.mark?.fence != context.fence else { return }
    try await execute(marking(identity.name, fence: context.fence))
  }

  func marking(_ role: String, fence: Int64?) -> UtilityStatement {
    let comment = RoleMark(mark: context.ownershipMark, fence: fence).comment
    return "COMMENT ON ROLE \(identifier: role) IS \(literal: comment)"
  }
}

/// What is to be seen of an identity on the target. Pure.
struct IdentitySight {
  let identity: TargetIdentity
  let mark: String
  let roles: [String: RoleState]
  /// Ours by mark and by membership, but not by name.
  let renamed: [String]

  init(identity: TargetIdentity, mark: String, found: [RoleState]) {
    self.identity = identity
    self.mark = mark
    let names = Set(identity.names)
    roles = Dictionary(found.filter { names.contains($0.name) }.map { ($0.name, $0) }) { first, _ in first }
    renamed = found.filter { !names.contains($0.name) && $0.mark?.mark == mark }.map(\.name).sorted()
  }

  /// The identity's own role is not there.
  var mayHaveVanished: Bool { roles[identity.name] == nil }

  func refusal(fence: Int64, _ expectation: FencedTransaction.Expectation) -> EffectRefusal? {
    for state in roles.values.sorted(by: { $0.name < $1.name }) {
      guard let found = state.mark else {
        return expectation == .mayBeNew
          ? EffectRefusal(.nameConflict, .duplicateObject)
          : EffectRefusal(.foreignWriter, .duplicateObject, "\(state.name) no longer carries our mark")
      }
      guard found.mark == mark else {
        return expectation == .mayBeNew
          ? EffectRefusal(.nameConflict, .duplicateObject)
          : EffectRefusal(.foreignWriter, .duplicateObject, "\(state.name) is marked by \(found.mark)")
      }
      if let seen = found.fence, seen > fence { return .fenced }
    }
    return nil
  }
}

extension Transaction {
  /// The server gives up shortly before `deadline`.
  func limit(until deadline: ContinuousClock.Instant) async throws {
    _ = try await execute(LimitTransaction(limit: try deadline.remaining()))
  }
}
