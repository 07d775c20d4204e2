import Postgres

/// What the shared catalogs hold of `names`, a line each, besides what is in pg_shdepend. All of it can only be found as long
/// as the role is there: with it goes the number by which it is known.
///
/// A replication slot has no owner. It counts as a role's while a session of the role uses it, and when it is named after the
/// role (`<role>` or `<role>_…`) and after no other with a longer name.
struct ListResidue: Statement {
  static let sql = """
    WITH role AS (SELECT r.oid, r.rolname FROM pg_roles r WHERE r.rolname = ANY ($1::name[]))
    SELECT 'role:' || r.rolname
    FROM role r
    UNION
    SELECT 'member:' || pg_get_userbyid(m.member) || ':' || pg_get_userbyid(m.roleid) || ' by ' || pg_get_userbyid(m.grantor)
    FROM role r
    JOIN pg_auth_members m ON m.member = r.oid
    UNION
    SELECT 'member:' || pg_get_userbyid(m.member) || ':' || pg_get_userbyid(m.roleid) || ' by ' || pg_get_userbyid(m.grantor)
    FROM role r
    JOIN pg_auth_members m ON m.roleid = r.oid
    UNION
    SELECT 'setting:' || r.rolname || ':' || COALESCE(d.datname::text, '*')
    FROM pg_db_role_setting s
    JOIN role r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase
    UNION
    SELECT 'prepared:' || p.owner || ':' || p.database || ':' || p.gid
    FROM pg_prepared_xacts p
    WHERE p.owner = ANY ($1::name[])
    UNION
    SELECT 'slot:' || r.rolname || ':' || COALESCE(s.database::text, '*') || ':' || s.slot_name
    FROM pg_replication_slots s
    LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
    JOIN role r ON a.usesysid = r.oid
                OR s.slot_name = r.rolname
                OR starts_with(s.slot_name::text, r.rolname::text || '_')
                   AND NOT EXISTS (SELECT
                                   FROM pg_roles o
                                   WHERE o.rolname <> ALL ($1::name[])
                                     AND length(o.rolname::text) > length(r.rolname::text)
                                     AND (s.slot_name = o.rolname OR starts_with(s.slot_name::text, o.rolname::text || '_')))
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// What would outlive the roles without a trace of whose it was: prepared transactions and replication slots.
struct ListSurvivors: Statement {
  static let sql = """
    SELECT 'prepared transaction ' || p.gid || ' in ' || p.database
    FROM pg_prepared_xacts p
    WHERE p.owner = ANY ($1::name[])
    UNION
    SELECT 'replication slot ' || s.slot_name
    FROM pg_replication_slots s
    LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
    JOIN pg_roles r ON a.usesysid = r.oid
                    OR s.slot_name = r.rolname
                    OR starts_with(s.slot_name::text, r.rolname::text || '_')
                       AND NOT EXISTS (SELECT
                                       FROM pg_roles o
                                       WHERE o.rolname <> ALL ($1::name[])
                                         AND length(o.rolname::text) > length(r.rolname::text)
                                         AND (s.slot_name = o.rolname
                                              OR starts_with(s.slot_name::text, o.rolname::text || '_')))
    WHERE r.rolname = ANY ($1::name[])
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
