import Foundation
import Schedules
import Testing

@testable import Governance

/// Compares `Decision` with a second implementation, written from the rules in another way: it never asks why, it only crosses
/// out votes until the stages are filled or not.
@Suite struct DecisionModelTests {
  @Test func decideAgreesWithAnIndependentModelOverTenThousandHistories() {
    var random = SeededGenerator(seed: 20_261_125)
    var outcomes: [Decision.Outcome: Int] = [:]
    for number in 0..<10_000 {
      let inputs = RandomHistory(&random).inputs
      let decision = Decision.decide(inputs)
      let expected = Model(inputs).outcome
      outcomes[decision.outcome, default: 0] += 1
      if decision.outcome != expected {
        Issue.record("history \(number): \(decision.outcome) for \(decision.reasons), the model says \(expected)")
        return
      }
    }
    // A comparison that never sees an answer proves nothing about it.
    for outcome in [Decision.Outcome.allow, .wait, .block] {
      #expect(outcomes[outcome, default: 0] > 100, "\(outcomes)")
    }
  }
}

private struct RandomHistory {
  let inputs: DecisionInputs

  init(_ random: inout SeededGenerator) {
    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }
    func time(_ range: ClosedRange<Int>) -> FactTime { Facts.at(Double(Int.random(in: range, using: &random))) }
    let ids = [Facts.alice, Facts.bob, Facts.carol, Facts.dave, Facts.erin]
    var inputs = Facts.inputs()
    inputs.moment = pick([.approval, .approval, .recheck])
    inputs.request.actions = pick([[.issue, .rotate], [.rotate], [.revoke], [.issue]])
    if chance(10) { inputs.request.requester = nil }
    if chance(30) { inputs.request.beneficiary = pick(ids) }
    if chance(10) { inputs.request.operatorID = pick(ids) }
    if chance(10) { inputs.request.delegatedApprover = pick(ids) }
    if chance(30) { inputs.request.owningSystem = "sap" }
    if chance(3) { inputs.request.isWithdrawn = true }
    if chance(5) { inputs.request.newestRevision = 2 }
    if chance(8) { inputs.request.ticket = pick([.closed, .mismatched, .unreadable]) }
    inputs.policy.approvals.stages = pick([
      [PolicyDocument.Stage(name: "a", role: "any", quorum: 1)],
      [PolicyDocument.Stage(name: "a", role: "any", quorum: 2)],
      [PolicyDocument.Stage(name: "a", role: "security", quorum: 1)],
      [
        PolicyDocument.Stage(name: "a", role: "any", quorum: 1),
        PolicyDocument.Stage(name: "b", role: "security", quorum: 1),
      ], [PolicyDocument.Stage(name: "a", role: "backup_owner", quorum: 1)],
    ])
    if chance(20) { inputs.policy.approvals.maximumAge = 12 }
    if chance(20) { inputs.policy.approvals.strengthStandard = .freshLogin }
    if chance(10) {
      inputs.policy.approvals.requiredFields = ["issue": ["owning_system"], "revoke": ["delegated_approver"]]
    }
    if chance(15) { inputs.policy.attestationMaximumAge = 15 }
    if chance(5) { inputs.identity.expiresAt = time(15...25) }
    if chance(3) { inputs.identity.toxicPairs = [["a", "b"]] }
    if chance(4) { inputs.evidenceIsWritable = false }
    if chance(15) {
      inputs.vendor = VendorFacts(
        sponsor: pick(ids), contractFrom: time(0...5), contractUntil: time(15...60), reviewValidUntil: time(15...60),
        allowedTargets: chance(90) ? [Facts.target] : [], scopes: chance(90) ? ["member:readers"] : [],
        hasIncident: chance(5))
    }
    for id in ids {
      inputs.person(id) { person in
        if chance(5) { person.state = pick([.suspended, .terminated]) }
        if chance(6) { person.stateSince = time(0...20) }
        if chance(6) { person.source = pick([.stale, .quarantined]) }
        if chance(40) {
          person.roles = [
            PersonFacts.Role(
              name: "security", target: chance(20) ? pick([Facts.target, UUID()]) : nil, from: time(0...12),
              until: chance(20) ? time(13...30) : nil)
          ]
        }
      }
    }
    inputs.delegations = (0..<2).map { _ in
      let delegator = pick(ids)
      return DelegationFacts(
        id: UUID(), delegator: delegator, delegate: pick(ids.filter { $0 != delegator }),
        role: chance(30) ? "security" : nil, target: chance(20) ? pick([Facts.target, UUID()]) : nil,
        validFrom: time(0...9), validUntil: time(9...60), registeredAt: time(0...9), isChained: chance(10))
    }
    inputs.approvals = (0..<Int.random(in: 0...4, using: &random)).map { _ in
      Facts.approval(chance(96) ? pick(ids) : nil, at: Double(Int.random(in: 1...21, using: &random))) { approval in
        approval.stage = chance(70) ? 0 : 1
        approval.verdict = chance(95) ? .approve : .deny
        approval.strength = pick([.helpdesk, .freshLogin, .freshLogin, .signature])
        approval.relations = chance(60) ? ["backup_owner"] : []
        if chance(4) { approval.isHuman = false }
        if chance(4) { approval.isWithdrawn = true }
        if chance(3) { approval.isReused = true }
        if chance(3) { approval.digest = "00" }
        if chance(25) {
          let delegation = pick(inputs.delegations)
          approval.delegation = delegation.id
          approval.actingFor = chance(90) ? delegation.delegator : pick(ids)
          if chance(80) { approval.approver = delegation.delegate }
        }
      }
    }
    if chance(10) { inputs.changes = [ChangeFact(trigger: pick(ReapprovalTrigger.allCases), at: time(5...15))] }
    self.inputs = inputs
  }
}

