import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

/// Each trigger voids what was approved before, in the transaction that changes the fact, and opens a ticket that says what
/// changed and what is needed.
@Suite struct ReapprovalTests {
  private func expect(
    _ trigger: ReapprovalTrigger, _ world: GovernanceWorld, mentions words: String, kind: Ticket.Kind = .reapproval,
    name: String = "svc", line: Int = #line
  ) async throws {
    let place = SourceLocation(fileID: #fileID, filePath: #filePath, line: line, column: 1)
    #expect(try await world.voidCode(name) == trigger.rawValue, sourceLocation: place)
    let tickets = try await world.tickets(kind).filter { $0.subject.hasPrefix(name + ":") }
    #expect(tickets.count == 1, sourceLocation: place)
    let body = tickets.first?.body ?? ""
    #expect(body.contains("What changed:") && body.contains(words), "\(body)", sourceLocation: place)
    #expect(body.contains("What is needed:") && body.contains(trigger.remedy), "\(body)", sourceLocation: place)
    #expect(tickets.first?.dueAt != nil, sourceLocation: place)
    // A new approval under today's facts grants again, unless somebody has to be replaced first.
    let replay = try await world.store.replay(in: world.client)
    #expect(replay.different.isEmpty && replay.decisions > 0, sourceLocation: place)
    await world.close()
  }

  @Test func anAmendedRequest() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    try await world.approve(request)
    let amended = try await world.transaction {
      try await world.store.amend(request.id, actions: [.rotate], by: "alice", in: $0)
    }
    #expect(amended.revision == 2)
    await #expect(throws: GovernanceError.refused([.digestMismatch])) { try await world.approve(request, by: "dave") }
    try await world.approve(amended, by: "dave")
    #expect(try await world.voidCode() == nil)
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM governance.authorization WHERE void_code = 'request_amended'") == 1)
    #expect(try await world.tickets(.reapproval).first?.body.contains("revision 2") == true)
    await world.close()
  }

