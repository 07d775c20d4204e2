import Postgres

/// A direct membership, and who gave it.
struct MembershipGiven: Sendable, Equatable {
  let member: String
  let group: String
  let grantor: String
  /// From 16 on: another one with the same member and group may be there, by somebody else.
  let isPerGrantor: Bool
}

extension MembershipGiven {
  fileprivate static let selection = """
    SELECT r.rolname::text, o.rolname::text, pg_get_userbyid(m.grantor)::text,
           current_setting('server_version_num')::int >= 160000
    FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.member
    JOIN pg_roles o ON o.oid = m.roleid
    """

  fileprivate init(_ row: PostgresRow) throws {
    self.init(member: try row[0], group: try row[1], grantor: try row[2], isPerGrantor: try row[3])
  }
}

/// Those of `members` in `groups`.
struct ListMembershipsGiven: Statement {
  static let sql =
    MembershipGiven.selection + """

      WHERE r.rolname = ANY ($1::name[])
        AND o.rolname = ANY ($2::name[])
      ORDER BY 2, 1, 3
      """

  let members: [String]
  let groups: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(members)
    parameters.append(groups)
  }

  static func decode(_ row: PostgresRow) throws -> MembershipGiven { try MembershipGiven(row) }
}

/// Those in `groups` that one of `grantors` gave to somebody else.
struct ListMembershipsPassedOn: Statement {
  static let sql =
    MembershipGiven.selection + """

      WHERE m.grantor IN (SELECT g.oid FROM pg_roles g WHERE g.rolname = ANY ($1::name[]))
        AND r.rolname <> ALL ($1::name[])
        AND o.rolname = ANY ($2::name[])
      ORDER BY 2, 1, 3
      """

  let grantors: [String]
  let groups: [String]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(grantors)
    parameters.append(groups)
  }

  static func decode(_ row: PostgresRow) throws -> MembershipGiven { try MembershipGiven(row) }
}