/// The rules once more, as sentences about sets.
private struct Model {
  let outcome: Decision.Outcome

  init(_ f: DecisionInputs) {
    let active = Set(f.people.filter { $0.state == .active }.map(\.id))
    let reduces = Set(f.request.actions) == [.revoke]
    let policyOpened = f.request.requester == nil
    var forbidden = f.request.isWithdrawn || f.request.ticket == .mismatched
    forbidden = forbidden || f.request.revision != f.request.newestRevision
    if let named = f.request.delegatedApprover, !active.contains(named) { forbidden = true }
    if !policyOpened {
      let wanted = Set(f.request.actions.flatMap { f.policy.approvals.requiredFields[$0.rawValue] ?? [] })
      if wanted.contains("owning_system") && f.request.owningSystem == nil { forbidden = true }
      if wanted.contains("delegated_approver") && f.request.delegatedApprover == nil { forbidden = true }
    }
    var mustWait = !f.evidenceIsWritable && !reduces
    if !reduces {
      if let asked = f.request.requester, !active.contains(asked) { forbidden = true }
      if f.request.ticket == .closed { forbidden = true }
      if f.request.ticket == .unreadable { mustWait = true }
      if !active.isSuperset(of: [f.identity.owner, f.identity.backupOwner]) { forbidden = true }
      if f.now >= f.identity.expiresAt || !f.identity.toxicPairs.isEmpty { forbidden = true }
      if let age = f.policy.attestationMaximumAge,
        Double(f.now.microseconds - f.identity.attestedAt.microseconds) >= age * 1e6
      {
        forbidden = true
      }
      if let vendor = f.vendor {
        let isCurrent = (vendor.contractFrom..<vendor.contractUntil).contains(f.now) && f.now < vendor.reviewValidUntil
        let isAgreed =
          vendor.allowedTargets.contains(f.identity.target)
          && Set(f.identity.rights).isSubset(of: vendor.scopes)
        if !isCurrent || !isAgreed || vendor.hasIncident || !active.contains(vendor.sponsor) { forbidden = true }
      }
      var seen = [f.identity.owner] + f.approvals.compactMap(\.approver)
      if f.request.actions.contains(.issue), let asked = f.request.requester { seen.append(asked) }
      if f.people.contains(where: { seen.contains($0.id) && $0.source != .fresh }) { mustWait = true }
    }
    if !(reduces && policyOpened), !Self.isApproved(f, active, reduces) { forbidden = true }
    outcome = forbidden ? .block : mustWait ? .wait : .allow
  }

