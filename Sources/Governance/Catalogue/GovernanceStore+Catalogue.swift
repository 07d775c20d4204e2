package import Foundation
package import Postgres

/// Changes of who owns what and how much depends on it. Each voids what was approved before where the policy says so, in the
/// caller's transaction; each returns the identities that lost an authorization.
extension GovernanceStore {
  /// Gives an identity other owners; nil leaves one as it is. The new ones must be active.
  @discardableResult
  package func changeOwners(
    of identity: NonHumanIdentity, owner: String?, backup: String?, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let newOwner = try await owner.asyncMap { try await person($0, in: transaction) } ?? identity.owner
    let newBackup = try await backup.asyncMap { try await person($0, in: transaction) } ?? identity.backupOwner
    guard newOwner.id != newBackup.id else { throw FieldRule.invalid("backup", "a person other than the owner") }
    if owner != nil, !newOwner.isActive { throw GovernanceError.refused([.ownerInactive]) }
    if backup != nil, !newBackup.isActive { throw GovernanceError.refused([.backupOwnerInactive]) }
    guard newOwner.id != identity.owner.id || newBackup.id != identity.backupOwner.id else { return [] }
    try await transaction.execute(UpdateOwners(identity: identity.id, owner: newOwner.id, backup: newBackup.id))
    return try await change(
      .ownerChanged, of: [identity.id],
      words: "owner and backup owner are now \(newOwner.externalID) and \(newBackup.externalID), and were "
        + "\(identity.owner.externalID) and \(identity.backupOwner.externalID)", in: transaction)
  }

  @discardableResult
  package func setTier(
    _ tier: PrivilegeTier, of identity: NonHumanIdentity, in transaction: Transaction
  ) async throws -> [IdentityID] {
    guard let before = try await transaction.queryFirst(SwapTier(identity: identity.id, tier: tier)) else {
      throw GovernanceError.unknown("identity", identity.name)
    }
    guard let old = PrivilegeTier(rawValue: before), tier > old else { return [] }
    return try await change(
      .tierRaised, of: [identity.id], words: "the privilege tier is now \(tier.rawValue) and was \(old.rawValue)",
      in: transaction)
  }

  /// The owner confirms that the identity is needed as it is.
  package func attest(_ identity: NonHumanIdentity, by person: String, in transaction: Transaction) async throws {
    let person = try await self.person(person, in: transaction)
    guard person.isActive, person.id == identity.owner.id || person.id == identity.backupOwner.id else {
      throw GovernanceError(
        code: .refused, message: "only the active owner or backup owner confirms an identity", reasons: [.ownerInactive]
      )
    }
    try await transaction.execute(UpdateAttestation(identity: identity.id))
  }

  /// - Parameter criticality: 1 low, 2 normal, 3 high, 4 critical; nil leaves it.
  @discardableResult
  package func describeTarget(
    _ name: String, owner: String?, criticality: Int?, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let target = try await target(name, in: transaction)
    if let criticality, !(1...4).contains(criticality) { throw FieldRule.invalid("criticality", "1 to 4") }
    let owner = try await owner.asyncMap { try await person($0, in: transaction) }
    if let owner, !owner.isActive { throw GovernanceError.refused([.ownerInactive]) }
    if criticality != nil { try await transaction.query(LockMassChange()) }
    guard
      let before = try await transaction.queryFirst(
        SwapTargetFacts(target: target.id, owner: owner?.id, criticality: criticality.map { Int16($0) }))
    else { throw GovernanceError.unknown("target", name) }
    guard let criticality, criticality > Int(before) else { return [] }
    return try await change(
      .criticalityRaised, of: try await transaction.query(FindIdentitiesOfTarget(target: target.id)),
      words: "the criticality of \(name) is now \(criticality) and was \(before)", in: transaction)
  }

  // MARK: Entitlements

  /// - Parameter risk: 1 (harmless) to 5 (everything).
  package func setEntitlement(
    _ right: String, on target: String, risk: Int, in runner: some StatementRunner
  ) async throws {
    let right = try FieldRule.text(right, field: "right", maximum: 300)
    guard (1...5).contains(risk) else { throw FieldRule.invalid("risk", "1 to 5") }
    let target = try await self.target(target, in: runner)
    try await runner.execute(UpsertEntitlement(target: target.id, right: right, risk: Int16(risk)))
  }

