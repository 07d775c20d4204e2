import Postgres
import Targets

/// Takes rights away: memberships of the identity and of its logins, by whomever they were given, as far as the server lets
/// the admin act for the giver.
///
/// Refused as residue, with the first right that is left and who gave it, when one stays: a REVOKE by anybody else says that
/// it worked, or warns, and does nothing. What could be taken is taken all the same.
struct RevokeRights {
  let identity: TargetIdentity
  let rights: PrivilegeSet
  let driver: PostgresTargetDriver

  private static let membership = "member:"

  private var groups: [String] {
    rights.entries.compactMap { right in
      right.hasPrefix(Self.membership) ? String(right.dropFirst(Self.membership.count)) : nil
    }
  }

  func run(_ context: EffectContext) async throws {
    guard groups.allSatisfy(PostgresTargetSettings.isName) else { throw EffectRefusal(.other, .nameTooLong) }
    let passedOn = try await driver.client.withConnection { connection in
      try await FencedTransaction.run(on: connection, identity: identity, context: context) { fenced in
        let given = try await fenced.transaction.query(
          ListMembershipsGiven(members: fenced.existing(identity.names), groups: groups))
        for membership in given { try await revoke(membership, fenced) }
        try await fenced.writeFence()
        return try await fenced.transaction.query(
          ListMembershipsPassedOn(grantors: identity.names, groups: groups))
      }
    }
    let (held, givers) = try await driver.readHeld(of: identity, context.deadline)
    let left = rights.entries.filter(Set(held.entries).contains)
    guard let first = left.first else { return }
    // What the identity passed on stands in the way of its own, and is somebody else's access.
    if let other = passedOn.first(where: { left.contains(Self.membership + $0.group) }) {
      throw EffectRefusal(
        .residue, .dependentObjectsStillExist, "\(Self.membership)\(other.member):\(other.group) by \(other.grantor)")
    }
    let grantors = givers[first].map { " by " + $0.joined(separator: ", ") } ?? ""
    throw EffectRefusal(.residue, .dependentObjectsStillExist, first + grantors)
  }

  /// What the server refuses is found to be left.
  private func revoke(_ membership: MembershipGiven, _ fenced: FencedTransaction) async throws {
    let (group, member, grantor) = (membership.group, membership.member, membership.grantor)
    do {
      try await fenced.transaction.savepoint { transaction in
        // Up to 15 a role is in another once, whoever says so; from 16 on once for each who said so.
        if membership.isPerGrantor {
          try await transaction.execute(
            "REVOKE \(identifier: group) FROM \(identifier: member) GRANTED BY \(identifier: grantor)")
        } else {
          try await transaction.execute("REVOKE \(identifier: group) FROM \(identifier: member)")
        }
      }
    } catch let error as PostgresError
      where error.sqlState == .insufficientPrivilege || error.sqlState == .dependentObjectsStillExist
    {}
  }
}
