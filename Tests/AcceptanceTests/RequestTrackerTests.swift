import AuditPackage
import Evidence
import Foundation
import Governance
import Helpdesk
import Lifecycle
import Postgres
import TestSupport
import Testing

/// The worked examples of governance from the ticket to the target: a real Request Tracker 5, where people decide, a real
/// PostgreSQL, where it happens, and the product's own worker between them. Skipped by name where RT is not installed.
@Suite(.enabled(if: TestRT.isInstalled, "request-tracker5 is not installed"), .timeLimit(.minutes(10)))
struct RequestTrackerTests {
  private struct Desk: Sendable {
    let world: TestWorld
    let rt: TestRT.Server
    let poller: TicketPoller

    var governance: GovernanceStore { world.composition.governance }
    var client: PostgresClient { world.composition.client }

    func transaction<Result: Sendable>(
      _ body: @Sendable (Transaction) async throws -> Result
    ) async throws -> Result {
      try await client.withTransaction { try await body($0) }
    }

    func addIdentity(
      _ name: String, owner: String? = "alice", backup: String? = "carol", purpose: String? = "orders",
      expires: Date? = Date(timeIntervalSinceNow: 86_400), policy: String = "short"
    ) async throws {
      _ = try await governance.addIdentity(
        IdentityDraft(
          target: "db", name: name, loginMode: "alternating", owner: owner, backupOwner: backup, purpose: purpose,
          environment: "test", workload: "orders-api", rights: ["member:\(TestTarget.readers)"], policy: policy,
          expiresAt: expires), now: Date(), in: client)
    }

    /// A request with its ticket in RT; returns the ticket's number there.
    func ask(
      _ actions: [GovernedAction], _ name: String, by: String = "alice", _ details: RequestDetails = RequestDetails()
    ) async throws -> String {
      let request = try await transaction { transaction in
        try await governance.submit(
          actions, for: try await governance.identity(name, on: nil, in: transaction), requester: by, beneficiary: nil,
          ticket: "rt", details: details, now: Date(), in: transaction)
      }
      return try await poller.open(
        request, subject: "\(name): \(actions.map(\.rawValue).joined(separator: ", "))",
        body: String(decoding: request.core, as: UTF8.self))
    }

    /// A person approves in RT, and Keyturn reads it there.
    func approve(_ ticket: String, by person: String = "bob") async throws {
      try await rt.act(person, ticket, ["Status": "approved"])
      let outcome = try await poller.look(at: ticket)
      #expect(outcome.granted, "\(outcome)")
    }

    func issue(_ name: String) async throws {
      try await approve(try await ask([.issue, .rotate], name))
      try await world.settled()
    }

    func activate(_ further: String) async throws {
      let policy =
        "policy: short\nlifetimes: {rotation_period: 1h, rotation_jitter: 0s, overlap: 0s, settle: 1s, retry_reserve: 1s}\n"
        + further
      try await transaction { transaction in
        let version = try await governance.propose(policy, by: "erin", ticket: "T-0", in: transaction)
        _ = try await governance.decidePolicy(
          version.policy, version: version.version, approve: true, by: "frank", sawDigest: version.digest,
          in: transaction)
      }
    }
  }

  private func withDesk(on server: TestRT.Server? = nil, _ body: (Desk) async throws -> Void) async throws {
    let rt = if let server { server } else { try await TestRT.shared.server() }
    let world = try await TestWorld.make()
    let governance = world.composition.governance
    for person in ["dave", "erin", "frank"] {
      _ = try await governance.addPerson(person, in: world.composition.client)
    }
    for login in ["alice", "bob", "dave"] {
      try await governance.addAccount(realm: "rt", login: login, of: login, in: world.composition.client)
    }
    let lifecycle = world.composition.lifecycle
    let poller = TicketPoller(
      system: RTTicketSystem(base: rt.base, token: rt.tokens["keyturn"] ?? ""), store: governance,
      client: world.composition.client
    ) { authorization, request, transaction in
      _ = try await lifecycle.start(authorization, for: request, in: transaction)
    }
    try await body(Desk(world: world, rt: rt, poller: poller))
    try await world.close()
  }

  // MARK: The five examples

