import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

/// Rules as people meet them: real rows, real transactions.
@Suite struct ApprovalStoreTests {
  private let twoStages = """
    policy: p
    approvals:
      stages:
        - {name: business, role: manager}
        - {name: security, role: security, quorum: 2}
    """

  private func staged() async throws -> GovernanceWorld {
    let world = try await GovernanceWorld.make(policy: twoStages)
    try await world.transaction { transaction in
      try await world.store.put(
        PersonAttributes(externalID: "alice", manager: "bob"), source: "manual", in: transaction)
      for person in ["dave", "erin"] {
        try await world.store.assign(role: "security", to: person, on: nil, in: transaction)
      }
    }
    try await world.addIdentity()
    return world
  }

  @Test func stagesAreFilledInOrderByThoseWhoHoldTheRole() async throws {
    let world = try await staged()
    let request = try await world.submit()
    await #expect(throws: GovernanceError.refused([.roleNotHeldNow, .roleNotHeldWhenDeciding])) {
      try await world.approve(request, by: "dave")
    }
    guard case .waiting(stage: "security", missing: 2) = try await world.approve(request, by: "bob"),
      case .waiting(stage: "security", missing: 1) = try await world.approve(request, by: "dave"),
      case .granted = try await world.approve(request, by: "erin")
    else {
      Issue.record("the stages were not filled as the policy says")
      return
    }
    #expect(try await world.store.replay(in: world.client).different.isEmpty)
    await world.close()
  }

  @Test func aRoleThatIsTakenAwayVoidsWhatRestsOnIt() async throws {
    let world = try await staged()
    let identity = try await world.identity()
    _ = try await world.transaction { try await world.store.setTier(.privileged, of: identity, in: $0) }
    let request = try await world.submit()
    for person in ["bob", "dave", "erin"] { try await world.approve(request, by: person) }
    #expect(try await world.voidCode() == nil)
    _ = try await world.transaction {
      try await world.store.unassign(role: "security", from: "erin", on: nil, in: $0)
    }
    #expect(try await world.voidCode() == "person_changed_role")
    await world.close()
  }

  @Test func whyNamesTheStageThatWaitsAndWhoIsMissing() async throws {
    let world = try await staged()
    let request = try await world.submit()
    try await world.approve(request, by: "bob")
    _ = try await world.transaction {
      try await world.store.unassign(role: "security", from: "erin", on: nil, in: $0)
    }
    let identity = try await world.identity()
    let why = try await world.transaction { try await world.store.why(identity, in: $0) }
    #expect(why.outcome == .block)
    #expect(why.reasons == [.approvalMissing, .noEligibleApprover])
    #expect(why.path?.steps.map(\.missing) == [0, 2])
    #expect(why.summary.contains("assign the role"))
    await world.close()
  }

  @Test func aDelegationIsRegisteredBeforeItIsUsedAndNotChained() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    func delegate(_ from: String, _ to: String, starting: Date? = nil) async throws -> UUID {
      try await world.transaction {
        try await world.store.delegate(
          from: from, to: to, role: nil, target: nil, validFrom: starting,
          validUntil: Date(timeIntervalSinceNow: 7200), registeredBy: from, in: $0)
      }
    }
    let request = try await world.submit()
    await #expect(throws: GovernanceError.refused([.delegationUnknown])) {
      try await world.approve(request, by: "bob", for: "dave")
    }
    await #expect(throws: GovernanceError.refused([.delegationBackDated])) {
      _ = try await delegate("dave", "bob", starting: Date(timeIntervalSinceNow: -3600))
    }
    _ = try await delegate("dave", "bob", starting: Date(timeIntervalSinceNow: 3600))
    await #expect(throws: GovernanceError.refused([.delegationNotValidWhenDeciding])) {
      try await world.approve(request, by: "bob", for: "dave")
    }
    // Alice asks, and cannot approve through whoever acts for her.
    _ = try await delegate("alice", "bob")
    await #expect(throws: GovernanceError.refused([.delegatorIsRequester, .delegatorIsBeneficiary])) {
      try await world.approve(request, by: "bob", for: "alice")
    }
    _ = try await delegate("erin", "dave")
    _ = try await delegate("dave", "frank")
    await #expect(throws: GovernanceError.refused([.delegationChained])) {
      try await world.approve(request, by: "frank", for: "dave")
    }
    _ = try await delegate("erin", "bob")
    guard case .granted = try await world.approve(request, by: "bob", for: "erin") else {
      Issue.record("a sound delegation was refused")
      return
    }
    await world.close()
  }

  @Test func denyWinsAndAWithdrawnApprovalVoidsWhatItGranted() async throws {
    let world = try await GovernanceWorld.make(
      policy: "policy: p\napprovals: {stages: [{name: two, role: any, quorum: 2}]}\n")
    try await world.addIdentity()
    let denied = try await world.submit()
    try await world.approve(denied, by: "bob")
    _ = try await world.transaction {
      try await world.store.decide(denied.id, approve: false, by: "dave", sawDigest: denied.digest, in: $0)
    }
    await #expect(throws: GovernanceError.refused([.denied])) { try await world.approve(denied, by: "erin") }

    let before = try await world.submit()
    try await world.approve(before, by: "bob")
    try await world.transaction {
      try await world.store.withdrawApproval(of: before.id, by: "bob", reason: "wrong target", in: $0)
    }
    guard case .waiting(stage: "two", missing: 1) = try await world.approve(before, by: "dave") else {
      Issue.record("a withdrawn approval counted")
      return
    }
    try await world.approve(before, by: "erin")
    #expect(try await world.voidCode() == nil)
    try await world.transaction {
      try await world.store.withdrawApproval(of: before.id, by: "erin", reason: "second thoughts", in: $0)
    }
    #expect(try await world.voidCode() == "approval_withdrawn")
    await world.close()
  }

  @Test func aWithdrawnRequestGrantsNothing() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    try await world.transaction {
      try await world.store.withdraw(request.id, by: "alice", reason: "not needed", in: $0)
    }
    await #expect(throws: GovernanceError.refused([.requestWithdrawn])) { try await world.approve(request) }
    await world.close()
  }

  @Test func automationIsNoApprovalAndOneRecordIsOneDecision() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    func approve(_ request: Request, human: Bool, remote: String) async throws {
      _ = try await world.transaction {
        try await world.store.decide(
          request.id,
          ApprovalInput(
            verdict: .approve, approver: "bob", digest: request.digest, isHuman: human, remoteTransaction: remote),
          in: $0)
      }
    }
    await #expect(throws: GovernanceError.refused([.notAHumanDecision])) {
      try await approve(request, human: false, remote: "rt:1")
    }
    try await approve(request, human: true, remote: "rt:1")
    let second = try await world.submit()
    await #expect(throws: GovernanceError.refused([.approvalReused])) {
      try await approve(second, human: true, remote: "rt:1")
    }
    await world.close()
  }

  @Test func aPrivilegedIdentityNeedsASignatureOverTheDigest() async throws {
    let world = try await GovernanceWorld.make(
      policy: "policy: p\napprovals: {strength: {privileged: signature}}\n")
    let identity = try await world.addIdentity()
    _ = try await world.transaction { try await world.store.setTier(.privileged, of: identity, in: $0) }
    let request = try await world.submit()
    await #expect(throws: GovernanceError.refused([.strengthTooWeak])) { try await world.approve(request) }
    let keys = try SSHKey.make()
    defer { keys.remove() }
    try await world.store.addSigningKey(keys.publicKey, of: "bob", in: world.client)
    let bob = try await world.store.person("bob", in: world.client).id
    let registered = try await world.store.signingKeys(of: bob, in: world.client)
    let check = SignatureCheck()
    let signature = try keys.sign(SignatureCheck.signedBytes(request.digest))
    // For another digest, in another namespace, by nobody's key, and cut short.
    let other = RequestDigest(of: [1])
    for (text, digest) in [
      (signature, other),
      (try keys.sign(SignatureCheck.signedBytes(request.digest), namespace: "file"), request.digest),
      (String(signature.prefix(100)), request.digest), ("", request.digest),
    ] {
      await #expect(throws: GovernanceError.refused([.signatureInvalid])) {
        _ = try await check.verify(text, over: digest, by: bob, keys: registered)
      }
    }
    await #expect(throws: GovernanceError.refused([.signatureInvalid])) {
      _ = try await check.verify(signature, over: request.digest, by: bob, keys: [])
    }
    let verified = try await check.verify(signature, over: request.digest, by: bob, keys: registered)
    await #expect(throws: GovernanceError.refused([.signatureInvalid])) {
      _ = try await world.transaction {
        try await world.store.decide(
          request.id, ApprovalInput(verdict: .approve, approver: "dave", digest: request.digest, signature: verified),
          in: $0)
      }
    }
    let result = try await world.transaction {
      try await world.store.decide(
        request.id, ApprovalInput(verdict: .approve, approver: "bob", digest: request.digest, signature: verified),
        in: $0)
    }
    #expect(result.authorization != nil)
    await #expect(throws: GovernanceError.self) {
      try await world.store.addSigningKey("ssh-ed25519 AAAA", of: "bob", in: world.client)
    }
    await world.close()
  }

  @Test func mandatoryFieldsAreRefusedByTheirName() async throws {
    let world = try await GovernanceWorld.make(
      policy: "policy: p\napprovals: {required_fields: {revoke: [owning_system, delegated_approver]}}\n")
    try await world.addIdentity()
    await #expect(throws: GovernanceError.refused([.missingDelegatedApprover, .missingOwningSystem])) {
      _ = try await world.submit([.revoke])
    }
    await #expect(throws: GovernanceError.refused([.missingDelegatedApprover])) {
      _ = try await world.submit([.revoke], details: RequestDetails(owningSystem: "sap"))
    }
    let request = try await world.submit(
      [.revoke], details: RequestDetails(owningSystem: "sap", delegatedApprover: "dave"))
    let core = String(decoding: request.core, as: UTF8.self)
    #expect(core.contains(#""owningSystem":"sap""#) && core.contains(#""delegatedApprover":"dave""#))
    await world.close()
  }

  @Test func aTicketWithASwappedDigestBlocks() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    let other = try await world.submit()
    try await world.transaction { transaction in
      let ticket = try await world.store.openTicket(
        .request, about: nil, subject: "please", body: "as discussed", in: transaction)
      try await world.store.bind(ticket, to: request, in: transaction)
    }
    // Somebody makes the ticket name what was not asked in it.
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.ticket SET request_digest = sha256('other')")
    }
    await #expect(throws: GovernanceError.refused([.ticketDigestMismatch])) { try await world.approve(request) }
    try await world.approve(other)
    await world.close()
  }

  @Test func aTicketEndsOnlyWithAProofOrADatedException() async throws {
    let world = try await GovernanceWorld.make()
    let ticket = try await world.transaction {
      try await world.store.openTicket(.request, about: nil, subject: "please", body: "", in: $0)
    }
    func close() async throws -> Bool {
      try await world.transaction { try await world.store.close(ticket.number, by: "agent", in: $0) }
    }
    #expect(try await !close())
    let again = try await world.store.ticket(ticket.number, in: world.client)
    #expect(again.isOpen && again.closedWithoutControl == 1)
    #expect(try await world.store.notes(of: again, in: world.client).last?.code == "closed_without_control")
    await #expect(throws: GovernanceError.self) {
      try await world.transaction {
        try await world.store.excuse(
          ticket.number, by: "alice", until: Date(timeIntervalSinceNow: -1), reason: "system is gone", in: $0)
      }
    }
    try await world.transaction {
      try await world.store.excuse(
        ticket.number, by: "alice", until: Date(timeIntervalSinceNow: 86_400), reason: "system is gone", in: $0)
    }
    #expect(try await world.store.ticket(ticket.number, in: world.client).resolution == .unverifiable)
    await world.close()
  }

  @Test func aSecretInATicketIsNotStoredAndOpensALeakCase() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.authorized()
    let body = "it does not work with password: Canary-4711-xyz"
    await #expect(throws: GovernanceError.refused([.secretInTicket])) {
      try await world.transaction {
        _ = try await world.store.openTicket(.request, about: identity.id, subject: "help", body: body, in: $0)
      }
    }
    try await world.transaction {
      try await world.store.reportLeak(of: identity, findings: SecretScan.find(in: body), place: "a ticket", in: $0)
    }
    #expect(try await world.voidCode() == "leak_signal")
    #expect(try await world.tickets(.leak).count == 1)
    #expect(
      try await world.database.count(
        """
        SELECT count(*)::text FROM governance.ticket AS t, governance.ticket_note AS n, governance.reapproval AS r
        WHERE (t.body || t.subject || n.words || r.words) LIKE '%Canary%'
        """) == 0)
    await #expect(throws: GovernanceError.refused([.textTooLong])) {
      try await world.transaction {
        _ = try await world.store.openTicket(
          .request, about: nil, subject: "help", body: String(repeating: "a", count: 1_048_576), in: $0)
      }
    }
    await world.close()
  }

  @Test func twoRightsThatMayNotMeetAreRefused() async throws {
    let world = try await GovernanceWorld.make()
    try await world.store.addToxicPair("member:b", "member:a", on: "db", reason: "pays itself", in: world.client)
    try await world.addIdentity(rights: ["member:a", "member:b"])
    await #expect(throws: GovernanceError.refused([.toxicRights])) { _ = try await world.submit() }
    #expect(EntitlementSet(["b", " a", "b"]) == EntitlementSet(["a", "b"]))
    #expect(EntitlementSet(["a", "c"]).beyond(EntitlementSet(["a"])) == ["c"])
    await world.close()
  }

  @Test func aVendorWhoseReviewLapsedIsBlockedUntilItIsRenewed() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.addIdentity()
    func set(review seconds: Double) async throws {
      let vendor = Vendor(
        name: "acme", sponsor: "dave", contractFrom: Date(timeIntervalSinceNow: -86_400),
        contractUntil: Date(timeIntervalSinceNow: 86_400), reviewValidUntil: Date(timeIntervalSinceNow: seconds),
        allowedTargets: ["db"], scopes: ["member:readers"])
      _ = try await world.transaction { try await world.store.setVendor(vendor, in: $0) }
    }
    try await set(review: -1)
    try await world.transaction { try await world.store.setVendor(of: identity, to: "acme", in: $0) }
    await #expect(throws: GovernanceError.refused([.vendorReviewLapsed])) { _ = try await world.submit() }
    try await set(review: 3600)
    guard case .granted(let authorization) = try await world.approve(try await world.submit()) else {
      Issue.record("the renewed vendor was refused")
      return
    }
    // What it grants ends with the review.
    #expect(authorization.validUntil.timeIntervalSinceNow < 3601)
    await world.close()
  }

  @Test func emergencyAccessTakesTwoRegisteredPeopleAndEndsInFourHours() async throws {
    let world = try await GovernanceWorld.make(policy: twoStages)
    let identity = try await world.addIdentity()
    func open(_ person: String) async throws -> Request {
      try await world.transaction {
        try await world.store.openBreakGlass(for: identity, by: person, reason: "database down", in: $0)
      }
    }
    func confirm(_ request: Request, _ person: String) async throws -> Authorization {
      try await world.transaction {
        try await world.store.confirmBreakGlass(request.id, by: person, sawDigest: request.digest, in: $0)
      }
    }
    await #expect(throws: GovernanceError.refused([.notRegisteredForBreakGlass])) { _ = try await open("dave") }
    try await world.transaction { transaction in
      for person in ["dave", "erin"] {
        try await world.store.assign(role: BreakGlass.role, to: person, on: nil, in: transaction)
      }
    }
    let request = try await open("dave")
    await #expect(throws: GovernanceError.refused([.samePersonTwice])) { _ = try await confirm(request, "dave") }
    await #expect(throws: GovernanceError.refused([.notRegisteredForBreakGlass])) {
      _ = try await confirm(request, "frank")
    }
    await #expect(throws: GovernanceError.self) { try await world.approve(request, by: "erin") }
    let authorization = try await confirm(request, "erin")
    #expect(authorization.validUntil.timeIntervalSinceNow <= 4 * 3600)
    #expect(authorization.validUntil.timeIntervalSinceNow > 4 * 3600 - 120)
    // It holds under the nightly check, and is on record for a review by somebody else.
    let report = try await world.transaction { try await world.store.recheck(after: nil, limit: 10, in: $0) }
    #expect(report.checked == 1 && report.voided.isEmpty)
    func review(_ person: String) async throws {
      try await world.transaction {
        try await world.store.reviewBreakGlass(request.id.rawValue, by: person, verdict: "justified", in: $0)
      }
    }
    await #expect(throws: GovernanceError.refused([.reviewerTookPart])) { try await review("erin") }
    await #expect(throws: GovernanceError.refused([.alreadyDecided])) { _ = try await confirm(request, "erin") }
    try await review("alice")
    await #expect(throws: GovernanceError.self) { try await review("alice") }
    let tickets = try await world.tickets(.breakGlass)
    #expect(tickets.count == 1 && tickets.first?.resolution == .proven)
    // Every step of it is in the log: opened, confirmed, reviewed.
    #expect(
      try await world.database.count(
        """
        SELECT count(*)::text FROM evidence.event
        WHERE case_id = '\(request.id)' AND convert_from(body, 'UTF8') LIKE '%governance.break_glass%'
        """) == 3)
  }

  @Test func emergencyAccessThatNobodyConfirmsWithinAnHourLapses() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.addIdentity()
    try await world.transaction { transaction in
      for person in ["dave", "erin"] {
        try await world.store.assign(role: BreakGlass.role, to: person, on: nil, in: transaction)
      }
    }
    let request = try await world.transaction {
      try await world.store.openBreakGlass(for: identity, by: "dave", reason: "database down", in: $0)
    }
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.break_glass SET opened_at = now() - interval '61 minutes'")
    }
    await #expect(throws: GovernanceError.refused([.breakGlassLapsed])) {
      _ = try await world.transaction {
        try await world.store.confirmBreakGlass(request.id, by: "erin", sawDigest: request.digest, in: $0)
      }
    }
    await world.close()
  }

  @Test func whoProposedAPolicyDoesNotPutItIntoForce() async throws {
    let world = try await GovernanceWorld.make()
    func propose() async throws -> PolicyVersion {
      try await world.transaction {
        try await world.store.propose("policy: p\nlifetimes: {overlap: 2h}\n", by: "erin", ticket: "T-9", in: $0)
      }
    }
    func decide(_ version: PolicyVersion, _ person: String, approve: Bool = true, digest: RequestDigest? = nil)
      async throws
    {
      _ = try await world.transaction {
        try await world.store.decidePolicy(
          version.policy, version: version.version, approve: approve, by: person, sawDigest: digest ?? version.digest,
          in: $0)
      }
    }
    let version = try await propose()
    await #expect(throws: GovernanceError.refused([.proposerDecides])) { try await decide(version, "erin") }
    await #expect(throws: GovernanceError.refused([.digestMismatch])) {
      try await decide(version, "frank", digest: RequestDigest(of: [1]))
    }
    try await decide(version, "frank")
    #expect(try await world.store.policy("p", in: world.client).overlap == 7200)
    await #expect(throws: GovernanceError.refused([.alreadyDecided])) { try await decide(version, "dave") }
    let second = try await propose()
    try await decide(second, "frank", approve: false)
    await #expect(throws: GovernanceError.refused([.denied])) { try await decide(second, "dave") }
    await world.close()
  }

  @Test func aSimulationSaysWhatAPolicyWouldVoidAndChangesNothing() async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    let simulation = try await world.transaction {
      try await world.store.simulate(
        "policy: p\nmaximum_rights: [{rights: [\"member:writers\"]}]\n", in: $0)
    }
    #expect(simulation.comparison.stricter == ["maximum rights"])
    #expect(simulation.voided == ["svc"])
    #expect(simulation.breaking["svc"] == [.rightsExceedPolicy])
    #expect(try await world.voidCode() == nil)
    await world.close()
  }
}
