import Postgres

/// Of `names`, the roles whose rights the admin does not have yet; for a superuser none.
struct ListRolesToJoin: Statement {
  static let sql = """
    SELECT r.rolname::text
    FROM pg_roles r
    WHERE r.rolname = ANY ($1::name[])
      AND NOT pg_has_role(r.oid, 'USAGE')
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// Of `names`, the roles the admin is a direct member of. What the server gave their creator by itself (16 and later)
/// was granted by another role and stays.
struct ListRolesToLeave: Statement {
  static let sql = """
    SELECT DISTINCT r.rolname::text
    FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.roleid
    JOIN pg_roles a ON a.oid = m.member
    WHERE r.rolname = ANY ($1::name[])
      AND a.rolname = current_user
      AND m.grantor = a.oid
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
