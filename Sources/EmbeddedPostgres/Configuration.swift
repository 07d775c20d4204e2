extension EmbeddedPostgres {
  /// What server to run. It applies when the server starts; one that runs already is used as it is.
  package struct Configuration: Sendable {
    /// Holds `cluster/`, `socket/`, `postgres.log` and our own small files; made when it is missing, mode 0700. As root,
    /// each parent must be searchable by the server's user.
    package var dataDirectory: String
    /// True: also TCP on 127.0.0.1, with SCRAM. Default: the socket only.
    package var listenOnLoopback: Bool
    /// Nil: the port of the last start while it is free, else any free one; 5432 without TCP, where it only names the
    /// socket.
    package var port: Int?
    package var authentication: Authentication
    /// With `.peerTrust`, the superuser that initdb makes. Default `keyturn`.
    package var superuser: String
    /// Replaces the lines of `pg_hba.conf` that follow from `authentication`.
    package var hbaLines: [String]?
    /// Names and values as in `postgresql.conf`, such as `shared_buffers` and `16MB`.
    package var settings: [String: String]
    package var durability: Durability
    /// A folder that keeps initialised clusters to copy from, which is about ten times as fast as initdb; filled on first
    /// use. Not used with `.scram`, whose password is set when the cluster is initialised.
    package var template: String?
    /// Folder of `postgres`, `initdb` and `pg_ctl`. Nil: `KEYTURN_PG_BIN`, else the newest one installed.
    package var binaries: String?
    /// More of the server's environment than the fixed `PATH`, `LC_ALL`, `TZ` and `HOME`, such as a library to be loaded first.
    package var environment: [String: String]

    package init(
      dataDirectory: String, listenOnLoopback: Bool = false, port: Int? = nil,
      authentication: Authentication = .peerTrust, superuser: String = "keyturn", hbaLines: [String]? = nil,
      settings: [String: String] = [:], durability: Durability = .durable, template: String? = nil,
      binaries: String? = nil, environment: [String: String] = [:]
    ) {
      self.dataDirectory = dataDirectory
      self.listenOnLoopback = listenOnLoopback
      self.port = port
      self.authentication = authentication
      if case .scram(let name, _) = authentication {
        self.superuser = name
      } else {
        self.superuser = superuser
      }
      self.hbaLines = hbaLines
      self.settings = settings
      self.durability = durability
      self.template = template
      self.binaries = binaries
      self.environment = environment
    }
  }

  package enum Authentication: Sendable, CustomStringConvertible, CustomReflectable {
    /// No password on the socket: its folder lets in only the server's user and root. SCRAM on TCP.
    case peerTrust
    /// SCRAM everywhere; for a server that plays a target. The password, without line ends, is set at initialisation.
    case scram(adminUser: String, adminPassword: [UInt8])

    package var description: String {
      switch self {
      case .peerTrust: "peerTrust"
      case .scram(let name, _): "scram(\(name), ***)"
      }
    }

    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
  }

  package enum Durability: Sendable {
    case durable
    /// Without fsync: for tests, whose data may be lost with the machine.
    case fast
  }
}

extension EmbeddedPostgres.Configuration {
  private static let reserved: Set = [
    "port", "listen_addresses", "unix_socket_directories", "hba_file", "data_directory", "config_file",
  ]

  func validate() throws(EmbeddedPostgresError) {
    for (name, value) in settings {
      let isName = !name.isEmpty && name.utf8.allSatisfy { isWordByte($0) || $0 == UInt8(ascii: ".") }
      guard isName, !value.utf8.contains(0) else { throw invalid("\(name) is not the name of a setting") }
      guard !Self.reserved.contains(name.lowercased()) else {
        throw invalid("\(name) cannot be among the settings, since it follows from the other fields; leave it out")
      }
    }
    for (name, value) in environment {
      guard !name.isEmpty, !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }), !value.utf8.contains(0)
      else { throw invalid("\(name) is not the name of an environment variable") }
    }
    if let port, !(1...65_535).contains(port) { throw invalid("port \(port) is not from 1 to 65535") }
    guard !superuser.isEmpty, !superuser.utf8.contains(0) else {
      throw invalid("the superuser's name is empty; name it")
    }
    if case .scram(_, let password) = authentication, password.isEmpty || password.contains(where: { $0 < 0x20 }) {
      throw invalid("the admin password is empty or has control characters; use printable ones")
    }
    if let line = hbaLines?.first(where: { $0.utf8.contains { $0 < 0x20 && $0 != 9 } }) {
      throw invalid("a line of hbaLines has a line end (\(line.prefix(20))…); give each line as its own element")
    }
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private func invalid(_ reason: String) -> EmbeddedPostgresError {
    EmbeddedPostgresError(code: .invalidConfiguration, message: "The server cannot be set up so: \(reason).")
  }
}