  @Test func aTokenIsRevokedOnlyWhenTheTicketNamesSystemRequesterAndDelegatedApprover() async throws {
    try await withDesk { desk in
      let world = desk.world
      try await desk.addIdentity("svc_token")
      try await world.withWorker { try await desk.issue("svc_token") }
      let old = try await world.secret("svc_token")
      try await desk.activate(
        "approvals: {stages: [{name: delegated, role: delegated_approver, quorum: 1}], "
          + "required_fields: {revoke: [owning_system, delegated_approver]}}\n")
      await #expect(throws: GovernanceError.refused([.missingOwningSystem])) {
        _ = try await desk.ask([.revoke], "svc_token", RequestDetails(delegatedApprover: "bob"))
      }
      await #expect(throws: GovernanceError.refused([.missingDelegatedApprover])) {
        _ = try await desk.ask([.revoke], "svc_token", RequestDetails(owningSystem: "orders"))
      }
      let ticket = try await desk.ask(
        [.revoke], "svc_token", RequestDetails(owningSystem: "orders", delegatedApprover: "bob"))
      // Somebody else's click in RT is none of the delegated approver's.
      try await desk.rt.act("dave", ticket, ["Status": "approved"])
      let outcome = try await desk.poller.look(at: ticket)
      #expect(
        !outcome.granted && outcome.refused.values.contains { $0.contains(.roleNotHeldNow) }, "\(outcome)")
      #expect(try await world.target.logIn(old.login, old.secret))
      let again = try await desk.ask(
        [.revoke], "svc_token", RequestDetails(owningSystem: "orders", delegatedApprover: "bob"))
      try await desk.approve(again)
      try await world.withWorker { try await world.settled() }
      #expect(try await !world.target.logIn(old.login, old.secret))
      #expect(try await world.target.roles() == [])
      // The revocation's case leads to its request, whose text names all three, under the commitment in the log.
      #expect(
        try await world.database.count(
          """
          SELECT count(*)
          FROM lifecycle.rotation AS r
          JOIN governance.authorization AS a ON a.id = r.authorization_id
          JOIN evidence.opening AS o ON o.case_id = a.request_id AND o.field = 'core'
          JOIN evidence.event AS e ON e.case_id = r.id AND e.type = 'rotation.opened'
            AND convert_from(e.body, 'UTF8') LIKE '%' || a.request_id || '%'
          WHERE r.action = 'revoke' AND r.state = 'done' AND o.value LIKE '%"orders"%' AND o.value LIKE '%"bob"%'
            AND o.value LIKE '%"alice"%'
          """) == 1)
    }
  }

  @Test func anAccountWithoutAUniqueOwnerAPurposeOrAnEndIsNotIssued() async throws {
    try await withDesk { desk in
      func refused(_ word: String, _ body: () async throws -> Void) async throws {
        await #expect { try await body() } throws: { "\($0)".contains(word) }
      }
      try await refused("owner") { try await desk.addIdentity("svc_bad", owner: nil) }
      try await refused("backup") { try await desk.addIdentity("svc_bad", backup: "alice") }
      try await refused("purpose") { try await desk.addIdentity("svc_bad", purpose: "  ") }
      try await refused("expires") { try await desk.addIdentity("svc_bad", expires: nil) }
      try await refused("identity") { _ = try await desk.ask([.issue, .rotate], "svc_bad") }
      #expect(try await desk.world.target.roles() == [])
      #expect(try await desk.world.database.count("SELECT count(*)::text FROM governance.ticket") == 0)
    }
  }

  @Test func aPrivilegedAccountWhoseOwnerChangedRoleWaitsForTheNewOwner() async throws {
    try await withDesk { desk in
      let (world, governance) = (desk.world, desk.governance)
      try await desk.addIdentity("svc_admin")
      try await desk.transaction { transaction in
        let identity = try await governance.identity("svc_admin", on: nil, in: transaction)
        _ = try await governance.setTier(.privileged, of: identity, in: transaction)
      }
      let due = "UPDATE lifecycle.credential SET next_due_at = now()"
      try await world.withWorker {
        try await desk.issue("svc_admin")
        try await world.change(due)
        try await world.database.eventually { try await world.secret("svc_admin").version == 2 }
        try await world.settled()
      }
      try await desk.transaction {
        _ = try await governance.put(
          PersonAttributes(externalID: "alice", jobTitle: "auditor"), source: "manual", in: $0)
      }
      try await world.change(due)
      try await world.withWorker {
        try await world.eventually("SELECT count(*)::text FROM jobs.job WHERE hold = 'blocked'", is: 1)
      }
      #expect(try await world.secret("svc_admin").version == 2)
      let ticket = try #require(try await governance.tickets(kind: .reapproval, in: desk.client).first)
      #expect(ticket.body.contains("alice, changed job title"), "\(ticket.body)")
      // Dave becomes the owner and approves in RT what carol asks for; the rotation that waited runs.
      try await desk.transaction { transaction in
        _ = try await governance.changeOwners(
          of: try await governance.identity("svc_admin", on: nil, in: transaction), owner: "dave", backup: nil,
          in: transaction)
      }
      let asked = try await desk.ask([.issue, .rotate], "svc_admin", by: "carol")
      try await world.withWorker {
        try await desk.approve(asked, by: "dave")
        try await world.database.eventually { try await world.secret("svc_admin").version == 3 }
        try await world.settled()
      }
    }
  }

  @Test func aVendorWhoseReviewLapsedIsNotLetInAndOneThatGotMoreIsTakenOut() async throws {
    try await withDesk { desk in
      let (world, governance) = (desk.world, desk.governance)
      func setVendor(reviewUntil seconds: Double) async throws {
        let vendor = Vendor(
          name: "acme", sponsor: "dave", contractFrom: Date(timeIntervalSinceNow: -3600),
          contractUntil: Date(timeIntervalSinceNow: 86_400), reviewValidUntil: Date(timeIntervalSinceNow: seconds),
          allowedTargets: ["db"], scopes: ["member:\(TestTarget.readers)"])
        try await desk.transaction { _ = try await governance.setVendor(vendor, in: $0) }
      }
      try await setVendor(reviewUntil: -60)
      for name in ["svc_vendor", "svc_more"] {
        try await desk.addIdentity(name)
        try await desk.transaction { transaction in
          try await governance.setVendor(
            of: try await governance.identity(name, on: nil, in: transaction), to: "acme", in: transaction)
        }
      }
      await #expect(throws: GovernanceError.refused([.vendorReviewLapsed])) {
        _ = try await desk.ask([.issue, .rotate], "svc_vendor")
      }
      try await setVendor(reviewUntil: 86_400)
      try await world.withWorker { try await desk.issue("svc_vendor") }
      let secret = try await world.secret("svc_vendor")
      #expect(try await world.target.logIn(secret.login, secret.secret))
      #expect(
        try await world.database.count(
          "SELECT count(*)::text FROM lifecycle.proof WHERE kind = 'rights' AND result = 'passed'") == 1)

      // Somebody gives the second one more while it is made. What was granted is read back, and taken away.
      let ticket = try await desk.ask([.issue, .rotate], "svc_more")
      let observer: CrashPointObserver = { point in
        guard point.moment == .betweenMoves, point.state == .applied else { return }
        try await world.target.withSuperuser { try await $0.executeScript("ALTER ROLE svc_more CREATEDB") }
      }
      try await world.withWorker(observer: observer) {
        try await desk.approve(ticket)
        try await world.eventually(
          """
          SELECT count(*)::text FROM lifecycle.rotation AS r JOIN lifecycle.credential AS c ON c.id = r.credential_id
          WHERE r.action = 'revoke' AND r.state = 'done'
          """, is: 1)
      }
      _ = try await world.composition.lifecycle.settleTickets()
      #expect(try await world.target.roles().allSatisfy { !$0.hasPrefix("svc_more") })
      #expect(
        try await world.database.count(
          "SELECT count(*)::text FROM governance.ticket WHERE kind = 'review' AND resolution = 'compensated'") == 1)
      await #expect(throws: LifecycleError.self) { _ = try await world.secret("svc_more") }
    }
  }

  @Test func anAuditorChecksRemovalsOfflineAfterJobsAndTicketsWereDeleted() async throws {
    try await withDesk { desk in
      let world = desk.world
      let names = (1...3).map { "svc_\($0)" }
      let begin = Date().addingTimeInterval(-60).formatted(.iso8601)
      var tickets: [String] = []
      for name in names { try await desk.addIdentity(name) }
      let names2 = names
      try await world.withWorker { for name in names2 { try await desk.issue(name) } }
      for name in names { tickets.append(try await desk.ask([.revoke], name)) }
      let asked = tickets
      try await world.withWorker {
        for ticket in asked { try await desk.approve(ticket) }
        try await world.settled()
        _ = try await world.composition.lifecycle.settleTickets()
      }
      let until = Date().addingTimeInterval(1).formatted(.iso8601)
      // Gone: the helpdesk's tickets, our records of them, and every job.
      for ticket in asked { try await desk.rt.act("root", ticket, ["Status": "deleted"]) }
      try await world.database.withOwner {
        try await $0.executeScript(
          """
          ALTER TABLE governance.ticket_note DISABLE TRIGGER ticket_note_append_only;
          DELETE FROM governance.ticket_note; DELETE FROM governance.ticket; DELETE FROM jobs.job;
          DELETE FROM jobs.job_archive;
          """)
      }
      try await Task.sleep(for: .seconds(1.1))
      let period = ["--from", begin, "--until", until]
      let fixed = try await world.keyturn(["audit", "population"] + period + ["--by", "carol", "--json"])
      #expect(fixed.code == 0, "\(fixed.errors)")
      let (package, times) = (world.daemon.dataDirectory + "/sample.zip", world.daemon.dataDirectory + "/times.csv")
      var digests: [String] = []
      for _ in 0..<2 {
        let drawn = try await world.withWorker {
          try await world.keyturn(
            ["audit", "sample"] + period
              + ["--seed", "auditor's seed 7", "--output", package, "--csv", times, "--by", "carol", "--json"])
        }
        #expect(drawn.code == 0, "\(drawn.errors)")
        digests.append(try String(contentsOfFile: times, encoding: .utf8))
      }
      // The same seed chooses the same cases.
      #expect(digests[0] == digests[1])
      // Three removals and three issues, each with its time against its limit.
      let lines = digests[0].split(separator: "\n").dropFirst()
      #expect(lines.count >= 3 && lines.allSatisfy { $0.hasSuffix(",true") }, "\(digests[0])")
      let key = try #require(
        try await world.keyturn("audit", "key", "--json").object()["key"] as? String)
      // Without a database: neither an address nor a data folder is given.
      let verified = try await CommandTests.run(["audit", "verify", package, "--key", key, "--json"])
      #expect(verified.code == 0, "\(verified.output) \(verified.errors)")
    }
  }

  /// The helpdesk forgets everything, and whoever cleans up here follows: the case alone still says it all.
  @Test func aCaseSurvivesItsTicketAndTheWholeQueue() async throws {
    try await withDesk(on: try await TestRT.start()) { desk in
      let world = desk.world
      try await desk.addIdentity("svc_gone")
      try await world.withWorker { try await desk.issue("svc_gone") }
      let ticket = try await desk.ask([.revoke], "svc_gone")
      try await world.withWorker {
        try await desk.approve(ticket)
        try await world.settled()
        _ = try await world.composition.lifecycle.settleTickets()
      }
      try desk.rt.shred()
      #expect(try await !desk.rt.hasQueue("Access"))
      let system = RTTicketSystem(base: desk.rt.base, token: desk.rt.tokens["keyturn"] ?? "")
      #expect(try await system.read(ticket) == nil)
      try await world.database.withOwner {
        try await $0.executeScript(
          """
          ALTER TABLE governance.ticket_note DISABLE TRIGGER ticket_note_append_only;
          DELETE FROM governance.ticket_note; DELETE FROM governance.ticket; TRUNCATE jobs.job, jobs.job_archive;
          """)
      }
      let listed = try await world.keyturn("audit", "timeline", "--json").rows()
      let id = try #require(listed.first { $0["action"] as? String == "revoke" }?["case"] as? String)
      let package = world.daemon.dataDirectory + "/gone.zip"
      let made = try await world.withWorker {
        try await world.database.eventually {
          try await world.database.count("SELECT count(*) FROM evidence.outbox") == 0
        }
        return try await world.keyturn(["audit", "package", id, "--output", package, "--by", "carol", "--json"])
      }
      #expect(made.code == 0, "\(made.errors)")
      let key = try #require(try await world.keyturn("audit", "key", "--json").object()["key"] as? String)
      let verified = try await CommandTests.run(["audit", "verify", package, "--key", key, "--json"])
      #expect(verified.code == 0, "\(verified.output) \(verified.errors)")

      let page = try PackageContent(package: Data(contentsOf: URL(fileURLWithPath: package))).summary
      let pseudonyms = try await LogReader(client: desk.client).pseudonyms()
      func pseudonym(_ person: String) async throws -> String {
        let id = try await desk.governance.person(person, in: desk.client).id.rawValue
        return try #require(pseudonyms.first { $0.value == id }?.key)
      }
      let (alice, bob) = (try await pseudonym("alice"), try await pseudonym("bob"))
      for words in [
        "request.submitted by \(alice)", "approve by \(bob)",
        "remote id: \(ticket);", "svc_gone: revoke", "ticket request: resolved, proven", "deleted here",
        "proof residue: passed",
        "revoke, done",
      ] {
        #expect(page.contains(words), "\(words)")
      }
    }
  }

  // MARK: What goes wrong at the helpdesk

  @Test func anOutageHoldsUpNothingThatWasApprovedAndGrantsNothingNew() async throws {
    try await withDesk { desk in
      let world = desk.world
      try await desk.addIdentity("svc_out")
      try await world.withWorker {
        try await desk.issue("svc_out")
        let gone = TicketPoller(
          system: RTTicketSystem(base: URL(string: "http://127.0.0.1:1/")!, token: "x"), store: desk.governance,
          client: desk.client
        ) { _, _, _ in Issue.record("granted during an outage") }
        let ticket = try await desk.ask([.revoke], "svc_out")
        try await desk.rt.act("bob", ticket, ["Status": "approved"])
        #expect(try await gone.look(at: ticket).problem == .ticketUnreadable)
        try await world.rotate("svc_out")
        try await world.settled()
        #expect(try await world.secret("svc_out").version == 2)
        // It is back: what was decided meanwhile counts.
        #expect(try await desk.poller.look(at: ticket).granted)
        try await world.settled()
      }
      #expect(try await world.target.roles() == [])
    }
  }

  /// Whatever is done to the ticket after its approval, the rotation that rests on it waits.
  @Test(arguments: ["tampered", "deleted", "moved", "merged"])
  func aTicketThatIsNoLongerWhatWasApprovedStopsRotations(how: String) async throws {
    try await withDesk { desk in
      let world = desk.world
      try await desk.addIdentity("svc_tick")
      let ticket = try await desk.ask([.issue, .rotate], "svc_tick")
      try await world.withWorker {
        try await desk.approve(ticket)
        try await world.settled()
      }
      switch how {
      case "tampered": try await desk.rt.setField("dave", ticket, "Keyturn digest", String(repeating: "0", count: 64))
      case "deleted": try await desk.rt.act("root", ticket, ["Status": "deleted"])
      case "moved":
        try await desk.rt.addQueue("Elsewhere")
        try await desk.rt.act("root", ticket, ["Queue": "Elsewhere"])
      default:
        let other = try await desk.ask([.issue, .rotate], "svc_tick", by: "carol")
        try await desk.rt.act("root", ticket, ["MergeInto": other])
      }
      let outcome = try await desk.poller.look(at: ticket)
      #expect(outcome.problem == (how == "tampered" ? .ticketDigestMismatch : .ticketNotOpen), "\(outcome)")
      await #expect(throws: GovernanceError.refused([.authorizationVoided])) { try await world.rotate("svc_tick") }
      // What works goes on working.
      let secret = try await world.secret("svc_tick")
      #expect(try await world.target.logIn(secret.login, secret.secret))
    }
  }

  @Test func aTicketClosedEarlyIsOpenedAgainAndEndsOnlyWithTheProof() async throws {
    try await withDesk { desk in
      let world = desk.world
      try await desk.addIdentity("svc_early")
      let ticket = try await desk.ask([.issue, .rotate], "svc_early")
      try await desk.approve(ticket)
      // Approved and not done: an agent closes it.
      try await desk.rt.act("dave", ticket, ["Status": "resolved"])
      #expect(try await desk.poller.look(at: ticket).reopened)
      let record = try await desk.governance.remoteTicket(helpdesk: "rt", remoteID: ticket, in: desk.client)
      #expect(record.isOpen && record.closedWithoutControl == 1 && record.provenAt == nil)
      try await world.withWorker { try await world.settled() }
      #expect(try await world.composition.lifecycle.settleTickets() == 1)
      let proven = try await desk.governance.remoteTicket(helpdesk: "rt", remoteID: ticket, in: desk.client)
      #expect(!proven.isOpen && proven.resolution == .proven && proven.provenAt != nil)
      // Now Keyturn ends it in RT as well, and looks at it no more.
      #expect(try await desk.governance.boundTickets(helpdesk: "rt", in: desk.client) == [ticket])
      #expect(try await desk.poller.look(at: ticket) == TicketPoller.Outcome())
      let system = RTTicketSystem(base: desk.rt.base, token: desk.rt.tokens["keyturn"] ?? "")
      #expect(try await system.read(ticket)?.state == .resolved)
      #expect(try await desk.governance.boundTickets(helpdesk: "rt", in: desk.client) == [])
    }
  }
}