  @Test(arguments: [ReapprovalTrigger.targetDrifted, .attemptMismatched, .newConsumer])
  func whatWasSeenOnTheTarget(trigger: ReapprovalTrigger) async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.authorized()
    _ = try await world.transaction {
      try await world.store.signal(trigger, about: identity, words: "seen at noon", in: $0)
    }
    try await expect(trigger, world, mentions: "seen at noon")
  }

  @Test func aLeakHasItsOwnClock() async throws {
    let world = try await GovernanceWorld.make(policy: "policy: p\nservice_levels: {leak_contain: 15m}\n")
    let identity = try await world.authorized()
    _ = try await world.transaction {
      try await world.store.signal(.leakSignal, about: identity, words: "found in a public repository", in: $0)
    }
    let ticket = try #require(try await world.tickets(.leak).first)
    #expect(abs(ticket.dueAt!.timeIntervalSince(ticket.causeAt) - 900) < 1)
    try await expect(.leakSignal, world, mentions: "public repository", kind: .leak)
  }

  @Test func anotherOwner() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.authorized()
    try await world.transaction {
      _ = try await world.store.changeOwners(of: identity, owner: "dave", backup: nil, in: $0)
    }
    try await expect(.ownerChanged, world, mentions: "now dave and carol")
  }

  @Test(arguments: ["owner", "approver"])
  func somebodyWhoChangedRoleWhereThePrivilegeIsHigh(part: String) async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity("svc_low")
    let identity = try await world.addIdentity()
    _ = try await world.transaction { try await world.store.setTier(.privileged, of: identity, in: $0) }
    for name in ["svc", "svc_low"] { try await world.approve(try await world.submit([.issue, .rotate], name)) }
    let person = part == "owner" ? "alice" : "bob"
    try await world.transaction {
      _ = try await world.store.put(
        PersonAttributes(externalID: person, department: "Sales"), source: "manual", in: $0)
    }
    #expect(try await world.voidCode("svc_low") == nil)
    try await expect(.personChangedRole, world, mentions: "the \(part), \(person), changed department")
  }

  @Test(arguments: ["alice", "bob", "carol"])
  func somebodyWhoLeft(person: String) async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    try await world.store.setState(.terminated, of: person, in: world.client)
    try await expect(
      .personLeft, world, mentions: "\(person), left", kind: person == "bob" ? .reapproval : .leaver)
  }

  @Test func aDelegationThatEnded() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let delegation = try await world.transaction {
      try await world.store.delegate(
        from: "dave", to: "bob", role: nil, target: nil, validFrom: nil, validUntil: Date(timeIntervalSinceNow: 3600),
        registeredBy: "dave", in: $0)
    }
    try await world.approve(try await world.submit(), by: "bob", for: "dave")
    _ = try await world.transaction { try await world.store.endDelegation(delegation, in: $0) }
    try await expect(.delegationEnded, world, mentions: delegation.uuidString.lowercased())
  }

  @Test func aHigherTier() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.authorized()
    _ = try await world.transaction { try await world.store.setTier(.elevated, of: identity, in: $0) }
    try await expect(.tierRaised, world, mentions: "now elevated and was standard")
  }

  @Test func aMoreCriticalTarget() async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    _ = try await world.transaction {
      try await world.store.describeTarget("db", owner: nil, criticality: 1, in: $0)
    }
    #expect(try await world.voidCode() == nil)
    _ = try await world.transaction {
      try await world.store.describeTarget("db", owner: nil, criticality: 4, in: $0)
    }
    try await expect(.criticalityRaised, world, mentions: "now 4 and was 1")
  }

  @Test func aStricterPolicy() async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    #expect(try await world.activate("policy: p\nlifetimes: {rotation_period: 60d}\n") == 0)
    #expect(try await world.voidCode() == nil)
    #expect(try await world.activate("policy: p\nlifetimes: {rotation_period: 7d}\n") == 1)
    try await expect(.policyStricter, world, mentions: "version 3 asks for more: rotation period")
  }

  @Test(arguments: ["changed", "flagged"])
  func aVendor(what: String) async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.addIdentity()
    var vendor = Vendor(
      name: "acme", sponsor: "dave", contractFrom: Date(timeIntervalSinceNow: -60),
      contractUntil: Date(timeIntervalSinceNow: 86_400), reviewValidUntil: Date(timeIntervalSinceNow: 86_400),
      allowedTargets: ["db"], scopes: ["member:readers"])
    try await world.transaction { [vendor] transaction in
      _ = try await world.store.setVendor(vendor, in: transaction)
      try await world.store.setVendor(of: identity, to: "acme", in: transaction)
    }
    try await world.approve(try await world.submit())
    vendor.scopes.append("member:writers")
    try await world.transaction { [vendor] transaction in
      if what == "flagged" {
        _ = try await world.store.flagVendor("acme", incident: true, reason: "breach", in: transaction)
      } else {
        _ = try await world.store.setVendor(vendor, in: transaction)
      }
    }
    try await expect(.vendorChanged, world, mentions: what)
  }

  @Test func anApprovalThatGrewTooOld() async throws {
    let world = try await GovernanceWorld.make(policy: "policy: p\napprovals: {maximum_age: 1h}\n")
    try await world.authorized()
    // What it granted ends by itself at that moment…
    #expect(
      try await world.database.count(
        """
        SELECT count(*)::text FROM governance.authorization AS a JOIN governance.approval AS p ON p.id = a.approval_id
        WHERE a.valid_until = p.decided_at + interval '1 hour'
        """) == 1)
    // …and the nightly check says so. The clock is moved by making everything older.
    try await age(world, "approval", "decided_at", hours: 2)
    try await age(world, "request", "submitted_at", hours: 3)
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.authorization SET valid_until = now() + interval '1 day'")
    }
    let report = try await world.transaction { try await world.store.recheck(after: nil, limit: 100, in: $0) }
    #expect(report.voided.count == 1 && report.unexpected.isEmpty && report.last == nil)
    try await expect(.approvalTooOld, world, mentions: "older than the policy allows")
  }

  @Test func anAttestationThatGrewTooOld() async throws {
    let world = try await GovernanceWorld.make(policy: "policy: p\nattestation_maximum_age: 24h\n")
    try await world.authorized()
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.identity SET attested_at = now() - interval '25 hours'")
    }
    let report = try await world.transaction { try await world.store.recheck(after: nil, limit: 100, in: $0) }
    #expect(report.voided.count == 1)
    await #expect(throws: GovernanceError.refused([.attestationTooOld])) { try await world.submit() }
    let identity = try await world.identity()
    try await world.transaction { try await world.store.attest(identity, by: "alice", in: $0) }
    try await world.approve(try await world.submit())
    #expect(try await world.voidCode() == nil)
    await world.close()
  }

  @Test func emergencyAccess() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.authorized()
    try await world.transaction { transaction in
      for person in ["dave", "erin"] {
        try await world.store.assign(role: BreakGlass.role, to: person, on: nil, in: transaction)
      }
    }
    _ = try await world.transaction {
      try await world.store.openBreakGlass(for: identity, by: "dave", reason: "database down", in: $0)
    }
    try await expect(.breakGlassUsed, world, mentions: "database down")
  }

  @Test func whatNoLongerHoldsAndWasNotPushedIsReported() async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    // Behind the product's back.
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.person SET state = 'terminated' WHERE external_id = 'carol'")
    }
    let report = try await world.transaction { try await world.store.recheck(after: nil, limit: 100, in: $0) }
    #expect(report.unexpected == [.backupOwnerInactive: 1])
    #expect(try await world.voidCode() == "backup_owner_inactive")
    await world.close()
  }

  /// Who is away and comes back: nothing is void, not even by the nightly check, and no permit is granted meanwhile.
  @Test(arguments: [
    ("alice", ReasonCode.ownerInactive), ("carol", .backupOwnerInactive), ("dave", .requesterInactive),
    ("bob", .approverInactive), ("erin", .approverInactive),
  ])
  func whoIsAwayPausesIt(_ person: String, _ reason: ReasonCode) async throws {
    let world = try await GovernanceWorld.make(
      policy: "policy: p\napprovals: {stages: [{name: one, role: any, quorum: 2}]}\n")
    try await world.addIdentity()
    let request = try await world.submit(by: "dave")
    try await world.approve(request, by: "bob")
    guard case .granted(let authorization) = try await world.approve(request, by: "erin") else {
      Issue.record("not granted")
      return
    }
    func against() async throws -> [ReasonCode]? {
      try await world.client.query(ExplainPermit(authorization: authorization.id, action: .rotate)).first
    }
    func recheck() async throws -> RecheckReport {
      try await world.transaction { try await world.store.recheck(after: nil, limit: 100, in: $0) }
    }
    #expect(try await against() == [])
    try await world.store.setState(.suspended, of: person, in: world.client)
    #expect(try await against()?.contains(reason) == true)
    #expect(try await recheck() == RecheckReport(checked: 1))
    try await world.store.setState(.active, of: person, in: world.client)
    #expect(try await against() == [])
    #expect(try await world.voidCode() == nil)
    try await world.store.setState(.terminated, of: person, in: world.client)
    #expect(try await world.voidCode() == "person_left")
    await world.close()
  }

  /// What was asked for was done: that ends the ticket, and not what it approved for the time after.
  @Test func aTicketThatEndsWithItsProofEndsNothingElse() async throws {
    let world = try await GovernanceWorld.make()
    try await world.addIdentity()
    let request = try await world.submit()
    try await world.transaction { transaction in
      let ticket = try await world.store.importTicket(
        helpdesk: "desk", remoteID: "A-1", subject: "an account", in: transaction)
      try await world.store.bind(ticket, to: request, in: transaction)
    }
    try await world.approve(request)
    func resolve(_ resolution: String) async throws -> [IdentityID] {
      try await world.database.withOwner {
        try await $0.executeScript(
          "UPDATE governance.ticket SET state = 'resolved', resolution = '\(resolution)', proven_at = now(), resolved_at = now()"
        )
      }
      return try await world.transaction { try await world.store.recheck(after: nil, limit: 100, in: $0).voided }
    }
    #expect(try await resolve("proven").isEmpty)
    #expect(try await resolve("expired").count == 1)
    #expect(try await world.voidCode() == "ticket_not_open")
    await world.close()
  }

  private func age(_ world: GovernanceWorld, _ table: String, _ column: String, hours: Int) async throws {
    try await world.database.withOwner {
      try await $0.executeScript(
        """
        ALTER TABLE governance.\(table) DISABLE TRIGGER USER;
        UPDATE governance.\(table) SET \(column) = \(column) - interval '\(hours) hours';
        ALTER TABLE governance.\(table) ENABLE ALWAYS TRIGGER \(table)_append_only;
        """)
    }
  }
}
