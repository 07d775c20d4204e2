import Foundation
import Postgres
package import Targets

extension PostgresTargetDriver {
  /// In one transaction per call, and sessions of all together. A refusal by the server is tracked down by halving, so that
  /// one role in trouble leaves the others contained.
  package func contain(_ orders: [ContainmentOrder]) async -> [EffectOutcome] {
    guard let deadline = orders.map(\.context.deadline).min() else { return [] }
    do {
      return try await withDeadline(deadline) { try await ContainLogins(orders: orders).run(client, deadline) }
    } catch {
      let outcome = PostgresTargetErrors.outcome(of: error)
      logger.debug(
        "containment was not confirmed",
        metadata: ["orders": "\(orders.count)", "target.outcome": "\(outcome)"])
      guard case .refused = outcome, orders.count > 1 else { return orders.map { _ in outcome } }
      let middle = orders.count / 2
      let first = await contain(Array(orders[..<middle]))
      return first + (await contain(Array(orders[middle...])))
    }
  }
}

/// Blocks the logins of many identities and ends their sessions.
///
/// Order of locks: the identities' advisory locks by name, then rows of the shared catalogs. Blocked and committed first:
/// the reverse order leaves new sessions behind.
struct ContainLogins {
  let orders: [ContainmentOrder]

  func run(_ client: PostgresClient, _ deadline: ContinuousClock.Instant) async throws -> [EffectOutcome] {
    try await client.withConnection { connection in
      let (outcomes, logins) = try await block(on: connection, deadline)
      try await endSessions(of: logins, on: connection, deadline)
      return outcomes
    }
  }

  /// What became of each, and the logins whose sessions must end.
  private func block(
    on connection: PostgresConnection, _ deadline: ContinuousClock.Instant
  ) async throws -> ([EffectOutcome], [String]) {
    try await connection.withTransaction { transaction in
      try await transaction.limit(until: deadline)
      try await transaction.query(LockIdentities(names: orders.map(\.identity.name)))
      let states = try await transaction.query(ReadRolesToContain(names: orders.flatMap(\.identity.names)))
      let roles = Dictionary(states.map { ($0.name, $0) }) { first, _ in first }
      var (outcomes, logins, changes): ([EffectOutcome], [String], [UtilityStatement]) = ([], [], [])
      for order in orders {
        if let refusal = Self.refusal(of: order, roles) {
          outcomes.append(refusal)
          continue
        }
        let existing = order.identity.logins.filter { roles[$0] != nil }
        for login in existing where roles[login]?.mayLogIn == true {
          changes.append("ALTER ROLE \(identifier: login) NOLOGIN")
        }
        if roles[order.identity.name] != nil {
          let mark = RoleMark(mark: order.context.ownershipMark, fence: order.context.fence)
          changes.append("COMMENT ON ROLE \(identifier: order.identity.name) IS \(literal: mark.comment)")
        }
        logins += existing
        outcomes.append(.done)
      }
      try await transaction.connection.execute(changes)
      _ = try deadline.remaining()
      return (outcomes, logins)
    }
  }

  /// Nil: it may be contained. Names that are not there need nothing.
  private static func refusal(
    of order: ContainmentOrder, _ roles: [String: ReadRolesToContain.Role]
  ) -> EffectOutcome? {
    guard order.identity.names.allSatisfy(PostgresTargetSettings.isName) else {
      return .refused(.other, code: SQLState.nameTooLong.rawValue)
    }
    for role in order.identity.names.compactMap({ roles[$0] }) {
      guard let mark = role.mark, mark.mark == order.context.ownershipMark else {
        return .refused(.nameConflict, code: SQLState.duplicateObject.rawValue)
      }
      if let fence = mark.fence, fence > order.context.fence {
        return .refused(.fenced, code: SQLState.notReady.rawValue)
      }
    }
    return nil
  }

  /// Until none was found twice in a row: a session that was just being opened shows up late.
  private func endSessions(
    of logins: [String], on connection: PostgresConnection, _ deadline: ContinuousClock.Instant
  ) async throws {
    guard !logins.isEmpty else { return }
    var quietRounds = 0
    while quietRounds < 2 {
      guard (try? deadline.remaining()) != nil else { throw SessionsRemain() }
      let found = try await connection.queryFirst(TerminateSessions(logins: logins)) ?? 0
      quietRounds = found == 0 ? quietRounds + 1 : 0
      try await Task.sleep(for: .milliseconds(50), clock: .continuous)
    }
  }
}

/// As `LockIdentity`, for many, in the order of their names.
struct LockIdentities: Statement {
  static let sql = """
    SELECT pg_advisory_xact_lock(hashtextextended('keyturn:' || n.name, 0))
    FROM (SELECT DISTINCT name FROM unnest($1::text[]) AS u (name) ORDER BY name OFFSET 0) AS n
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  static func decode(_ row: PostgresRow) throws {}
}

struct ReadRolesToContain: Statement {
  static let sql = """
    SELECT r.rolname::text, shobj_description(r.oid, 'pg_authid'), r.rolcanlogin
    FROM pg_roles r
    WHERE r.rolname = ANY ($1::name[])
    """

  struct Role: Sendable {
    let name: String
    /// Nil: not ours.
    let mark: RoleMark?
    let mayLogIn: Bool
  }

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  static func decode(_ row: PostgresRow) throws -> Role {
    let comment: String? = try row[1]
    return Role(name: try row[0], mark: comment.flatMap { RoleMark(comment: $0) }, mayLogIn: try row[2])
  }
}
