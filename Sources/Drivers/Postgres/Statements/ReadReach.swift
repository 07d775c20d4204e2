import Postgres

/// A role that an identity can act as or has the rights of, at any depth of membership.
struct ReachedRole: Sendable, Equatable {
  let name: String
  /// 0: one of the identity's own; 1: a direct membership.
  let depth: Int
  /// May put others into it.
  let mayAdmit: Bool
  /// One of the server's own, such as pg_read_all_data.
  let isPredefined: Bool
  /// Of createdb, createrole, superuser, replication, bypassrls.
  let attributes: [String]
}

/// `names` and everything they are members of, directly or not, each once with its smallest depth. What a membership may be
/// used for (16: INHERIT, SET) is not looked at: who has it can be given the rest by its admin.
struct ReadReach: Statement {
  // 16384 is the first number of a role that is not the server's own (FirstNormalObjectId, access/transam.h).
  static let sql = """
    WITH RECURSIVE reach (oid, depth, admits) AS (
      SELECT r.oid, 0, false
      FROM pg_roles r
      WHERE r.rolname = ANY ($1::name[])
      UNION
      SELECT m.roleid, reach.depth + 1, m.admin_option
      FROM reach
      JOIN pg_auth_members m ON m.member = reach.oid
      WHERE reach.depth < 64
    )
    SELECT r.rolname::text, min(reach.depth), bool_or(reach.admits), r.oid < 16384 AND starts_with(r.rolname, 'pg_'),
           array_remove(ARRAY[CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
                              CASE WHEN r.rolsuper THEN 'superuser' END,
                              CASE WHEN r.rolreplication THEN 'replication' END,
                              CASE WHEN r.rolbypassrls THEN 'bypassrls' END], NULL)
    FROM reach
    JOIN pg_roles r ON r.oid = reach.oid
    GROUP BY r.oid, r.rolname, r.rolcreatedb, r.rolcreaterole, r.rolsuper, r.rolreplication, r.rolbypassrls
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  static func decode(_ row: PostgresRow) throws -> ReachedRole {
    ReachedRole(
      name: try row[0], depth: try row[1], mayAdmit: try row[2], isPredefined: try row[3],
      attributes: try row[4])
  }
}
