import CLibPQ
import Glibc

/// The keywords libpq is started with. Blocks: looks up names.
struct ConnectionParameters {
  private var pairs: [(keyword: String, value: String)] = []
  private let password: PostgresPassword?

  /// Throws `.connectionFailed` when no endpoint has an address.
  init(resolving configuration: PostgresConfiguration) throws {
    password = configuration.password
    let places = try Self.places(configuration.endpoints)
    pairs = [
      ("host", places.map(\.host).joined(separator: ",")),
      // Given for every name, because libpq would look up the second host on the loop, in PQconnectPoll.
      ("hostaddr", places.map(\.address).joined(separator: ",")),
      ("port", places.map { String($0.port) }.joined(separator: ",")),
      ("dbname", configuration.database),
      ("user", configuration.user),
      ("application_name", configuration.applicationName),
      ("target_session_attrs", configuration.targetSessionAttributes.rawValue),
      ("sslmode", configuration.tls.mode.rawValue),
      ("client_encoding", "UTF8"),
      // Kerberos would block on its key server.
      ("gssencmode", "disable"),
      // A peer that vanished is noticed within a minute; the kernel's default is two hours.
      ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
      ("tcp_user_timeout", String(Self.patience(configuration))),
    ]
    if let path = configuration.tls.rootCertificatePath { pairs.append(("sslrootcert", path)) }
    if let path = configuration.tls.clientCertificatePath { pairs.append(("sslcert", path)) }
    if let path = configuration.tls.clientKeyPath { pairs.append(("sslkey", path)) }
    let options = Self.options(configuration)
    if !options.isEmpty { pairs.append(("options", options)) }
  }

  /// nil when out of memory.
  func start() -> ConnectionHandle? {
    var storage = pairs.flatMap { [strdup($0.keyword), strdup($0.value)] }
    defer { for pointer in storage { free(pointer) } }
    var keywords: [UnsafePointer<CChar>?] = []
    var values: [UnsafePointer<CChar>?] = []
    for index in pairs.indices {
      keywords.append(UnsafePointer(storage[2 * index]))
      values.append(UnsafePointer(storage[2 * index + 1]))
    }
    func start(_ password: UnsafePointer<CChar>?) -> OpaquePointer? {
      let keyword = strdup("password")
      storage.append(keyword)
      // Empty rather than absent: absent would make libpq read PGPASSWORD and ~/.pgpass.
      let empty = strdup("")
      storage.append(empty)
      keywords += [UnsafePointer(keyword), nil]
      values += [password ?? UnsafePointer(empty), nil]
      return PQconnectStartParams(keywords, values, 0)
    }
    guard let pointer = password?.withCString({ start($0) }) ?? start(nil) else { return nil }
    // Connection failures have no fields, only a text, and only the verbose one names the SQLSTATE.
    PQsetErrorVerbosity(pointer, PQERRORS_VERBOSE)
    // By default libpq prints notices to stderr, and they may quote data.
    PQsetNoticeReceiver(pointer, { _, _ in }, nil)
    return ConnectionHandle(pointer: pointer)
  }

  /// Milliseconds. The kernel also gives up connecting after it, so that one dead host leaves time for the next.
  private static func patience(_ configuration: PostgresConfiguration) -> Int64 {
    let (seconds, attoseconds) = configuration.connectTimeout.components
    let total = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    return max(1000, min(60_000, total / Int64(max(1, configuration.endpoints.count))))
  }

  private static func options(_ configuration: PostgresConfiguration) -> String {
    var settings = configuration.options.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    if let role = configuration.role { settings.append(("role", role)) }
    return settings.map { name, value in "-c \(name)=\(escaped(value))" }.joined(separator: " ")
  }

  /// Backslashes protect spaces and backslashes (manual, 34.1.2, `options`).
  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { text, character in
      if character == " " || character == "\\" { text += "\\" }
      text.append(character)
    }
  }

  private static func places(_ endpoints: [PostgresConfiguration.Endpoint]) throws
    -> [(host: String, address: String, port: Int)]
  {
    var places: [(host: String, address: String, port: Int)] = []
    var unknown: [String] = []
    for endpoint in endpoints {
      switch endpoint {
      case .socket(let directory, let port):
        places.append((directory, "", port))
      case .tcp(let host, let port):
        let addresses = addresses(of: host)
        if addresses.isEmpty { unknown.append(host) }
        places += addresses.map { (host, $0, port) }
      }
    }
    guard !places.isEmpty else {
      throw PostgresError(
        code: .connectionFailed,
        message: "no address is known for \(unknown.joined(separator: ", ")); check the name and the resolver")
    }
    return places
  }

  private static func addresses(of host: String) -> [String] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var first: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &first) == 0 else { return [] }
    defer { freeaddrinfo(first) }
    return sequence(first: first, next: { $0?.pointee.ai_next }).prefix { $0 != nil }.compactMap { entry in
      guard let entry = entry?.pointee else { return nil }
      return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
        let failure = getnameinfo(
          entry.ai_addr, entry.ai_addrlen, buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
        return failure == 0 ? String(cString: buffer.baseAddress!) : nil
      }
    }
  }
}
