import Postgres

/// A role of an identity as it is on the target.
struct RoleState: Sendable {
  let name: String
  /// Nil: not ours.
  let mark: RoleMark?
  let isMemberOfOwner: Bool
  /// Its sessions begin with the owner's role.
  let actsAsOwner: Bool
}

struct ReadIdentityRoles: Statement {
  // Names are cast to `name` for the index pg_authid_rolname_index; the driver has checked their length.
  static let sql = """
    SELECT r.rolname::text,
           shobj_description(r.oid, 'pg_authid'),
           EXISTS (SELECT
                   FROM pg_auth_members m
                   JOIN pg_roles o ON o.oid = m.roleid
                   WHERE m.member = r.oid
                     AND o.rolname = $2::name),
           EXISTS (SELECT
                   FROM pg_db_role_setting s
                   WHERE s.setrole = r.oid
                     AND s.setdatabase = 0
                     AND 'role=' || $2 = ANY (s.setconfig))
    FROM pg_roles r
    WHERE r.rolname = ANY ($1::name[])
    """

  let names: [String]
  let owner: String

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(names)
    parameters.append(owner)
  }

  static func decode(_ row: PostgresRow) throws -> RoleState {
    let comment: String? = try row[1]
    return RoleState(
      name: try row[0], mark: comment.flatMap { RoleMark(comment: $0) }, isMemberOfOwner: try row[2],
      actsAsOwner: try row[3])
  }
}
