// postgresql://user:password@host:port,host2:port2/database?sslmode=require&application_name=…
// The form of libpq, manual 34.1.1.2, with the parameters below; anything else is refused by name, because a mistyped
// `sslmode` must not pass silently. `host=/directory` selects a Unix socket.

extension PostgresConfiguration {
  /// Throws `.invalidConfiguration`; the message names the field and never quotes the URL, which holds the password.
  package init(url: String) throws {
    var rest = url[...]
    guard let scheme = ["postgresql://", "postgres://"].first(where: { url.hasPrefix($0) }) else {
      throw Self.invalid("url", "it must begin with postgresql://")
    }
    rest.removeFirst(scheme.count)
    let (beforeQuery, query) = Self.split(rest, at: "?")
    let (authority, path) = Self.split(beforeQuery, at: "/")
    var hosts = authority
    var user: Substring?
    var password: Substring?
    if let at = authority.lastIndex(of: "@") {
      let (name, secret) = Self.split(authority[..<at], at: ":")
      (user, password) = (name, secret)
      hosts = authority[authority.index(after: at)...]
    }
    self.init(
      endpoints: try Self.endpoints(hosts), database: try Self.decoded(path ?? "", "database"),
      user: try Self.decoded(user ?? "", "user"))
    if let password { try setPassword(password) }
    for item in (query ?? "").split(separator: "&") {
      let (name, value) = Self.split(item, at: "=")
      try apply(String(name), value ?? "")
    }
    if self.user.isEmpty { throw Self.invalid("user", "write postgresql://USER@…") }
    if database.isEmpty { database = self.user }
    if endpoints.isEmpty { throw Self.invalid("host", "name a host, or ?host=/directory for a socket") }
    try validate()
  }

  private mutating func setPassword(_ encoded: Substring) throws {
    guard let password = PostgresPassword(try Self.decoded(encoded, "password")) else {
      throw Self.invalid("password", "it contains a NUL byte")
    }
    self.password = password
  }

  private mutating func apply(_ name: String, _ encoded: Substring) throws {
    let value = try Self.decoded(encoded, name)
    switch name {
    case "host": endpoints = try hostList(value)
    case "port": try setPort(value)
    case "user": user = value
    case "dbname": database = value
    case "password": try setPassword(encoded)
    case "sslmode":
      guard let mode = TLSOptions.Mode(rawValue: value) else {
        throw Self.invalid(name, "use disable, prefer, require, verify-ca or verify-full")
      }
      tls.mode = mode
    case "sslrootcert": tls.rootCertificatePath = value
    case "sslcert": tls.clientCertificatePath = value
    case "sslkey": tls.clientKeyPath = value
    case "target_session_attrs":
      guard let attributes = TargetSessionAttributes(rawValue: value) else {
        throw Self.invalid(name, "use any, read-write, read-only, primary, standby or prefer-standby")
      }
      targetSessionAttributes = attributes
    case "application_name": applicationName = value
    case "role": role = value
    case "connect_timeout":
      guard let seconds = Int(value), seconds > 0 else { throw Self.invalid(name, "give whole seconds, at least 1") }
      connectTimeout = .seconds(seconds)
    case "pool_max":
      guard let count = Int(value), count > 0 else { throw Self.invalid(name, "give a number, at least 1") }
      pool.maximumConnections = count
    default:
      throw Self.invalid(
        name,
        "not known here; known are host, port, user, password, dbname, sslmode, sslrootcert, sslcert, sslkey, "
          + "target_session_attrs, application_name, role, connect_timeout, pool_max")
    }
  }

  private func hostList(_ value: String) throws -> [Endpoint] {
    let port = endpoints.first.map(\.port) ?? 5432
    return value.split(separator: ",").map {
      $0.hasPrefix("/") ? .socket(directory: String($0), port: port) : .tcp(host: String($0), port: port)
    }
  }

  private mutating func setPort(_ value: String) throws {
    guard let port = Int(value), (1...65535).contains(port) else { throw Self.invalid("port", "give 1…65535") }
    endpoints = endpoints.map { $0.with(port: port) }
    // `?port=…&host=…`: the host comes later and takes the port from the placeholder.
    if endpoints.isEmpty { endpoints = [.tcp(host: "localhost", port: port)] }
  }

  private static func endpoints(_ hosts: Substring) throws -> [Endpoint] {
    try hosts.split(separator: ",").map { item in
      var host = item
      var port: Substring?
      if item.hasPrefix("["), let end = item.firstIndex(of: "]") {
        host = item[item.index(after: item.startIndex)..<end]
        let after = item[item.index(after: end)...]
        port = after.hasPrefix(":") ? after.dropFirst() : nil
      } else if let colon = item.lastIndex(of: ":") {
        host = item[..<colon]
        port = item[item.index(after: colon)...]
      }
      let name = try decoded(host, "host")
      let number = port.map { Int($0) ?? 0 } ?? 5432
      guard (1...65535).contains(number) else {
        throw invalid("port", "the port of \(name) is not in 1…65535")
      }
      if name.isEmpty { throw invalid("host", "there is an empty host in the list") }
      return name.hasPrefix("/") ? .socket(directory: name, port: number) : .tcp(host: name, port: number)
    }
  }

  private static func split(_ text: Substring, at separator: Character) -> (Substring, Substring?) {
    guard let index = text.firstIndex(of: separator) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
  }

  private static func decoded(_ text: Substring, _ field: String) throws -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
      guard digits.count == 2 else { throw invalid(field, "a % is not followed by two hexadecimal digits; write %25") }
      rest = rest.dropFirst(2)
      bytes.append(UInt8(digits[0] * 16 + digits[1]))
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw invalid(field, "it is not UTF-8") }
    return text
  }

  private static func invalid(_ field: String, _ remedy: String) -> PostgresError {
    PostgresError(code: .invalidConfiguration, message: "database URL, \(field): \(remedy)")
  }
}

extension PostgresConfiguration.Endpoint {
  package var port: Int {
    switch self {
    case .tcp(_, let port), .socket(_, let port): port
    }
  }

  fileprivate func with(port: Int) -> Self {
    switch self {
    case .tcp(let host, _): .tcp(host: host, port: port)
    case .socket(let directory, _): .socket(directory: directory, port: port)
    }
  }
}
