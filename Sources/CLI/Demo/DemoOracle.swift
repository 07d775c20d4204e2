import Foundation
import Lifecycle
import Logging
import Postgres

/// What was found wrong; empty is what it should be.
struct Finding {
  let check: String
  let detail: String
}

/// Asks the target directly, past Keyturn, whether the end state is what Keyturn says.
struct DemoOracle {
  let world: DemoWorld
  let names: [String]
  let logger: Logger

  /// Exactly one version works and every other is refused; no session of an old login; rights equal; nothing left over.
  func checkLive(_ secrets: SeenSecrets) async throws -> [Finding] {
    var findings = try await logins(secrets, lastMustWork: true)
    try await onTarget { connection in
      let roles = try await connection.query(CountLogins(names: names))
      for role in roles where role.logins != 1 || role.others != 0 {
        findings.append(
          Finding(check: "one live login", detail: "\(role.name) has \(role.logins) logins, \(role.others) disabled"))
      }
      if roles.count != names.count {
        findings.append(Finding(check: "roles exist", detail: "\(roles.count) of \(names.count)"))
      }
      let rights = try await connection.query(ListMemberships(names: names))
      for right in rights where right.groups != [DemoWorld.readers] {
        findings.append(Finding(check: "rights equal", detail: "\(right.name): \(right.groups.joined(separator: " "))"))
      }
    }
    return findings
  }

  /// No secret works, no role, session, membership or dependency is left.
  func checkRevoked(_ secrets: SeenSecrets) async throws -> [Finding] {
    var findings = try await logins(secrets, lastMustWork: false)
    try await onTarget { connection in
      let left = try await connection.query(CountResidue()).first ?? -1
      if left != 0 { findings.append(Finding(check: "residue zero", detail: "\(left) things left on the target")) }
    }
    for gap in try await world.composition.client.query(FindMissingProofs()) {
      findings.append(Finding(check: "proofs complete", detail: gap))
    }
    return findings
  }

  private func logins(_ secrets: SeenSecrets, lastMustWork: Bool) async throws -> [Finding] {
    var findings: [Finding] = []
    for (name, versions) in secrets.byName.sorted(by: { $0.key < $1.key }) {
      for (index, version) in versions.enumerated() {
        let mustWork = lastMustWork && index == versions.count - 1
        let works: Bool
        do {
          try await DemoClientCommand.logIn(version, identity: name, logger: logger)
          works = true
        } catch let error as PostgresError where error.code == .authenticationFailed {
          works = false
        }
        if works != mustWork {
          findings.append(
            Finding(
              check: "one version works", detail: "\(name) version \(version.version) \(works ? "works" : "is refused")"
            ))
        }
      }
    }
    return findings
  }

  private func onTarget(_ body: (PostgresConnection) async throws -> Void) async throws {
    let connection = try await PostgresConnection.connect(world.inspector, logger: logger)
    do {
      try await body(connection)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }
}

private struct CountLogins: Statement {
  static let sql = """
    SELECT o.rolname::text,
      (SELECT count(*) FROM pg_roles AS l WHERE l.rolname IN (o.rolname || '_a', o.rolname || '_b') AND l.rolcanlogin),
      (SELECT count(*) FROM pg_roles AS l WHERE l.rolname IN (o.rolname || '_a', o.rolname || '_b') AND NOT l.rolcanlogin)
    FROM pg_roles AS o
    WHERE o.rolname = ANY($1)
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  struct Row: Sendable {
    let name: String
    let logins: Int
    let others: Int
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(name: try row[0], logins: try row[1], others: try row[2]) }
}

private struct ListMemberships: Statement {
  static let sql = """
    SELECT o.rolname::text, array_agg(g.rolname::text ORDER BY g.rolname)
    FROM pg_roles AS o
    LEFT JOIN pg_auth_members AS m ON m.member = o.oid
    LEFT JOIN pg_roles AS g ON g.oid = m.roleid
    WHERE o.rolname = ANY($1)
    GROUP BY o.rolname
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  struct Row: Sendable {
    let name: String
    let groups: [String]
  }

  static func decode(_ row: PostgresRow) throws -> Row { Row(name: try row[0], groups: try row[1]) }
}

private struct CountResidue: Statement {
  static let sql = """
    SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'svc\\_%')
      + (SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'svc\\_%'
          OR (usesysid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = usesysid)))
      + (SELECT count(*) FROM pg_auth_members AS m
          WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = m.member))
      + (SELECT count(*) FROM pg_shdepend AS d
          WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype <> 'p'
            AND NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = d.refobjid))
    """

  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

/// Finished sagas that lack a proof their action must have.
private struct FindMissingProofs: Statement {
  static let sql = """
    SELECT i.name || ': ' || r.action || ' without ' || wanted.kind
    FROM lifecycle.rotation AS r
    JOIN lifecycle.credential AS c ON c.id = r.credential_id
    JOIN governance.identity AS i ON i.id = c.identity_id
    JOIN (VALUES
      ('issue', 'negative_control'), ('issue', 'login'), ('issue', 'identity'), ('issue', 'rights'),
      ('rotate', 'negative_control'), ('rotate', 'login'), ('rotate', 'identity'), ('rotate', 'rights'),
      ('rotate', 'sessions_ended'), ('rotate', 'old_refused'), ('rotate', 'residue'),
      ('revoke', 'sessions_ended'), ('revoke', 'old_refused'), ('revoke', 'residue')) AS wanted (action, kind)
      ON wanted.action = r.action
    WHERE r.state = 'done'
      AND NOT EXISTS (
        SELECT FROM lifecycle.proof AS p
        WHERE p.rotation_id = r.id AND p.kind = wanted.kind AND p.result = 'passed')
    ORDER BY 1
    """

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
