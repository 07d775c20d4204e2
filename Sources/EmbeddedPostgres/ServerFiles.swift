/// The configuration files that are written anew at each start.
struct ServerFiles {
  let configuration: EmbeddedPostgres.Configuration

  /// Included at the end of `postgresql.conf`, so that it wins.
  static let name = "keyturn.conf"

  func settings(_ endpoint: Endpoint) -> String {
    var settings = [
      "password_encryption": "scram-sha-256",
      "max_wal_size": configuration.durability == .fast ? "64MB" : "1GB",
      "min_wal_size": configuration.durability == .fast ? "2MB" : "80MB",
      "log_line_prefix": "%m [%p] ",
      "log_timezone": "UTC",
      "timezone": "UTC",
    ]
    if configuration.durability == .fast {
      for name in ["fsync", "synchronous_commit", "full_page_writes"] { settings[name] = "off" }
    }
    for (name, value) in configuration.settings { settings[name.lowercased()] = value }
    settings["port"] = "\(endpoint.port)"
    settings["listen_addresses"] = configuration.listenOnLoopback ? "127.0.0.1" : ""
    // A list whose elements are quoted, within a string that is quoted.
    settings["unix_socket_directories"] =
      "\"" + endpoint.socketDirectory.replacing("\"", with: "\"\"") + "\""
    settings["unix_socket_permissions"] = "0700"
    let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key) = \(quote($0.value))" }
    return "# Written at each start; changes are lost.\n" + lines.joined(separator: "\n") + "\n"
  }

  var access: String {
    let lines: [String]
    switch configuration.authentication {
    case _ where configuration.hbaLines != nil: lines = configuration.hbaLines ?? []
    case .peerTrust:
      // The socket's folder has mode 0700: whoever reaches it is the server's user or root.
      lines = ["local all all trust", "host all all 127.0.0.1/32 scram-sha-256"]
    case .scram:
      lines = [
        "local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256",
        "host replication all 127.0.0.1/32 scram-sha-256",
      ]
    }
    return "# Written at each start; changes are lost.\n" + lines.joined(separator: "\n") + "\n"
  }

  private func quote(_ value: String) -> String {
    let escaped = value.replacing("\\", with: "\\\\").replacing("'", with: "''").replacing("\n", with: "\\n")
    return "'" + escaped + "'"
  }
}
