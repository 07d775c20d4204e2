import Postgres

/// The roles that `member` is a direct member of.
struct ReadMemberships: Statement {
  static let sql = """
    SELECT DISTINCT o.rolname::text
    FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.member
    JOIN pg_roles o ON o.oid = m.roleid
    WHERE r.rolname = $1::name
    """

  let member: String

  func bind(_ parameters: inout PostgresParameters) { parameters.append(member) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
