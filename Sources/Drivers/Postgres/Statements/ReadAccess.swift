import Postgres

/// One privilege that an access list gives to a role, or an object that a role owns.
struct AccessEntry: Sendable, Hashable {
  let role: String
  /// `*`: shared by all databases.
  let database: String
  let kind: String
  let object: String
  /// Nil: ownership.
  let privilege: String?
  let mayPassOn: Bool
  /// Who gave it; the owner, for ownership.
  let grantor: String
  /// It contains other objects, or rules over them: a database, a schema, a tablespace, a server, a language, …
  let isContainer: Bool

  /// In the notation of `PrivilegeSet`.
  var right: String {
    let place = "\(database):\(kind):\(object)"
    guard let privilege else { return "owner:\(place)" }
    return "acl:\(place):\(privilege)\(mayPassOn ? "*" : "")"
  }

  /// As residue, with who gave it: only they, or somebody with their rights, can take it back.
  var residue: String {
    let place = "\(role):\(database):\(kind):\(object)"
    guard let privilege else { return "owner:\(place)" }
    return "acl:\(place):\(privilege) by \(grantor)"
  }
}

/// What this database, and the shared catalogs when asked for, give to `names` or let them own. Driven by pg_shdepend, so
/// that it costs what they have and not what the database has.
struct ReadAccess: Statement {
  // What access lists can be on: manual, 5.7 and pg_shdepend. Of a table's columns, each has its own.
  static let sql = """
    WITH role AS (SELECT r.oid, r.rolname FROM pg_roles r WHERE r.rolname = ANY ($1::name[])),
         dep AS (SELECT s.dbid, s.classid, s.objid, s.objsubid, s.deptype, s.refobjid
                 FROM pg_shdepend s
                 JOIN role r ON r.oid = s.refobjid
                 WHERE s.refclassid = 'pg_authid'::regclass
                   AND s.classid <> 'pg_auth_members'::regclass
                   AND (s.dbid = 0 AND $2
                        OR s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))),
         acl (dbid, classid, objid, objsubid, list) AS (
           SELECT DISTINCT d.dbid, d.classid, d.objid, d.objsubid,
                  CASE d.classid
                    WHEN 'pg_class'::regclass THEN
                      CASE WHEN d.objsubid = 0 THEN (SELECT c.relacl FROM pg_class c WHERE c.oid = d.objid)
                           ELSE (SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = d.objid AND a.attnum = d.objsubid) END
                    WHEN 'pg_proc'::regclass THEN (SELECT c.proacl FROM pg_proc c WHERE c.oid = d.objid)
                    WHEN 'pg_namespace'::regclass THEN (SELECT c.nspacl FROM pg_namespace c WHERE c.oid = d.objid)
                    WHEN 'pg_type'::regclass THEN (SELECT c.typacl FROM pg_type c WHERE c.oid = d.objid)
                    WHEN 'pg_language'::regclass THEN (SELECT c.lanacl FROM pg_language c WHERE c.oid = d.objid)
                    WHEN 'pg_largeobject'::regclass THEN
                      (SELECT c.lomacl FROM pg_largeobject_metadata c WHERE c.oid = d.objid)
                    WHEN 'pg_foreign_data_wrapper'::regclass THEN
                      (SELECT c.fdwacl FROM pg_foreign_data_wrapper c WHERE c.oid = d.objid)
                    WHEN 'pg_foreign_server'::regclass THEN
                      (SELECT c.srvacl FROM pg_foreign_server c WHERE c.oid = d.objid)
                    WHEN 'pg_default_acl'::regclass THEN
                      (SELECT c.defaclacl FROM pg_default_acl c WHERE c.oid = d.objid)
                    WHEN 'pg_database'::regclass THEN (SELECT c.datacl FROM pg_database c WHERE c.oid = d.objid)
                    WHEN 'pg_tablespace'::regclass THEN (SELECT c.spcacl FROM pg_tablespace c WHERE c.oid = d.objid)
                    WHEN 'pg_parameter_acl'::regclass THEN
                      (SELECT c.paracl FROM pg_parameter_acl c WHERE c.oid = d.objid)
                  END
           FROM dep d
           WHERE d.deptype = 'a'),
         entry (rolname, dbid, classid, objid, objsubid, privilege, may_pass_on, grantor) AS (
           SELECT r.rolname, a.dbid, a.classid, a.objid, a.objsubid, x.privilege_type, x.is_grantable,
                  pg_get_userbyid(x.grantor)
           FROM acl a
           CROSS JOIN LATERAL aclexplode(a.list) x
           JOIN role r ON r.oid = x.grantee
           UNION ALL
           SELECT r.rolname, d.dbid, d.classid, d.objid, d.objsubid,
                  CASE d.deptype WHEN 'o' THEN NULL WHEN 'r' THEN 'POLICY' ELSE 'DEPENDENCY' END, false, r.rolname
           FROM dep d
           JOIN role r ON r.oid = d.refobjid
           WHERE d.deptype NOT IN ('a', 'i'))
    SELECT e.rolname::text, CASE WHEN e.dbid = 0 THEN '*' ELSE current_database()::text END,
           COALESCE(o.type, e.classid::regclass::text), COALESCE(o.identity, e.objid::text),
           e.privilege, e.may_pass_on, e.grantor::text,
           e.classid IN ('pg_database'::regclass, 'pg_namespace'::regclass, 'pg_tablespace'::regclass,
                         'pg_foreign_data_wrapper'::regclass, 'pg_foreign_server'::regclass, 'pg_language'::regclass,
                         'pg_event_trigger'::regclass, 'pg_extension'::regclass, 'pg_publication'::regclass,
                         'pg_subscription'::regclass)
    FROM entry e
    LEFT JOIN LATERAL pg_identify_object(e.classid, e.objid, e.objsubid) AS o ON true
    ORDER BY 1, 2, 3, 4, 5
    """

