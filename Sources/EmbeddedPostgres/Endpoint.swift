import Foundation
import Glibc

/// Where the server listens; kept in the data folder, so that a port stays the same over restarts.
struct Endpoint: Sendable, Equatable {
  var port: Int
  var socketDirectory: String

  /// `sockaddr_un.sun_path` has 108 bytes, one of them zero.
  static let longestSocketPath = 107
  private static let longestName = "/.s.PGSQL.65535".utf8.count

  private static func file(_ folder: DataFolder) -> String { folder.path + "/endpoint" }

  static func recorded(in folder: DataFolder) -> Endpoint? {
    guard let text = folder.read(file(folder)) else { return nil }
    var values: [Substring: Substring] = [:]
    for line in text.split(separator: "\n") {
      guard let mark = line.firstIndex(of: "=") else { return nil }
      values[line[..<mark]] = line[line.index(after: mark)...]
    }
    guard let port = values["port"].flatMap({ Int($0) }), let socket = values["socket"] else { return nil }
    return Endpoint(port: port, socketDirectory: String(socket))
  }

  func record(in folder: DataFolder, for user: ServerUser) throws(EmbeddedPostgresError) {
    let text = "port=\(port)\nsocket=\(socketDirectory)\n"
    try folder.write(Array(text.utf8), to: Self.file(folder), for: user)
  }

  /// The socket's folder, made if need be, mode 0700: `socket/` in the data folder, or a short one under /tmp.
  static func socketDirectory(
    in folder: DataFolder, for user: ServerUser, _ actions: inout [String]
  ) throws(EmbeddedPostgresError) -> String {
    let usual = folder.path + "/socket"
    let isShort = usual.utf8.count + longestName <= longestSocketPath
    // libpq takes a comma for the end of a host, and percent-encoding does not help.
    if isShort && !usual.contains(",") {
      if mkdir(usual, 0o700) != 0, errno != EEXIST { throw folder.failure("made", usual) }
      try folder.own(usual, user)
      return usual
    }
    if let known = recorded(in: folder)?.socketDirectory, isPrivate(known, of: user) { return known }
    var template = Array("/tmp/keyturn-pg-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw folder.failure("made", "/tmp/keyturn-pg-XXXXXX") }
    let short = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try folder.own(short, user)
    let reason = isShort ? "has a comma" : "is too long for a socket (\(longestSocketPath) bytes)"
    actions.append("put the socket into \(short), because the path of \(folder.path) \(reason)")
    return short
  }

  /// Removes the sockets and their lock files that a server left, which name its process id as `postmaster.pid` does. Only
  /// while no server runs; the folder is private to it.
  static func removeLeftSockets(of folder: DataFolder, _ user: ServerUser) throws(EmbeddedPostgresError) {
    guard let directory = recorded(in: folder)?.socketDirectory,
      directory == folder.path + "/socket" || isPrivate(directory, of: user)
    else { return }
    for name in folder.names(in: directory) where name.hasPrefix(".s.PGSQL.") {
      try folder.remove("\(directory)/\(name)")
    }
  }

  /// Removes a folder under /tmp when its server has stopped.
  func removeShortFolder() {
    if socketDirectory.hasPrefix("/tmp/keyturn-pg-") { rmdir(socketDirectory) }
  }

  /// Anybody may make a name under /tmp.
  private static func isPrivate(_ path: String, of user: ServerUser) -> Bool {
    var status = stat()
    return path.hasPrefix("/tmp/keyturn-pg-") && lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      && status.st_mode & 0o777 == 0o700 && status.st_uid == user.userID
  }

  /// `preferred` when it is free, else one the kernel picks. Nil when there is none.
  static func freePort(preferring preferred: Int?) -> Int? {
    if let preferred, let port = bindLoopback(UInt16(preferred)) { return port }
    return bindLoopback(0)
  }

  private static func bindLoopback(_ port: UInt16) -> Int? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // As PostgreSQL does: a port whose last connections are still in TIME_WAIT is free.
    var reuse: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
      }
    }
    return bound ? Int(UInt16(bigEndian: address.sin_port)) : nil
  }
}
