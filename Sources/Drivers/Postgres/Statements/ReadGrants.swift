import Postgres

/// `acl:<database>:<kind>:<object>` for each access list that names one of `names`; the database of shared objects is
/// `*`. Catalogs other than this database's cannot be read from here: their objects are `<catalog>:<oid>`.
struct ReadGrants: Statement {
  static let sql = """
    SELECT DISTINCT
           'acl:' || COALESCE(d.datname::text, '*') || ':'
           || COALESCE(o.type, s.classid::regclass::text) || ':'
           || COALESCE(o.identity, s.objid::text)
    FROM pg_shdepend s
    JOIN pg_roles r ON r.oid = s.refobjid
    LEFT JOIN pg_database d ON d.oid = s.dbid
    LEFT JOIN LATERAL pg_identify_object(s.classid, s.objid, s.objsubid) AS o
           ON s.dbid = 0 OR d.datname = current_database()
    WHERE s.refclassid = 'pg_authid'::regclass
      AND s.deptype = 'a'
      AND r.rolname = ANY ($1::name[])
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
