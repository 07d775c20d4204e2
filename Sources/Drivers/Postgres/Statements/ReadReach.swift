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
  /// Who put the identity into it, of direct memberships.
  let grantors: [String]
  /// Of createdb, createrole, superuser, replication, bypassrls.
  let attributes: [String]
}

/// `names` and everything they are members of, directly or not, each once with its smallest depth. What a membership may be
/// used for (16: INHERIT, SET) is not looked at: who has it can be given the rest by its admin.
struct ReadReach: Statement {
  // 16384 is the first number of a role that is not the server's own (FirstNormalObjectId, access/transam.h). LATERAL with
  // OFFSET, because the server takes a recursive set for a large one and would read all roles to join them.
  static let sql = """
    WITH RECURSIVE reach (oid, depth, admits, grantor) AS (
      SELECT r.oid, 0, false, NULL::oid
      FROM pg_roles r
      WHERE r.rolname = ANY ($1::name[])
      UNION
      SELECT m.roleid, reach.depth + 1, m.admin_option, m.grantor
      FROM reach
      CROSS JOIN LATERAL (SELECT x.roleid, x.admin_option, x.grantor
                          FROM pg_auth_members x WHERE x.member = reach.oid OFFSET 0) AS m
      WHERE reach.depth < 64
    ), role (oid, depth, admits, grantors) AS (
      SELECT reach.oid, min(reach.depth), bool_or(reach.admits),
             COALESCE(array_agg(DISTINCT pg_get_userbyid(reach.grantor)::text) FILTER (WHERE reach.depth = 1), '{}')
      FROM reach
      GROUP BY reach.oid
    )
    SELECT r.rolname::text, role.depth, role.admits, r.oid < 16384 AND starts_with(r.rolname, 'pg_'),
           role.grantors,
           array_remove(ARRAY[CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
                              CASE WHEN r.rolsuper THEN 'superuser' END,
                              CASE WHEN r.rolreplication THEN 'replication' END,
                              CASE WHEN r.rolbypassrls THEN 'bypassrls' END], NULL)
    FROM role
    CROSS JOIN LATERAL (SELECT x.oid, x.rolname, x.rolcreatedb, x.rolcreaterole, x.rolsuper, x.rolreplication, x.rolbypassrls
                        FROM pg_roles x WHERE x.oid = role.oid OFFSET 0) AS r
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  static func decode(_ row: PostgresRow) throws -> ReachedRole {
    ReachedRole(
      name: try row[0], depth: try row[1], mayAdmit: try row[2], isPredefined: try row[3],
      grantors: try row[4], attributes: try row[5])
  }
}
