import Postgres
import Secrets
import Targets

/// A target's settings, read and checked, and the connections they lead to.
///
/// Keys: `host` (a name, an address, or a socket directory that begins with `/`), `port` (default 5432), `database`
/// (default `postgres`), `user`, `role` (default: none), `sslmode` (default `verify-full`, for a socket directory `disable`),
/// `sslrootcert`; `lockout_threshold` (failed logins, 2…1000, that lock a login; default: the server locks none) and
/// `lockout_window` (seconds, 1…86400, after which it forgets them; default 1800), where an extension of the server does so.
///
/// With `role`, the admin acts as it: it owns what is handed over and, from 16 on, holds the ADMIN option on what was made. So
/// two admins that act as one role can stand in for each other.
struct PostgresTargetSettings: Sendable {
  let endpoint: PostgresConfiguration.Endpoint
  let database: String
  let user: String
  let role: String?
  let tls: TLSOptions
  let lockout: LockoutRule?
  /// Kept as long as the driver, whose pool needs it to reconnect.
  private let adminPassword: PostgresPassword

  private static let keys: Set<String> = [
    "host", "port", "database", "user", "role", "sslmode", "sslrootcert",
    "lockout_threshold", "lockout_window",
  ]

  init(_ target: TargetEndpoint) throws(TargetError) {
    let settings = target.settings
    if let unknown = settings.keys.filter({ !Self.keys.contains($0) }).sorted().first {
      throw .invalid(
        unknown, "is not a setting of PostgreSQL targets; known: \(Self.keys.sorted().joined(separator: ", "))")
    }
    guard let host = settings["host"], !host.isEmpty, !host.contains(",") else {
      throw .invalid("host", "is missing or a list; name one server, such as db.example.com")
    }
    guard let port = Int(settings["port"] ?? "5432"), (1...65535).contains(port) else {
      throw .invalid("port", "is not a number from 1 to 65535; leave it out for 5432")
    }
    guard let user = settings["user"], Self.isName(user) else {
      throw .invalid("user", "is missing or too long; name a role with CREATEROLE and pg_signal_backend")
    }
    let database = settings["database"] ?? "postgres"
    guard Self.isName(database) else {
      throw .invalid("database", "is empty or longer than 63 bytes; leave it out for postgres")
    }
    let role = settings["role"]
    guard role.map(Self.isName) ?? true else {
      throw .invalid("role", "is empty or longer than 63 bytes; leave it out when the admin acts as itself")
    }
    let isSocket = host.hasPrefix("/")
    guard let mode = TLSOptions.Mode(rawValue: settings["sslmode"] ?? (isSocket ? "disable" : "verify-full")) else {
      throw .invalid("sslmode", "must be one of disable, prefer, require, verify-ca, verify-full")
    }
    guard let password = target.adminSecret.withBytes({ PostgresPassword(copying: $0) }) else {
      throw .invalid("admin secret", "contains a NUL byte, which PostgreSQL cannot take; store it again as text")
    }
    endpoint = isSocket ? .socket(directory: host, port: port) : .tcp(host: host, port: port)
    self.database = database
    self.user = user
    self.role = role
    lockout = try Self.lockout(settings)
    tls = TLSOptions(mode: mode, rootCertificatePath: settings["sslrootcert"])
    adminPassword = password
  }

  private static func lockout(_ settings: [String: String]) throws(TargetError) -> LockoutRule? {
    guard let text = settings["lockout_threshold"] else {
      if settings["lockout_window"] == nil { return nil }
      throw .invalid("lockout_window", "means nothing without lockout_threshold; set both or none")
    }
    // One failed login is needed to prove anything.
    guard let threshold = Int(text), (2...1000).contains(threshold) else {
      throw .invalid("lockout_threshold", "is not a number of failed logins from 2 to 1000; leave it out if none lock")
    }
    guard let window = Double(settings["lockout_window"] ?? "1800"), (1...86_400).contains(window) else {
      throw .invalid("lockout_window", "is not a number of seconds from 1 to 86400; leave it out for 1800")
    }
    return LockoutRule(threshold: threshold, window: window)
  }

  /// For the admin, in this target's database or in `database`.
  func adminConfiguration(database: String? = nil) -> PostgresConfiguration {
    PostgresConfiguration(
      endpoints: [endpoint], database: database ?? self.database, user: user, password: adminPassword, tls: tls,
      applicationName: "keyturn target admin", role: role,
      // Others can create functions in this database; none of them may stand in for one of the server's. The same few
      // statements come again and again: planning each anew took longer than most of them do.
      options: ["search_path": "pg_catalog", "plan_cache_mode": "force_generic_plan", "jit": "off"],
      pool: PoolConfiguration(maximumConnections: 4, acquireTimeout: .seconds(30), idleTimeout: .seconds(60)))
  }

  /// For one login attempt. Nil for a secret with a NUL byte inside.
  func loginConfiguration(user: String, secret: SecretBytes, timeout: Duration) -> PostgresConfiguration? {
    guard let password = secret.withBytes({ PostgresPassword(copying: $0) }) else { return nil }
    return PostgresConfiguration(
      endpoints: [endpoint], database: database, user: user, password: password, tls: tls,
      applicationName: "keyturn probe", connectTimeout: timeout, statementTimeout: timeout,
      usesPreparedStatements: false)
  }

  /// The server would cut a longer name to 63 bytes, and so mean another role.
  static func isName(_ name: String) -> Bool {
    (1...63).contains(name.utf8.count) && !name.utf8.contains(0)
  }
}

extension TargetError {
  fileprivate static func invalid(_ setting: String, _ remedy: String) -> TargetError {
    TargetError(code: .invalidSetting, message: "\(setting): \(remedy)")
  }
}
