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

/// The databases in which one of `names` owns something or has a right. Shared objects (database 0) are dealt with from
/// the connected one.
struct ListDatabasesOfRoles: Statement {
  static let sql = """
    SELECT DISTINCT COALESCE(d.datname, current_database())::text
    FROM pg_shdepend s
    JOIN pg_roles r ON r.oid = s.refobjid
    LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass
      AND r.rolname = ANY ($1::name[])
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// How many objects, in all databases, still depend on one of `names`.
struct CountDependencies: Statement {
  // Since 16, memberships are in pg_shdepend too; they go with the role.
  static let sql = """
    SELECT count(*)
    FROM pg_shdepend s
    JOIN pg_roles r ON r.oid = s.refobjid
    WHERE s.refclassid = 'pg_authid'::regclass
      AND s.classid <> 'pg_auth_members'::regclass
      AND r.rolname = ANY ($1::name[])
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}
