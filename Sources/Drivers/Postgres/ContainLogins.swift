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
      let roles = try await transaction.query(
        ReadRolesToContain(
          names: orders.flatMap(\.identity.names), marks: orders.map(\.context.ownershipMark)))
      let (byName, byMark) = (
        Dictionary(grouping: roles, by: \.name), Dictionary(grouping: roles, by: { $0.mark?.mark })
      )
      var (outcomes, logins, changes): ([EffectOutcome], [String], [UtilityStatement]) = ([], [], [])
      for order in orders {
        let sight = ContainmentSight(
          order, named: order.identity.names.flatMap { byName[$0] ?? [] },
          marked: byMark[order.context.ownershipMark] ?? [])
        for role in sight.cut where role.mayLogIn { changes.append("ALTER ROLE \(identifier: role.name) NOLOGIN") }
        for role in sight.fenced {
          let mark = RoleMark(mark: order.context.ownershipMark, fence: order.context.fence)
          changes.append("COMMENT ON ROLE \(identifier: role.name) IS \(literal: mark.comment)")
        }
        logins += sight.cut.map(\.name)
        outcomes.append(sight.refusal.map { .refused($0.reason, code: $0.code) } ?? .done)
      }
      try await transaction.connection.execute(changes)
      _ = try deadline.remaining()
      return (outcomes, logins)
    }
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

/// What is cut of one identity. Pure.
///
/// Whatever carries its mark is, under whatever name: a login that somebody renamed still knows the secret. What has one of
/// its names and another mark, or none, is somebody else's and refused; the rest is cut all the same.
struct ContainmentSight {
  private(set) var cut: [ReadRolesToContain.Role] = []
  /// Those that keep the fence.
  private(set) var fenced: [ReadRolesToContain.Role] = []
  private(set) var refusal: EffectRefusal?

  /// - Parameters:
  ///   - named: the roles of the identity's names that exist; names that are not there need nothing.
  ///   - marked: those with its mark.
  init(_ order: ContainmentOrder, named: [ReadRolesToContain.Role], marked: [ReadRolesToContain.Role]) {
    let context = order.context
    guard order.identity.names.allSatisfy(PostgresTargetSettings.isName) else {
      refusal = EffectRefusal(.other, .nameTooLong)
      return
    }
    guard marked.allSatisfy({ ($0.mark?.fence ?? 0) <= context.fence }) else {
      refusal = .fenced
      return
    }
    if named.contains(where: { $0.mark?.mark != context.ownershipMark }) {
      refusal = EffectRefusal(.nameConflict, .duplicateObject)
    }
    cut = marked
    fenced = marked.filter { $0.name == order.identity.name || $0.mark?.fence != nil }
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

/// The roles of these names, and those with one of these marks under any name.
struct ReadRolesToContain: Statement {
  // What follows the mark is the fence; `RoleMark` reads it the same way.
  static let sql = """
    WITH marked AS (
      SELECT d.objoid AS oid
      FROM pg_shdescription d
      WHERE d.classoid = 'pg_authid'::regclass
        AND starts_with(d.description, 'keyturn:')
        AND regexp_replace(substr(d.description, 9), ':fence=[0-9]+$', '') = ANY ($2::text[])
    )
    SELECT r.rolname::text, shobj_description(r.oid, 'pg_authid'), r.rolcanlogin
    FROM pg_roles r
    WHERE r.oid IN (SELECT m.oid FROM marked m
                    UNION
                    SELECT n.oid FROM pg_roles n WHERE n.rolname = ANY ($1::name[]))
    ORDER BY 1
    """

  struct Role: Sendable {
    let name: String
    /// Nil: not ours.
    let mark: RoleMark?
    let mayLogIn: Bool
  }

  let names: [String]
  let marks: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(names)
    parameters.append(marks)
  }

  static func decode(_ row: PostgresRow) throws -> Role {
    let comment: String? = try row[1]
    return Role(name: try row[0], mark: comment.flatMap { RoleMark(comment: $0) }, mayLogIn: try row[2])
  }
}
