import Postgres

struct AdminRights: Sendable {
  let serverVersion: Int
  let mayCreateRoles: Bool
  let maySignal: Bool
  let isInRecovery: Bool
  /// Of the server process that answered.
  let processID: Int32
}

struct ReadAdminRights: Statement {
  static let sql = """
    SELECT current_setting('server_version_num')::int,
           r.rolcreaterole OR r.rolsuper,
           r.rolsuper OR pg_has_role('pg_signal_backend', 'USAGE'),
           pg_is_in_recovery(),
           pg_backend_pid()
    FROM pg_roles r
    WHERE r.rolname = current_user
    """

  static func decode(_ row: PostgresRow) throws -> AdminRights {
    AdminRights(
      serverVersion: try row[0], mayCreateRoles: try row[1], maySignal: try row[2], isInRecovery: try row[3],
      processID: try row[4])
  }
}
