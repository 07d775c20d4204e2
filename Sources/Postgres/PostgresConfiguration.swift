/// Where the server is, who we are, and how patient. Prints no password.
package struct PostgresConfiguration: Sendable {
  package enum Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// `host` is a name or an IP address; a name is looked up on every connect.
    case tcp(host: String, port: Int = 5432)
    case socket(directory: String, port: Int = 5432)

    package var description: String {
      switch self {
      case .tcp(let host, let port): "\(host):\(port)"
      case .socket(let directory, let port): "\(directory)/.s.PGSQL.\(port)"
      }
    }
  }

  /// Which server of several will do; the names are libpq's.
  package enum TargetSessionAttributes: String, Sendable {
    case any
    case readWrite = "read-write"
    case readOnly = "read-only"
    case primary
    case standby
    case preferStandby = "prefer-standby"
  }

  /// Tried in this order.
  package var endpoints: [Endpoint]
  package var database: String
  package var user: String
  package var password: PostgresPassword?
  package var tls: TLSOptions
  package var targetSessionAttributes: TargetSessionAttributes
  /// Seen in `pg_stat_activity`.
  package var applicationName: String
  /// Set by a startup option (`-c role=…`): every connection acts as this role from its first statement.
  package var role: String?
  /// Further settings at the start of each connection, such as `lock_timeout`. Not accepted by most poolers.
  package var options: [String: String]
  /// For one connection: lookup, handshake and login, over all endpoints. Default 10 s.
  package var connectTimeout: Duration
  /// From sending a statement to its last row; then it is cancelled on the server, and if that does not help within
  /// five seconds, the connection is given up. nil: no limit. Default 60 s. A statement may set its own; scripts have none.
  package var statementTimeout: Duration?
  package var pool: PoolConfiguration
  /// Default true. False works through a pooler that changes the server connection with each transaction.
  package var usesPreparedStatements: Bool

  package init(
    endpoints: [Endpoint], database: String, user: String, password: PostgresPassword? = nil,
    tls: TLSOptions = TLSOptions(), targetSessionAttributes: TargetSessionAttributes = .any,
    applicationName: String = "keyturn", role: String? = nil, options: [String: String] = [:],
    connectTimeout: Duration = .seconds(10), statementTimeout: Duration? = .seconds(60),
    pool: PoolConfiguration = PoolConfiguration(), usesPreparedStatements: Bool = true
  ) {
    self.endpoints = endpoints
    self.database = database
    self.user = user
    self.password = password
    self.tls = tls
    self.targetSessionAttributes = targetSessionAttributes
    self.applicationName = applicationName
    self.role = role
    self.options = options
    self.connectTimeout = connectTimeout
    self.statementTimeout = statementTimeout
    self.pool = pool
    self.usesPreparedStatements = usesPreparedStatements
  }

  /// Throws `.invalidConfiguration` naming the field.
  func validate() throws {
    func refuse(_ field: String, _ remedy: String) throws -> Never {
      throw PostgresError(code: .invalidConfiguration, message: "\(field): \(remedy)")
    }
    if endpoints.isEmpty { try refuse("endpoints", "name at least one host or socket directory") }
    for endpoint in endpoints {
      let (place, port) =
        switch endpoint {
        case .tcp(let host, let port): (host, port)
        case .socket(let directory, let port): (directory, port)
        }
      // libpq separates hosts by commas and has no way to quote one.
      if place.isEmpty || place.contains(",") { try refuse("endpoints", "a host is empty or contains a comma") }
      if !(1...65535).contains(port) { try refuse("endpoints", "port \(port) is not in 1…65535") }
      if case .socket(let directory, _) = endpoint, !directory.hasPrefix("/"), !directory.hasPrefix("@") {
        try refuse("endpoints", "the socket directory \(directory) is not absolute; write it from / on")
      }
    }
    if database.isEmpty { try refuse("database", "name the database") }
    if user.isEmpty { try refuse("user", "name the user") }
    for key in options.keys where key.isEmpty || !key.utf8.allSatisfy(Self.isSettingCharacter) {
      try refuse("options", "\(key) is not the name of a setting")
    }
    if connectTimeout <= .zero { try refuse("connectTimeout", "make it longer than 0") }
    if pool.maximumConnections < 1 { try refuse("pool.maximumConnections", "allow at least 1") }
    if pool.maximumWaiters < 0 { try refuse("pool.maximumWaiters", "make it 0 or more") }
  }

  private static func isSettingCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
