import Postgres

/// One line for everything the server still holds of `names`. Lines other than `prepared` can only be there as long as
/// the role is: with it goes the number by which they would be found.
struct ListResidue: Statement {
  static let sql = """
    WITH role AS (SELECT r.oid, r.rolname
                  FROM pg_roles r
                  WHERE r.rolname = ANY ($1::name[]))
    SELECT 'role:' || r.rolname
    FROM role r
    UNION
    SELECT CASE s.deptype WHEN 'o' THEN 'owner:' WHEN 'a' THEN 'acl:' ELSE 'dependency:' END || r.rolname || ':'
           || COALESCE(d.datname::text, '*') || ':'
           || COALESCE(o.type, s.classid::regclass::text) || ':'
           || COALESCE(o.identity, s.objid::text)
    FROM pg_shdepend s
    JOIN role r ON r.oid = s.refobjid
    LEFT JOIN pg_database d ON d.oid = s.dbid
    LEFT JOIN LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) AS o
           ON s.dbid = 0 OR d.datname = current_database()
    WHERE s.refclassid = 'pg_authid'::regclass
      AND s.classid <> 'pg_auth_members'::regclass
    UNION
    SELECT 'member:' || m.member::regrole || ':' || m.roleid::regrole
    FROM pg_auth_members m
    WHERE m.member IN (SELECT r.oid FROM role r)
       OR m.roleid IN (SELECT r.oid FROM role r)
    UNION
    SELECT 'setting:' || r.rolname || ':' || COALESCE(d.datname::text, '*')
    FROM pg_db_role_setting s
    JOIN role r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase
    UNION
    SELECT 'default_acl:' || r.rolname || ':' || a.defaclobjtype::text
    FROM pg_default_acl a
    JOIN role r ON r.oid = a.defaclrole
    UNION
    SELECT 'user_mapping:' || u.usename || ':' || u.srvname
    FROM pg_user_mappings u
    JOIN role r ON r.oid = u.umuser
    UNION
    SELECT 'prepared:' || p.owner || ':' || p.database || ':' || p.gid
    FROM pg_prepared_xacts p
    WHERE p.owner = ANY ($1::name[])
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
