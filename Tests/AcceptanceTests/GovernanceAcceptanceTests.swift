import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Synchronization
import TestSupport
import Testing

/// The worked examples of governance with real rows, real jobs and a target whose calls are watched.
@Suite struct GovernanceAcceptanceTests {
  private func inTransaction<Result: Sendable>(
    _ world: SimulatedWorld, _ body: @Sendable (Transaction) async throws -> Result
  ) async throws -> Result {
    try await world.composition.client.withTransaction { try await body($0) }
  }

  private func activate(_ world: SimulatedWorld, _ policy: String) async throws {
    let governance = world.composition.governance
    for person in ["erin", "frank"] {
      do {
        _ = try await governance.addPerson(person, in: world.composition.client)
      } catch let error as GovernanceError where error.code == .alreadyExists {}
    }
    try await inTransaction(world) { transaction in
      let version = try await governance.propose(policy, by: "erin", ticket: "T-0", in: transaction)
      _ = try await governance.decidePolicy(
        version.policy, version: version.version, approve: true, by: "frank", sawDigest: version.digest, in: transaction
      )
    }
  }

  private let short =
    "policy: short\nlifetimes: {rotation_period: 1h, rotation_jitter: 0s, overlap: 0s, settle: 1s, retry_reserve: 1s}\n"

