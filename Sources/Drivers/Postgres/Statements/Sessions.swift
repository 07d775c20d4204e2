import Postgres

/// Sessions that authenticated as one of `logins`. `usesysid` stays the login also after SET ROLE.
struct CountSessions: Statement {
  static let sql = """
    SELECT count(*)
    FROM pg_stat_activity a
    JOIN pg_roles r ON r.oid = a.usesysid
    WHERE r.rolname = ANY ($1::name[])
    """

  let logins: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(logins) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

/// Tells the sessions of `logins` to end, and returns how many there were.
struct TerminateSessions: Statement {
  static let sql = """
    SELECT count(pg_terminate_backend(a.pid))
    FROM pg_stat_activity a
    JOIN pg_roles r ON r.oid = a.usesysid
    WHERE r.rolname = ANY ($1::name[])
      AND a.pid <> pg_backend_pid()
    """

  let logins: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(logins) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

/// As whom the server let us in, and whom it authenticated.
struct WhoAmI: Statement {
  static let sql = """
    SELECT current_user::text, session_user::text
    """

  static func decode(_ row: PostgresRow) throws -> (current: String, session: String) { (try row[0], try row[1]) }
}
