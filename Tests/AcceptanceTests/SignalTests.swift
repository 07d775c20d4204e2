import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Targets
import TestSupport
import Testing

/// What other modules see voids what was approved before, and opens a ticket that says what changed and what is needed.
@Suite(.timeLimit(.minutes(5))) struct SignalTests {
  private func makeWorld() async throws -> SimulatedWorld {
    let world = try await SimulatedWorld.make()
    // Duties keep the pace of the worker that ran them last.
    try await world.withWorker(planEvery: 0.05) { try await world.settled() }
    return world
  }

  private func expect(
    _ world: SimulatedWorld, _ trigger: ReapprovalTrigger, says words: String, line: Int = #line
  ) async throws {
    let place = SourceLocation(fileID: #fileID, filePath: #filePath, line: line, column: 1)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM governance.authorization WHERE void_code = '\(trigger.rawValue)'") == 1,
      sourceLocation: place)
    let governance = world.composition.governance
    let tickets = try await governance.tickets(kind: .reapproval, onlyOpen: true, in: world.composition.client)
    #expect(tickets.count == 1, sourceLocation: place)
    let body = tickets.first?.body ?? ""
    #expect(body.contains("What changed: ") && body.contains(words), "\(body)", sourceLocation: place)
    #expect(body.contains("What is needed: \(trigger.remedy)"), "\(body)", sourceLocation: place)
    // Nothing is rotated until it was approved again.
    #expect(try await world.requestRotations() == 0, sourceLocation: place)
    try await world.approve([.issue, .rotate], "svc")
  }

  private func verify(_ world: SimulatedWorld) async throws {
    #expect(try await world.composition.lifecycle.verifyNow(try await world.identity()))
    try await world.withWorker(planEvery: 0.05) {
      try await world.database.eventually {
        try await world.database.count("SELECT count(*) FROM lifecycle.verification") == 1
      }
      try await world.settled()
    }
  }

  @Test func aRightThatNobodyApproved() async throws {
    let world = try await makeWorld()
    world.target.setRights(["member:readers", "member:owners"], of: "svc")
    try await verify(world)
    try await expect(world, .targetDrifted, says: "rights_extra, extra: member:owners")
    try await world.close()
  }

  @Test func aForeignWriter() async throws {
    let world = try await makeWorld()
    world.target.setMark("somebody else", fence: 1, of: "svc")
    try await verify(world)
    try await expect(world, .targetDrifted, says: "foreign_writer")
    try await world.close()
  }

  @Test func whatARotationFindsOtherThanItWasApproved() async throws {
    let world = try await makeWorld()
    world.target.setRights(["member:readers", "member:owners"], of: "svc")
    #expect(try await world.requestRotations() == 1)
    try await world.withWorker {
      try await world.database.eventually {
        try await world.database.count("SELECT count(*) FROM lifecycle.rotation WHERE state = 'quarantined'") == 1
      }
    }
    // A person decides about what stopped by itself; nothing follows behind their back.
    #expect(try await world.database.count("SELECT count(*) FROM lifecycle.lost_authority") == 0)
    try await expect(world, .attemptMismatched, says: "1 rights on the target were not approved")
    world.target.setRights(["member:readers"], of: "svc")
    _ = try await world.composition.lifecycle.decideQuarantine(
      try await world.identity(), .release, by: "alice", reason: "taken away by hand")
    try await world.withWorker { try await world.settled() }
    #expect(try await world.secret().version == 2)
    try await world.close()
  }

  /// From the signal to the ticket, the cut and the proof.
  @Test func theClocksOfALeak() async throws {
    let world = try await makeWorld()
    let governance = world.composition.governance
    try await world.composition.client.withTransaction { transaction in
      let identity = try await governance.identity("svc", on: nil, in: transaction)
      try await governance.signal(.leakSignal, about: identity, words: "seen in a public repository", in: transaction)
    }
    try await world.approve([.issue, .rotate], "svc")
    world.calls.watch { call in
      guard call.verb == .change(.endSessions) else { return }
      // Cut off and not proven: the first clock stops, the ticket stays open.
      do {
        #expect(try await world.composition.lifecycle.settleTickets() == 0)
      } catch { Issue.record("\(error)") }
    }
    try await world.withWorker(planEvery: 0.05) {
      _ = try await world.requestRotations()
      try await world.settled()
    }
    _ = try await world.composition.lifecycle.settleTickets()
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM keyturn.v_ticket
        WHERE kind = 'leak' AND resolution = 'proven' AND NOT is_late
          AND cause_at <= opened_at AND opened_at < contained_at AND contained_at < proven_at
        """) == 1)
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM keyturn.v_sla
        WHERE kind = 'leak' AND tickets = 1 AND proven = 1 AND late = 0 AND to_ticket_p50 <= to_contained_p50
          AND to_ticket_p95 <= to_contained_p95 AND to_contained_p50 <= to_proven_p50 AND to_contained_p95 <= to_proven_p95
        """) == 1)
    // Contained in time is in time, whenever it was proven; not contained is late.
    try await world.database.withOwner {
      try await $0.executeScript(
        "UPDATE governance.ticket SET due_at = contained_at + (proven_at - contained_at) / 2 WHERE kind = 'leak'")
    }
    #expect(try await world.database.count("SELECT late FROM keyturn.v_sla WHERE kind = 'leak'") == 0)
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.ticket SET due_at = cause_at + (contained_at - cause_at) / 2")
    }
    #expect(try await world.database.count("SELECT late FROM keyturn.v_sla WHERE kind = 'leak'") == 1)
    try await world.close()
  }

  @Test func aNewConsumer() async throws {
    let world = try await makeWorld()
    let added = try await world.composition.lifecycle.addConsumer(
      "web", of: try await world.identity(), webhook: nil, expiresAt: nil, by: "carol", reason: "orders API")
    #expect(added.needsApproval)
    try await expect(world, .newConsumer, says: "carol registered the consumer web")
    #expect(try await world.requestRotations() == 1)
    try await world.close()
  }

  @Test func theEndOfAVendorIsATicketAndARemovalWhereThePolicySaysSo() async throws {
    let world = try await makeWorld()
    let governance = world.composition.governance
    let vendor = Vendor(
      name: "acme", sponsor: "carol", contractFrom: Date(timeIntervalSinceNow: -7200),
      contractUntil: Date(timeIntervalSinceNow: 3600), reviewValidUntil: Date(timeIntervalSinceNow: 7200),
      allowedTargets: ["sim"], scopes: ["member:readers"])
    try await world.composition.client.withTransaction { transaction in
      _ = try await governance.setVendor(vendor, in: transaction)
      try await governance.setVendor(
        of: try await governance.identity("svc", on: nil, in: transaction), to: "acme", in: transaction)
    }
    try await world.approve([.issue, .rotate], "svc")
    #expect(try await world.composition.lifecycle.openEndTickets() == 0)
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE governance.vendor SET contract_until = now() - interval '1 minute'")
    }
    #expect(try await world.composition.lifecycle.openEndTickets() == 1)
    #expect(try await world.composition.lifecycle.openEndTickets() == 0)
    let ticket = try #require(try await governance.tickets(kind: .vendorEnd, in: world.composition.client).first)
    #expect(ticket.body.contains("What changed: the contract with acme ended"))
    #expect(ticket.body.contains("What is needed: remove it"))
    // The clock runs from the end of the contract, for a day.
    #expect(abs(ticket.dueAt!.timeIntervalSince(ticket.causeAt) - 86_400) < 1)
    #expect(Date().timeIntervalSince(ticket.causeAt) > 55)
    #expect(try await world.requestRotations() == 0)
    // Only asked for until the policy says more.
    let policy =
      "policy: short\nlifetimes: {rotation_period: 1h, rotation_jitter: 0s, overlap: 0s, settle: 1s, retry_reserve: 1s}\n"
      + "on_vendor_end: revoke\n"
    try await world.composition.client.withTransaction { transaction in
      for person in ["erin", "frank"] { _ = try await governance.addPerson(person, in: transaction) }
      let version = try await governance.propose(policy, by: "erin", ticket: "T-0", in: transaction)
      _ = try await governance.decidePolicy(
        version.policy, version: version.version, approve: true, by: "frank", sawDigest: version.digest, in: transaction
      )
    }
    try await world.withWorker {
      try await world.database.eventually {
        _ = try await world.composition.lifecycle.settleTickets()
        return try await world.database.count(
          "SELECT count(*) FROM governance.ticket WHERE kind = 'vendor_end' AND resolution = 'proven'") == 1
      }
    }
    #expect(world.target.roleNames.isEmpty)
    try await world.close()
  }

  @Test func whatWasApprovedForATimeOnly() async throws {
    let world = try await makeWorld()
    try await world.database.withOwner {
      try await $0.executeScript(
        """
        UPDATE governance.authorization
        SET valid_from = now() - interval '2 hours', valid_until = now() - interval '1 hour'
        """)
    }
    #expect(try await world.composition.lifecycle.openEndTickets() == 1)
    #expect(try await world.composition.lifecycle.openEndTickets() == 0)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM governance.authorization WHERE void_code = 'authorization_expired'") == 1)
    let ticket = try #require(
      try await world.composition.governance.tickets(kind: .reapproval, in: world.composition.client).first)
    #expect(ticket.body.contains("What changed: what was approved ended"))
    #expect(ticket.body.contains("What is needed: Submit a new request"))
    #expect(Date().timeIntervalSince(ticket.causeAt) > 3500)
    try await world.close()
  }

  @Test func anExpiredIdentityIsRemovedAndItsTicketEndsWithTheProof() async throws {
    let world = try await makeWorld()
    try await world.database.withOwner {
      try await $0.executeScript("UPDATE lifecycle.credential SET hard_expires_at = now() - interval '1 minute'")
    }
    try await world.withWorker(planEvery: 0.05) {
      try await world.database.eventually {
        try await world.database.count(
          "SELECT count(*) FROM lifecycle.rotation WHERE action = 'revoke' AND state = 'done'") == 1
      }
    }
    _ = try await world.composition.lifecycle.settleTickets()
    #expect(world.target.roleNames.isEmpty)
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM governance.ticket
        WHERE kind = 'expired' AND resolution = 'proven' AND proven_at BETWEEN cause_at AND due_at
          AND due_at = cause_at + interval '24 hours' AND body LIKE 'What changed: its time ended at %What is needed: %'
        """) == 1)
    try await world.close()
  }
}