  @Test func anExpiredTokenIsRevokedOnlyWhenTheTicketNamesWhatItMust() async throws {
    let world = try await SimulatedWorld.make()
    let governance = world.composition.governance
    try await world.withWorker { try await world.settled() }
    try await activate(
      world, short + "approvals: {required_fields: {revoke: [owning_system, delegated_approver]}}\n")
    let ask = { (details: RequestDetails) in
      try await inTransaction(world) { transaction in
        try await governance.submit(
          [.revoke], for: try await governance.identity("svc", on: nil, in: transaction), requester: "alice",
          beneficiary: nil, ticket: "OPS-1", details: details, now: Date(), in: transaction)
      }
    }
    await #expect(throws: GovernanceError.refused([.missingOwningSystem])) {
      _ = try await ask(RequestDetails(delegatedApprover: "bob"))
    }
    await #expect(throws: GovernanceError.refused([.missingDelegatedApprover])) {
      _ = try await ask(RequestDetails(owningSystem: "orders"))
    }
    let request = try await ask(RequestDetails(owningSystem: "orders", delegatedApprover: "bob"))
    _ = try await world.composition.lifecycle.decide(request.id, approve: true, by: "bob", sawDigest: request.digest)
    try await world.withWorker { try await world.settled() }
    #expect(world.target.roleNames.isEmpty)
    // All three stand in the request that the removal's permits point to.
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM governance.permit AS p
        JOIN governance.authorization AS a ON a.id = p.authorization_id
        JOIN governance.request AS r ON r.id = a.request_id AND r.revision = a.revision
        JOIN governance.person AS d ON d.id = r.delegated_approver_id AND d.external_id = 'bob'
        JOIN governance.person AS q ON q.id = r.requester_id AND q.external_id = 'alice'
        WHERE p.action = 'revoke' AND r.owning_system = 'orders'
        """) > 0)
    try await world.close()
  }

  @Test func anIdentityWithoutOwnerPurposeOrExpiryIsNotIssued() async throws {
    let world = try await SimulatedWorld.make(identities: [])
    for field in ["owner", "backup", "purpose", "expires"] {
      await #expect {
        _ = try await world.composition.governance.addIdentity(
          IdentityDraft(
            target: "sim", name: "svc", owner: field == "owner" ? nil : "alice",
            backupOwner: field == "backup" ? nil : "carol", purpose: field == "purpose" ? nil : "p",
            environment: "test",
            workload: "w", policy: "short", expiresAt: field == "expires" ? nil : Date(timeIntervalSinceNow: 3600)),
          now: Date(), in: world.composition.client)
      } throws: { error in
        "\(error)".hasPrefix(field)
      }
    }
    #expect(world.target.roleNames.isEmpty)
    try await world.close()
  }

  @Test func aPrivilegedAccountWhoseOwnerChangedRoleWaitsForANewApproval() async throws {
    let world = try await SimulatedWorld.make(identities: [])
    let governance = world.composition.governance
    _ = try await governance.addIdentity(
      IdentityDraft(
        target: "sim", name: "svc", owner: "alice", backupOwner: "carol", purpose: "p", environment: "test",
        workload: "w", rights: ["member:readers"], policy: "short", expiresAt: Date(timeIntervalSinceNow: 86_400)),
      now: Date(), in: world.composition.client)
    try await inTransaction(world) { transaction in
      let identity = try await governance.identity("svc", on: nil, in: transaction)
      _ = try await governance.setTier(.privileged, of: identity, in: transaction)
    }
    try await world.approve([.issue, .rotate], "svc")
    try await world.withWorker {
      try await world.settled()
      // Without a change it runs unattended.
      _ = try await world.requestRotations()
      try await world.settled()
    }
    #expect(try await world.secret().version == 2)
    try await inTransaction(world) {
      _ = try await governance.put(PersonAttributes(externalID: "alice", jobTitle: "auditor"), source: "manual", in: $0)
    }
    #expect(try await world.requestRotations() == 0)
    let identity = try await governance.identity("svc", on: nil, in: world.composition.client)
    let why = try await inTransaction(world) { try await governance.why(identity, in: $0) }
    #expect(why.outcome == .block && why.reasons.contains(.personChangedRole))
    #expect(why.tickets.first?.body.contains("alice, changed job title") == true)
    try await world.approve([.issue, .rotate], "svc")
    try await world.withWorker {
      #expect(try await world.requestRotations() == 1)
      try await world.settled()
      // The proof ends the ticket.
      try await world.database.eventually {
        try await world.database.count(
          "SELECT count(*) FROM governance.ticket WHERE resolution = 'proven' AND proven_at > cause_at") == 1
      }
    }
    #expect(try await world.secret().version == 3)
    try await world.close()
  }

  /// Ten leavers' secrets in each of many runs would be slow: one leaver with 200.
  @Test func everythingALeaverOwnedIsRemovedAndProvenWithinTheServiceLevel() async throws {
    let count = 200
    let world = try await SimulatedWorld.make(identities: (0..<count).map { "svc\($0)" })
    let governance = world.composition.governance
    try await world.withWorker { try await world.settled() }
    try await activate(world, short + "on_owner_left: revoke\nservice_levels: {leaver_disable: 1h}\n")
    try await governance.setState(.terminated, of: "alice", in: world.composition.client)
    #expect(
      try await world.database.count("SELECT count(*) FROM governance.ticket WHERE kind = 'leaver' AND state = 'open'")
        == count)
    try await world.withWorker {
      try await world.database.eventually {
        try await world.database.count(
          "SELECT count(*) FROM governance.ticket WHERE kind = 'leaver' AND resolution = 'proven' AND proven_at <= due_at"
        )
          == count
      }
    }
    #expect(world.target.roleNames.isEmpty)
    #expect(
      try await world.database.count(
        "SELECT late FROM keyturn.v_sla WHERE kind = 'leaver' AND proven = \(count) AND to_proven_p95 < 3600") == 0)
    // Each stage has its clock; policy approved by itself, and the second clock runs for a day.
    #expect(
      try await world.database.count(
        """
        SELECT count(*) FROM keyturn.v_sla
        WHERE kind = 'leaver' AND to_ticket_p50 <= to_approved_p50 AND to_approved_p50 <= to_contained_p50
          AND to_approved_p95 <= to_contained_p95 AND late_to_prove = 0
        """) == 1)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM keyturn.v_ticket WHERE proof_due_at = cause_at + interval '24 hours' AND approved_at < proven_at"
      ) == count)
    try await world.database.withOwner {
      try await $0.executeScript(
        "UPDATE governance.ticket SET proof_due_at = cause_at + (proven_at - cause_at) / 2 WHERE kind = 'leaver'")
    }
    #expect(
      try await world.database.count(
        "SELECT late FROM keyturn.v_sla WHERE kind = 'leaver' AND late = late_to_prove") == count)
    try await world.close()
  }

  /// Authority is taken away between every two calls of a rotation, before and after each: no call begins under an
  /// authorization that was void when its intent was committed.
  @Test func nothingBeginsAfterAuthorityWasTakenAwayWhereverThatHappens() async throws {
    let world = try await SimulatedWorld.make()
    try await world.withWorker { try await world.settled() }
    let calls = try await callsOfARotation(world)
    #expect(calls > 3)
    for stop in 1...calls {
      let seen = Mutex(0)
      world.calls.watch { _ in
        let number = seen.withLock { count in
          count += 1
          return count
        }
        guard number == stop else { return }
        do {
          try await world.composition.governance.setState(.terminated, of: "bob", in: world.composition.client)
        } catch {
          Issue.record("bob could not leave: \(error)")
        }
      }
      _ = try await world.requestRotations()
      try await world.withWorker {
        try await world.database.eventually {
          try await world.database.count("SELECT count(*) FROM jobs.job WHERE hold IS NULL OR lease_owner IS NOT NULL")
            == 0
        }
      }
      world.calls.watch(nil)
      #expect(
        try await world.database.count(
          """
          SELECT count(*) FROM governance.permit AS p JOIN governance.authorization AS a ON a.id = p.authorization_id
          WHERE p.granted_at > a.voided_at
          """) == 0, "stopped at call \(stop)")
      // Bob comes back, and what was begun goes on under a new approval.
      try await world.composition.governance.setState(.active, of: "bob", in: world.composition.client)
      try await world.approve([.issue, .rotate], "svc")
      try await world.withWorker { try await world.settled() }
    }
    let secret = try await world.secret()
    #expect(world.target.openSession(secret.login, secret.secret))
    try await world.close()
  }

  private func callsOfARotation(_ world: SimulatedWorld) async throws -> Int {
    let seen = Mutex(0)
    world.calls.watch { _ in seen.withLock { $0 += 1 } }
    _ = try await world.requestRotations()
    try await world.withWorker { try await world.settled() }
    world.calls.watch(nil)
    return seen.withLock { $0 }
  }
}
