import Postgres
import Secrets
import Targets

extension PostgresTargetDriver {
  package func examine(deadline: ContinuousClock.Instant) async -> [String] {
    let admin: AdminRights
    let isDirect: Bool
    do {
      let answer = try await read(until: deadline) { transaction in
        (try await transaction.queryFirst(ReadAdminRights()), transaction.connection.backendProcessID)
      }
      guard let row = answer.0 else {
        return ["the admin \(settings.user) has no row in pg_roles; check that the server is PostgreSQL"]
      }
      admin = row
      isDirect = row.processID == answer.1
    } catch let error as TargetError {
      // What PgBouncer says to settings at the start of a session.
      if error.message.contains("unsupported startup parameter") { return [Self.pooled] }
      return ["\(error.message); check host, port, user, sslmode and the admin's secret"]
    } catch {
      return ["the target's answer could not be read; check that the server is PostgreSQL 15 or later"]
    }
    // Everything else would be said of the pooler.
    guard isDirect else { return [Self.pooled] }
    return problems(of: admin) + (await negativeControl(deadline))
  }

  /// A pooler answers logins itself, from a list or a cache of its own, and keeps sessions that are not the login's: neither
  /// a refused login nor a session that ended would prove anything about the server.
  private static let pooled = """
    a connection pooler (PgBouncer?) stands before the server, so that logins and sessions are the pooler's; \
    name the server itself in host and port, clients may go on using the pooler
    """

  private func problems(of admin: AdminRights) -> [String] {
    var problems: [String] = []
    if admin.serverVersion < 150_000 {
      problems.append("the server is older than PostgreSQL 15; upgrade it")
    }
    if !admin.mayCreateRoles {
      problems.append("the admin \(settings.user) may not create roles; run ALTER ROLE … CREATEROLE as a superuser")
    }
    if !admin.maySignal {
      problems.append(
        "the admin \(settings.user) may not end sessions; run GRANT pg_signal_backend TO … as a superuser")
    }
    if admin.isInRecovery {
      problems.append("the server is a read-only standby; name the primary in host")
    }
    return problems
  }

  /// Logins that must fail. If they do not, no refusal of this target proves anything.
  private func negativeControl(_ deadline: ContinuousClock.Instant) async -> [String] {
    let generator = SecretGenerator()
    let unknown = "keyturn_probe_\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    let asAdmin = await authenticate(
      login: settings.user, secret: generator.makeSecret(.standard), deadline: deadline)
    let asUnknown = await authenticate(login: unknown, secret: generator.makeSecret(.standard), deadline: deadline)
    return [(asAdmin, "the admin \(settings.user)"), (asUnknown, "an unknown login")]
      .compactMap { result, who in Self.problem(of: result, for: who) }
  }

  private static func problem(of result: ProbeResult, for who: String) -> String? {
    switch result {
    case .refused(.wrongSecret, code: "28P01"): nil
    // Blocked, or unknown without having been asked for a secret: the server looks at the role before or instead of it.
    case .accepted, .refused:
      """
      the target accepts any password for \(who) (a `trust` line in pg_hba.conf?); \
      change the method of that line to scram-sha-256 and reload the server
      """
    case .cannotTell(let cause):
      "whether a wrong password for \(who) is refused cannot be told: \(cause); check pg_hba.conf, then try again"
    }
  }
}