  package func addToxicPair(
    _ first: String, _ second: String, on target: String, reason: String, in runner: some StatementRunner
  ) async throws {
    let first = try FieldRule.text(first, field: "right", maximum: 300)
    let second = try FieldRule.text(second, field: "right", maximum: 300)
    let reason = try FieldRule.text(reason, field: "reason", maximum: 500)
    guard first != second else { throw FieldRule.invalid("right", "two different rights") }
    let target = try await self.target(target, in: runner)
    try await runner.execute(
      InsertToxicPair(target: target.id, first: min(first, second), second: max(first, second), reason: reason))
  }

  // MARK: Vendors

  /// Adds a vendor or changes its record; any change voids what was approved for it.
  @discardableResult
  package func setVendor(_ vendor: Vendor, in transaction: Transaction) async throws -> [IdentityID] {
    try vendor.validate()
    let sponsor = try await person(vendor.sponsor, in: transaction)
    guard sponsor.isActive else { throw GovernanceError.refused([.vendorSponsorInactive]) }
    var targets: [UUID] = []
    for name in vendor.allowedTargets { targets.append(try await target(name, in: transaction).id.rawValue) }
    try await transaction.query(LockMassChange())
    let old = try await transaction.queryFirst(FindVendor(name: vendor.name))
    try await transaction.execute(UpsertVendor(vendor: vendor, sponsor: sponsor.id, targets: targets))
    guard let old else { return [] }
    return try await change(
      .vendorChanged, of: try await transaction.query(FindIdentitiesOfVendor(vendor: old.id)),
      words: "the record of vendor \(vendor.name) changed", in: transaction)
  }

  /// Flags a vendor with an incident, or clears it. A flag voids at once.
  @discardableResult
  package func flagVendor(
    _ name: String, incident: Bool, reason: String, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let reason = try FieldRule.text(reason, field: "reason", maximum: 400)
    if incident { try await transaction.query(LockMassChange()) }
    guard let vendor = try await transaction.queryFirst(FindVendor(name: name)) else {
      throw GovernanceError.unknown("vendor", name)
    }
    try await transaction.execute(FlagVendor(vendor: vendor.id, incident: incident))
    guard incident else { return [] }
    return try await change(
      .vendorChanged, of: try await transaction.query(FindIdentitiesOfVendor(vendor: vendor.id)),
      words: "vendor \(name) is flagged: \(reason)", in: transaction)
  }

  package func setVendor(
    of identity: NonHumanIdentity, to name: String?, in transaction: Transaction
  ) async throws {
    let vendor = try await name.asyncMap { name in
      guard let vendor = try await transaction.queryFirst(FindVendor(name: name)) else {
        throw GovernanceError.unknown("vendor", name)
      }
      return vendor.id
    }
    try await transaction.execute(UpdateIdentityVendor(identity: identity.id, vendor: vendor))
    _ = try await change(
      .vendorChanged, of: [identity.id], words: "the identity's vendor is now \(name ?? "none")", in: transaction)
  }

  // MARK: Roles and delegations

