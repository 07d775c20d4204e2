/// In which ways one version of a policy asks for more than the version before. Pure.
package struct PolicyComparison: Sendable, Equatable {
  /// Each stricter point, in words; empty when nothing is stricter.
  package private(set) var stricter: [String] = []
  package private(set) var looser: [String] = []

  package var isStricter: Bool { !stricter.isEmpty }

  package init(from old: PolicyDocument, to new: PolicyDocument) {
    shorter("rotation period", old.lifetimes.rotationPeriod, new.lifetimes.rotationPeriod)
    shorter("overlap", old.lifetimes.overlap, new.lifetimes.overlap)
    shorter("longest life of an identity", old.lifetimes.identityMaximum, new.lifetimes.identityMaximum)
    shorter("age of an approval", old.approvals.maximumAge, new.approvals.maximumAge)
    shorter("age of an attestation", old.attestationMaximumAge, new.attestationMaximumAge)
    if new.lifetimes.secretLength != old.lifetimes.secretLength {
      note("secret length", isStricter: new.lifetimes.secretLength > old.lifetimes.secretLength)
    }
    if new.lifetimes.onExpiry != old.lifetimes.onExpiry {
      note("end of a secret's period", isStricter: new.lifetimes.onExpiry == "revoke")
    }
    compareStages(old.approvals.stages, new.approvals.stages)
    for tier in PrivilegeTier.allCases where old.strength(for: tier) != new.strength(for: tier) {
      note("strength for \(tier.rawValue)", isStricter: new.strength(for: tier) > old.strength(for: tier))
    }
    for action in GovernedAction.allCases.map(\.rawValue) {
      let before = Set(old.approvals.requiredFields[action] ?? [])
      let after = Set(new.approvals.requiredFields[action] ?? [])
      if !after.isSubset(of: before) { note("mandatory fields of \(action)", isStricter: true) }
      if !before.isSubset(of: after) { note("mandatory fields of \(action)", isStricter: false) }
    }
    let added = new.triggers.filter { !old.triggers.contains($0) }
    let removed = old.triggers.filter { !new.triggers.contains($0) }
    if !added.isEmpty { note("triggers \(added.map(\.rawValue).joined(separator: ", "))", isStricter: true) }
    if !removed.isEmpty { note("triggers \(removed.map(\.rawValue).joined(separator: ", "))", isStricter: false) }
    compareRights(old.maximumRights, new.maximumRights)
  }

  /// Other people, another order or more of them is stricter: who approved then need not be who must now.
  private mutating func compareStages(_ old: [PolicyDocument.Stage], _ new: [PolicyDocument.Stage]) {
    let isPrefix =
      new.count <= old.count
      && zip(old, new).allSatisfy { $0.role == $1.role && $1.quorum <= $0.quorum }
    if !isPrefix { note("approval stages", isStricter: true) }
    if isPrefix && (new.count < old.count || zip(old, new).contains { $1.quorum < $0.quorum }) {
      note("approval stages", isStricter: false)
    }
  }

  private mutating func compareRights(_ old: [PolicyDocument.MaximumRights], _ new: [PolicyDocument.MaximumRights]) {
    guard old != new else { return }
    // A rule that is gone or narrower takes something away; no rules at all allow everything.
    let keepsAll =
      new.isEmpty
      || (!old.isEmpty
        && old.allSatisfy { rule in
          new.contains { wider in
            Self.covers(wider.target, rule.target) && Self.covers(wider.environment, rule.environment)
              && Self.covers(wider.purpose, rule.purpose)
              && rule.rights.allSatisfy { right in wider.rights.contains { Self.covers($0, right) } }
          }
        })
    note("maximum rights", isStricter: !keepsAll)
  }

  /// Everything that the narrower pattern matches, the wider one does.
  private static func covers(_ wider: String, _ narrower: String) -> Bool {
    if wider.hasSuffix("*") { return narrower.hasPrefix(wider.dropLast()) }
    return wider == narrower
  }

  private mutating func shorter(_ what: String, _ old: Double?, _ new: Double?) {
    let before = old ?? .infinity
    let after = new ?? .infinity
    if before != after { note(what, isStricter: after < before) }
  }

  private mutating func note(_ what: String, isStricter: Bool) {
    if isStricter { stricter.append(what) } else { looser.append(what) }
  }
}
