import Foundation
import Postgres
import Targets

/// Who can log in, who carries a mark of ours, and `names`; the server's own roles aside. Sessions of all databases.
struct ListLogins: Statement {
  // 16384: as in `ReadReach`. The first superuser has number 10 and is one that people log in as.
  static let sql = """
    WITH session AS (SELECT a.usesysid AS oid, count(*) AS open
                     FROM pg_stat_activity a
                     WHERE a.usesysid IS NOT NULL
                     GROUP BY a.usesysid)
    SELECT r.rolname::text, r.rolcanlogin, d.description, NULLIF(r.rolvaliduntil, 'infinity'), COALESCE(s.open, 0),
           array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
                              CASE WHEN r.rolcreatedb THEN 'createdb' END,
                              CASE WHEN r.rolreplication THEN 'replication' END,
                              CASE WHEN r.rolbypassrls THEN 'bypassrls' END], NULL)
           || ARRAY(SELECT 'member:' || pg_get_userbyid(m.roleid)
                    FROM pg_auth_members m
                    WHERE m.member = r.oid
                    ORDER BY 1)
    FROM pg_roles r
    LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass
    LEFT JOIN session s ON s.oid = r.oid
    WHERE (r.oid >= 16384 OR NOT starts_with(r.rolname, 'pg_'))
      AND (r.rolcanlogin OR starts_with(d.description, 'keyturn:') OR r.rolname = ANY ($1::name[]))
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }

  static func decode(_ row: PostgresRow) throws -> ObservedLogin {
    let comment: String? = try row[2]
    let mark = comment.flatMap { RoleMark(comment: $0) }
    return ObservedLogin(
      name: try row[0], canLogin: try row[1], mark: mark?.mark, fence: mark?.fence, validUntil: try row[3],
      sessions: try row[4], notes: try row[5])
  }
}