  let names: [String]
  let withShared: Bool

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(names)
    parameters.append(withShared)
  }

  static func decode(_ row: PostgresRow) throws -> AccessEntry {
    AccessEntry(
      role: try row[0], database: try row[1], kind: try row[2], object: try row[3], privilege: try row[4],
      mayPassOn: try row[5], grantor: try row[6], isContainer: try row[7])
  }
}

/// The databases in which one of `names` owns something, is on an access list, or is depended on. Null: the shared catalogs.
struct ListDatabasesOfRoles: Statement {
  static let sql = """
    SELECT DISTINCT d.datname::text
    FROM pg_shdepend s
    JOIN pg_roles r ON r.oid = s.refobjid
    LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass
      AND s.classid <> 'pg_auth_members'::regclass
      AND r.rolname = ANY ($1::name[])
    ORDER BY 1
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String? { try row[0] }
}

/// Every database that can be visited.
struct ListDatabases: Statement {
  static let sql = """
    SELECT d.datname::text
    FROM pg_database d
    WHERE d.datallowconn
      AND NOT d.datistemplate
      AND has_database_privilege(d.oid, 'CONNECT')
    ORDER BY 1
    """

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

/// What everybody has in this database beyond a server's factory settings for functions and types: entries of access lists
/// for PUBLIC, databases that anybody may enter, and functions that run with their owner's rights and that anybody may call.
struct ReadPublicAccess: Statement {
  static let sql = """
    WITH acl (classid, objid, objsubid, list) AS (
           SELECT 'pg_class'::regclass, c.oid, 0, c.relacl
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relacl IS NOT NULL AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
           UNION ALL
           SELECT 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl
           FROM pg_attribute a
           JOIN pg_class c ON c.oid = a.attrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE a.attacl IS NOT NULL AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
           UNION ALL
           SELECT 'pg_proc'::regclass, p.oid, 0, COALESCE(p.proacl, acldefault('f', p.proowner))
           FROM pg_proc p
           JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE (p.proacl IS NOT NULL OR p.prosecdef) AND n.nspname NOT IN ('pg_catalog', 'information_schema')
           UNION ALL
           SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspacl
           FROM pg_namespace n
           WHERE n.nspacl IS NOT NULL AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
           UNION ALL
           SELECT 'pg_default_acl'::regclass, d.oid, 0, d.defaclacl
           FROM pg_default_acl d
           UNION ALL
           SELECT 'pg_foreign_server'::regclass, s.oid, 0, s.srvacl
           FROM pg_foreign_server s
           WHERE s.srvacl IS NOT NULL
           UNION ALL
           SELECT 'pg_database'::regclass, d.oid, 0, COALESCE(d.datacl, acldefault('d', d.datdba))
           FROM pg_database d
           WHERE d.datname = current_database())
    SELECT 'acl:' || current_database() || ':' || o.type || ':' || o.identity || ':' || x.privilege_type
    FROM acl a
    CROSS JOIN LATERAL aclexplode(a.list) x
    CROSS JOIN LATERAL pg_identify_object(a.classid, a.objid, a.objsubid) AS o
    WHERE x.grantee = 0
    ORDER BY 1
    """

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