  /// Gives a person a role from now on, on one target or on all.
  package func assign(
    role: String, to person: String, on target: String?, in transaction: Transaction
  ) async throws {
    guard role.wholeMatch(of: /[a-z][a-z0-9_-]{0,59}/) != nil, !PolicyDocument.Stage.relations.contains(role) else {
      throw FieldRule.invalid("role", "lower-case letters, digits, - and _, and none of the relations such as owner")
    }
    let person = try await self.person(person, in: transaction)
    guard person.isActive else { throw GovernanceError.refused([.approverInactive]) }
    let target = try await target.asyncMap { try await self.target($0, in: transaction).id }
    guard try await transaction.execute(InsertRole(person: person.id, role: role, target: target)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "the person holds the role there already")
    }
  }

  /// As a directory says: also for who is not active, whose decisions do not count anyway. Held already is fine.
  func hold(role: String, by person: String, in transaction: Transaction) async throws {
    let person = try await self.person(person, in: transaction)
    _ = try await transaction.execute(InsertRole(person: person.id, role: role, target: nil))
  }

  /// Ends it now; approvals that rest on it are void.
  @discardableResult
  package func unassign(
    role: String, from person: String, on target: String?, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let person = try await self.person(person, in: transaction)
    let target = try await target.asyncMap { try await self.target($0, in: transaction).id }
    try await transaction.query(LockMassChange())
    guard try await transaction.execute(EndRole(person: person.id, role: role, target: target)) == 1 else {
      throw GovernanceError.unknown("role of \(person.externalID)", role)
    }
    return try await change(
      .personChangedRole, of: try await transaction.query(FindIdentitiesApprovedBy(person: person.id)),
      words: "\(person.externalID) no longer holds the role \(role)", in: transaction)
  }

  /// - Parameter from: not before now; a delegation is registered before it is used.
  package func delegate(
    from delegator: String, to delegate: String, role: String?, target: String?, validFrom: Date?, validUntil: Date,
    registeredBy registrar: String, in transaction: Transaction
  ) async throws -> UUID {
    let delegator = try await person(delegator, in: transaction)
    let delegate = try await person(delegate, in: transaction)
    let registrar = try await person(registrar, in: transaction)
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    guard delegator.id != delegate.id else { throw FieldRule.invalid("to", "another person than the delegator") }
    guard delegator.isActive else { throw GovernanceError.refused([.delegatorInactive]) }
    guard delegate.isActive, registrar.isActive else { throw GovernanceError.refused([.approverInactive]) }
    let from = validFrom ?? now
    guard from >= now.addingTimeInterval(-1) else { throw GovernanceError.refused([.delegationBackDated]) }
    guard validUntil > from, validUntil < from.addingTimeInterval(366 * 86_400) else {
      throw FieldRule.invalid("until", "after its begin and at most a year later")
    }
    let target = try await target.asyncMap { try await self.target($0, in: transaction).id }
    let id = UUID()
    try await transaction.execute(
      InsertDelegation(
        id: id, delegator: delegator.id, delegate: delegate.id, role: role, target: target, validFrom: from,
        validUntil: validUntil, registeredAt: now, registrar: registrar.id))
    return id
  }

  @discardableResult
  package func endDelegation(_ id: UUID, in transaction: Transaction) async throws -> [IdentityID] {
    try await transaction.query(LockMassChange())
    guard try await transaction.execute(EndDelegation(id: id)) == 1 else {
      throw GovernanceError.unknown("delegation in force", id.uuidString.lowercased())
    }
    return try await change(
      .delegationEnded, of: try await transaction.query(FindIdentitiesOfDelegation(delegation: id)),
      words: "the delegation \(id.uuidString.lowercased()) was ended", in: transaction)
  }

  // MARK: Signing keys

  /// Registers a public key; what it signs is this person's.
  package func addSigningKey(_ line: String, of person: String, in runner: some StatementRunner) async throws {
    let key = try SignatureCheck.normalizedKey(line)
    let person = try await self.person(person, in: runner)
    guard try await runner.execute(InsertSigningKey(person: person.id, key: key)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "the key is registered already; a key is one person's")
    }
  }

  package func signingKeys(of person: PersonID, in runner: some StatementRunner) async throws -> [String] {
    try await runner.query(FindSigningKeys(person: person))
  }

  // MARK: Signals

  /// Something was seen that the approval did not know of: drift, a leak, a mismatch, a new consumer.
  @discardableResult
  package func signal(
    _ trigger: ReapprovalTrigger, about identity: NonHumanIdentity, words: String, in transaction: Transaction
  ) async throws -> [IdentityID] {
    guard [.targetDrifted, .leakSignal, .attemptMismatched, .newConsumer].contains(trigger) else {
      throw FieldRule.invalid("signal", "target_drifted, leak_signal, attempt_mismatched or new_consumer")
    }
    let words = try FieldRule.text(words, field: "reason", maximum: 400)
    try TicketText.check(words, field: "reason")
    return try await change(trigger, of: [identity.id], words: words, in: transaction)
  }

  /// As above, for what Keyturn saw by itself on a target or of a consumer. What looks like a secret is not repeated.
  @discardableResult
  package func signal(
    _ trigger: ReapprovalTrigger, about identities: [IdentityID], observed words: String, in transaction: Transaction
  ) async throws -> [IdentityID] {
    try await change(trigger, of: identities, words: TicketText.observed(words), in: transaction)
  }
}