  private static func isApproved(_ f: DecisionInputs, _ active: Set<UUID>, _ reduces: Bool) -> Bool {
    let known = Set(f.people.map(\.id))
    let isAboutThis = { (a: ApprovalFacts) in a.digest == f.request.digest && a.revision == f.request.newestRevision }
    let saidNo = f.approvals.contains {
      $0.verdict == .deny && $0.isHuman && !$0.isWithdrawn && isAboutThis($0) && $0.approver.map(known.contains) == true
    }
    if saidNo { return false }
    let tainted = Set([f.request.requester, f.request.beneficiary, f.request.operatorID].compactMap { $0 })
    let candidates = f.approvals.filter { a in
      guard a.verdict == .approve, isAboutThis(a), let who = a.approver, active.contains(who) else { return false }
      guard a.isHuman, !a.isWithdrawn, !a.isReused else { return false }
      let hands = Set([who] + (a.actingFor.map { [$0] } ?? []))
      guard hands.isDisjoint(with: tainted), hands.isSubset(of: active) else { return false }
      if f.moment == .approval, f.people.first(where: { $0.id == who })!.stateSince > a.decidedAt { return false }
      guard a.strength >= f.policy.approvals.strengthStandard else { return false }
      guard (f.request.submittedAt...f.now).contains(a.decidedAt) else { return false }
      if let age = f.policy.approvals.maximumAge, Double(f.now.microseconds - a.decidedAt.microseconds) >= age * 1e6 {
        return false
      }
      if !reduces, f.changes.contains(where: { $0.at >= a.decidedAt }) { return false }
      guard a.stage < f.policy.approvals.stages.count else { return false }
      let role = f.policy.approvals.stages[a.stage].role
      if let source = a.actingFor {
        let lent = f.delegations.contains { d in
          d.id == a.delegation && d.delegator == source && d.delegate == who && d.registeredAt <= a.decidedAt
            && (d.validFrom..<d.validUntil).contains(a.decidedAt) && f.now < d.validUntil && !d.isChained
            && [nil, role].contains(d.role) && [nil, f.identity.target].contains(d.target)
        }
        guard lent else { return false }
      }
      return hasRole(role, a.actingFor ?? who, a, f)
    }
    // Fill the stages in order; each human once.
    var spent: Set<UUID> = []
    var opens: FactTime? = .always
    for (index, stage) in f.policy.approvals.stages.enumerated() {
      var taken = 0
      var complete: FactTime?
      let here = candidates.filter { $0.stage == index }
        .sorted { ($0.decidedAt, $0.id.uuidString) < ($1.decidedAt, $1.id.uuidString) }
      for a in here {
        guard let opens, a.decidedAt >= opens else { continue }
        let hands = Set([a.approver!] + (a.actingFor.map { [$0] } ?? []))
        guard hands.isDisjoint(with: spent) else { continue }
        spent.formUnion(hands)
        taken += 1
        if taken == stage.quorum { complete = a.decidedAt }
      }
      guard taken >= stage.quorum else { return false }
      opens = complete
    }
    return true
  }

  private static func hasRole(_ role: String, _ id: UUID, _ a: ApprovalFacts, _ f: DecisionInputs) -> Bool {
    switch role {
    case "any": return true
    case "backup_owner": return id == f.identity.backupOwner && a.relations.contains("backup_owner")
    default:
      let held = f.people.first { $0.id == id }!.roles.filter { r in
        r.name == role && (r.target ?? f.identity.target) == f.identity.target
      }
      return [a.decidedAt, f.now].allSatisfy { moment in
        held.contains { $0.from <= moment && moment < ($0.until ?? .never) }
      }
    }
  }
}
