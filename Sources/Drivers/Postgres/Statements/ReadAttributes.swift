import Postgres

/// `attribute:<word>` for what any of `names` may do by itself.
struct ReadAttributes: Statement {
  static let sql = """
    SELECT DISTINCT 'attribute:' || a.word
    FROM pg_roles r
    CROSS JOIN LATERAL (VALUES ('createdb', r.rolcreatedb), ('createrole', r.rolcreaterole),
                               ('superuser', r.rolsuper), ('replication', r.rolreplication),
                               ('bypassrls', r.rolbypassrls)) AS a (word, held)
    WHERE a.held
      AND r.rolname = ANY ($1::name[])
    """

  let names: [String]

  func bind(_ parameters: inout PostgresParameters) { parameters.append(names) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
