/// Pure: what one connection has prepared. By text, since two modules may have statement types of one name; the name on
/// the server is the type's with a number, so that a text prepared again never meets its former self.
struct PreparedStatements {
  private var names: [String: String] = [:]
  private var count = 0

  func name(of sql: String) -> String? { names[sql] }

  /// For a statement about to be prepared; `insert` it when the server has accepted it.
  mutating func newName(for name: String) -> String {
    count += 1
    // The server cuts names at 63 bytes; the number stands first so that it survives.
    return "\(count)_\(name.prefix(40))"
  }

  mutating func insert(_ name: String, for sql: String) { names[sql] = name }

  mutating func remove(_ sql: String) { names[sql] = nil }

  /// The statement is gone (a pooler changed the server connection), or the tables it was planned for have changed
  /// (`cached plan must not change result type`, which has no SQLSTATE of its own). Both are found before anything runs.
  static func isStale(_ error: PostgresError) -> Bool {
    error.sqlState == .unknownPreparedStatement || error.sqlState == .featureNotSupported
  }
}
