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

/// The roles of these names, and whoever is a member of the owner: a login of ours that was renamed still is.
struct ReadIdentityRoles: Statement {
  // Names are cast to `name` for the index pg_authid_rolname_index; the driver has checked their length. Two halves, because
  // with OR the server would read all roles.
  static let sql = """
    WITH owner AS (SELECT r.oid FROM pg_roles r WHERE r.rolname = $2::name),
         found AS (SELECT r.oid, r.rolname FROM pg_roles r WHERE r.rolname = ANY ($1::name[])
                   UNION
                   SELECT r.oid, r.rolname
                   FROM owner o
                   JOIN pg_auth_members m ON m.roleid = o.oid
                   JOIN pg_roles r ON r.oid = m.member)
    SELECT f.rolname::text,
           shobj_description(f.oid, 'pg_authid'),
           EXISTS (SELECT
                   FROM pg_auth_members m
                   JOIN owner o ON o.oid = m.roleid
                   WHERE m.member = f.oid),
           EXISTS (SELECT
                   FROM pg_db_role_setting s
                   WHERE s.setrole = f.oid
                     AND s.setdatabase = 0
                     AND 'role=' || $2 = ANY (s.setconfig))
    FROM found f
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

/// The roles whose comment has this mark, whatever they are called now.
struct FindMarkedRoles: Statement {
  static let sql = """
    SELECT r.rolname::text
    FROM pg_shdescription d
    JOIN pg_roles r ON r.oid = d.objoid
    WHERE d.classoid = 'pg_authid'::regclass
      AND (d.description = $1 OR starts_with(d.description, $2))
    ORDER BY 1
    """

  let mark: String

  func bind(_ parameters: inout PostgresParameters) {
    let plain = RoleMark(mark: mark, fence: nil).comment
    parameters.append(plain)
    parameters.append(plain + RoleMark.fencePrefix)
  }

  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
