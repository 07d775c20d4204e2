/// Everything an identity can do on a target, by where it comes from.
///
/// Approval is about `held`: what was given to the identity by name, and what lets it leave the bounds of its groups. What a
/// group may do is approved with the membership; what everybody may do is nobody's approval. Both are reported, neither is
/// counted as extra.
package struct EffectiveRights: Sendable, Equatable {
  /// Compared with what was approved.
  package let held: PrivilegeSet
  /// Through groups, at any depth: `<right>` as the group has it. Not what `held` names already.
  package let inherited: [String: PrivilegeSet]
  /// What everybody has who can log in.
  package let fromPublic: PrivilegeSet
  /// Objects of the identity. What contains others (databases, schemas, …) is in `held` too.
  package let owned: PrivilegeSet
  /// Of what is held, who gave it, where the target keeps that; sorted.
  package let givers: [String: [String]]

  package init(
    held: PrivilegeSet, inherited: [String: PrivilegeSet] = [:], fromPublic: PrivilegeSet = .none,
    owned: PrivilegeSet = .none, givers: [String: [String]] = [:]
  ) {
    self.held = held
    self.inherited = inherited
    self.fromPublic = fromPublic
    self.owned = owned
    self.givers = givers
  }

  /// What was approved and is not there, and what is there and was not approved.
  package func compared(with approved: PrivilegeSet) -> Comparison {
    let extra = held.subtracting(approved)
    return Comparison(
      approved: held.subtracting(extra), extra: extra, missing: approved.subtracting(held))
  }

  package struct Comparison: Sendable, Equatable {
    package let approved: PrivilegeSet
    package let extra: PrivilegeSet
    package let missing: PrivilegeSet

    package var isEqual: Bool { extra.isEmpty && missing.isEmpty }
  }
}

extension TargetDriver {
  /// For targets without groups: what is held is all there is.
  package func readEffectiveRights(
    of identity: TargetIdentity, deadline: ContinuousClock.Instant
  ) async throws -> EffectiveRights {
    EffectiveRights(held: try await readPrivileges(of: identity, deadline: deadline))
  }
}
