import Foundation
import Lifecycle
import Postgres
import Secrets
import Synchronization
import TestSupport

/// Looks while it happens, past the proxy: is there a secret that works, and how many logins live?
final class ChaosWatch: Sendable {
  struct Held: Sendable {
    let name: String
    let login: String
    let number: Int32
    let secret: SecretBytes
  }

  private struct State {
    var names: [String] = []
    var next = 0
    var held: [String: Held] = [:]
    var violations: [String] = []
    var looks = 0
    var counts = 0
  }

  private let world: ChaosWorld
  private let state = Mutex(State())

  init(_ world: ChaosWorld) { self.world = world }

  var violations: [String] { state.withLock { $0.violations } }
  /// Every secret that was ever seen.
  var held: [Held] { state.withLock { Array($0.held.values) } }
  var looks: (logins: Int, counts: Int) { state.withLock { ($0.looks, $0.counts) } }

  /// Whom to look at; those on the strict target are left alone, where a look would count.
  func watch(_ names: [String]) { state.withLock { $0.names = names } }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.repeatedly { try await self.tryOne() } }
      group.addTask { await self.repeatedly { try await self.countLogins() } }
    }
  }

  /// A server that is down has nothing to say.
  private func repeatedly(_ look: () async throws -> Void) async {
    while !Task.isCancelled {
      do { try await look() } catch is PostgresError {} catch { note("\(error)") }
      do { try await Task.sleep(for: .milliseconds(60)) } catch { return }
    }
  }

  func note(_ violation: String) { state.withLock { $0.violations.append(violation) } }

  private func tryOne() async throws {
    let name: String? = state.withLock { state in
      guard !state.names.isEmpty else { return nil }
      state.next += 1
      return state.names[state.next % state.names.count]
    }
    if let name { try await look(at: name) }
  }

  /// A consumer reads the current secret, and reads again when it is refused. Refused twice with nothing newer to read, it is
  /// without a secret: of a single login that may be so until its candidate, which works, is published; of others never.
  func look(at name: String) async throws {
    var last: (number: Int32, login: String)?
    while true {
      let versions = try await world.versions(of: name)
      guard let current = versions.first(where: { $0.state == "current" }) else { return }
      for version in versions { try await keep(version, name) }
      if try await logIn(current) { return state.withLock { $0.looks += 1 } }
      if let last, last.number == current.number {
        if try await isCutOff(name) { return }
        let isSingle = current.login == name
        if isSingle {
          for version in versions where version.state == "candidate" {
            if try await logIn(version) { return state.withLock { $0.looks += 1 } }
          }
          if try await world.versions(of: name).map(\.number) != versions.map(\.number) { continue }
          if try await world.versions(of: name).first(where: { $0.state == "current" })?.number != current.number {
            continue
          }
        }
        return note("no secret of \(name) works: version \(current.number) of \(versions.map(\.state))")
      }
      last = (current.number, current.login)
    }
  }

  private func keep(_ version: ChaosWorld.Version, _ name: String) async throws {
    let key = "\(name) \(version.number)"
    if state.withLock({ $0.held[key] != nil }) { return }
    let secret = try await world.open(version)
    state.withLock {
      $0.held[key] = Held(name: name, login: version.login, number: version.number, secret: secret)
    }
  }

  private func logIn(_ version: ChaosWorld.Version) async throws -> Bool {
    try await world.target.logIn(version.login, try await world.open(version))
  }

  /// Somebody ordered that it has no secret: a leak until its rotation is over, and a revocation.
  private func isCutOff(_ name: String) async throws -> Bool {
    try await world.control.count(
      """
      SELECT count(*) FROM lifecycle.credential AS c JOIN governance.identity AS i ON i.id = c.identity_id
      WHERE i.name = '\(name)' AND (c.state <> 'active'
        OR EXISTS (SELECT FROM lifecycle.containment_item AS t
          WHERE t.credential_id = c.id AND (t.settled_at IS NULL OR t.settled_at > now() - interval '3 s' OR t.follow_up = 'waiting'))
        OR EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.finished_at IS NULL
          AND (r.action = 'revoke' OR r.trigger LIKE 'leak%'))
        OR EXISTS (SELECT FROM lifecycle.rotation AS r WHERE r.credential_id = c.id AND r.action = 'revoke'))
      """) > 0
  }

  /// At most two logins of an identity live, whatever they are called.
  func countLogins() async throws {
    let many = try await world.target.withSuperuser { connection in
      try await connection.query(
        """
        SELECT string_agg(r.rolname, ' ' ORDER BY r.rolname)
        FROM pg_roles AS r
        LEFT JOIN pg_auth_members AS m ON m.member = r.oid
          AND m.roleid IN (SELECT o.oid FROM pg_roles AS o WHERE o.rolname LIKE 'svc%')
        WHERE r.rolname LIKE 'svc%' AND r.rolcanlogin
        GROUP BY COALESCE(m.roleid, r.oid)
        HAVING count(*) > 2
        """ as UtilityStatement
      ).map { row in
        let text: String = try row[0]
        return text
      }
    }
    state.withLock { $0.counts += 1 }
    for logins in many { note("a third login lives: \(logins)") }
  }
}
