import Foundation
import Governance
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Helpdesk

/// Against a real Request Tracker 5 and a real PostgreSQL; skipped by name where RT is not installed.
@Suite(.enabled(if: TestRT.isInstalled, "request-tracker5 is not installed")) struct RTTicketSystemTests {
  private final class Starts: Sendable {
    let count = Mutex(0)
  }

  private func make(_ body: (TestRT.Server, TestDatabase, GovernanceStore, TicketPoller, Starts) async throws -> Void)
    async throws
  {
    let rt = try await TestRT.shared.server()
    let database = try await TestDatabase.make()
    let store = GovernanceStore()
    for person in ["alice", "bob", "carol", "dave"] {
      _ = try await store.addPerson(person, in: database.client)
      if person != "carol" {
        try await store.addAccount(realm: "rt", login: person, of: person, in: database.client)
      }
    }
    try await store.addTarget(
      TargetRecord(id: .make(), name: "db", kind: "simulated", environment: "test", settings: [:], adminEnvelope: [1]),
      in: database.client)
    _ = try await store.addIdentity(
      IdentityDraft(
        target: "db", name: "svc", owner: "alice", backupOwner: "carol", purpose: "p", environment: "test",
        workload: "w", expiresAt: Date(timeIntervalSinceNow: 86_400 * 90)), now: Date(), in: database.client)
    let starts = Starts()
    let poller = TicketPoller(system: rt.system(), store: store, client: database.client) { _, _, _ in
      starts.count.withLock { $0 += 1 }
    }
    try await body(rt, database, store, poller, starts)
    await database.close()
  }

  private func submit(_ store: GovernanceStore, _ database: TestDatabase) async throws -> Request {
    try await database.client.withTransaction { transaction in
      try await store.submit(
        [.issue, .rotate], for: try await store.identity("svc", on: nil, in: transaction), requester: "alice",
        beneficiary: nil, ticket: "rt", now: Date(), in: transaction)
    }
  }

  @Test func anApprovalIsReadFromRTsOwnRecordOnce() async throws {
    try await make { rt, database, store, poller, starts in
      let request = try await submit(store, database)
      let id = try await poller.open(request, subject: "svc: issue", body: "please approve")
      let remote = try #require(try await rt.system().read(id))
      #expect(remote.state == .waiting && remote.binding == TicketBinding(request))
      #expect(try await poller.look(at: id) == TicketPoller.Outcome())
      // Who asked cannot approve, whatever RT lets them do; a comment is no decision.
      try await rt.system("bob").note(id, "approved!!")
      #expect(try await poller.look(at: id) == TicketPoller.Outcome())
      try await rt.act("bob", id, ["Status": "approved"])
      let outcome = try await poller.look(at: id)
      #expect(outcome.granted && outcome.refused.isEmpty, "\(outcome)")
      #expect(starts.count.withLock { $0 } == 1)
      #expect(try await poller.look(at: id) == TicketPoller.Outcome())
      #expect(
        try await database.count("SELECT count(*)::text FROM governance.approval WHERE remote_transaction LIKE 'rt:%'")
          == 1)
    }
  }

  @Test func theRequesterApprovingInRTIsRefusedAndARejectionDenies() async throws {
    try await make { rt, database, store, poller, _ in
      let own = try await submit(store, database)
      let first = try await poller.open(own, subject: "svc", body: "")
      try await rt.act("alice", first, ["Status": "approved"])
      let outcome = try await poller.look(at: first)
      #expect(outcome.refused.values.first == [.approverIsRequester, .approverIsBeneficiary], "\(outcome)")
      let second = try await submit(store, database)
      let other = try await poller.open(second, subject: "svc", body: "")
      try await rt.act("dave", other, ["Status": "rejected"])
      #expect(try await poller.look(at: other).denied)
      // An administrator's override is no approval.
      let third = try await submit(store, database)
      let forced = try await poller.open(third, subject: "svc", body: "")
      try await rt.act("root", forced, ["Status": "approved"])
      #expect(try await poller.look(at: forced).refused.values.first == [.approverUnknown])
    }
  }

  @Test func keyturnsOwnAccountMayNotApprove() async throws {
    try await make { rt, database, store, poller, _ in
      let id = try await poller.open(try await submit(store, database), subject: "svc", body: "")
      // REST2 answers 200 with a refusal in words; what counts is that nothing changed.
      _ = try? await rt.act("keyturn", id, ["Status": "approved"])
      #expect(try await rt.system().read(id)?.state == .waiting)
      #expect(try await rt.system().decisions(of: id).isEmpty)
    }
  }

  @Test func aSwappedDigestBlocksForGood() async throws {
    try await make { rt, database, store, poller, starts in
      let request = try await submit(store, database)
      let id = try await poller.open(request, subject: "svc", body: "")
      try await rt.setField("dave", id, "Keyturn digest", String(repeating: "0", count: 64))
      #expect(try await poller.look(at: id).problem == .ticketDigestMismatch)
      // Put back, and approved: the approver may have seen the other one.
      try await rt.setField("dave", id, "Keyturn digest", "\(request.digest)")
      try await rt.act("bob", id, ["Status": "approved"])
      let outcome = try await poller.look(at: id)
      #expect(!outcome.granted && starts.count.withLock { $0 } == 0)
      #expect(outcome.refused.values.first == [.ticketDigestMismatch], "\(outcome)")
    }
  }

  @Test func aTicketThatIsClosedTooEarlyIsOpenedAgain() async throws {
    try await make { rt, database, store, poller, _ in
      let id = try await poller.open(try await submit(store, database), subject: "svc", body: "")
      try await rt.act("bob", id, ["Status": "resolved"])
      let outcome = try await poller.look(at: id)
      #expect(outcome.reopened, "\(outcome)")
      #expect(try await rt.system().read(id)?.state == .waiting)
      #expect(try await store.remoteTicket(helpdesk: "rt", remoteID: id, in: database.client).closedWithoutControl == 1)
    }
  }

  @Test func aDeletedTicketAllowsNothing() async throws {
    try await make { rt, database, store, poller, _ in
      let id = try await poller.open(try await submit(store, database), subject: "svc", body: "")
      try await rt.act("root", id, ["Status": "deleted"])
      #expect(try await poller.look(at: id).problem == .ticketNotOpen)
    }
  }

  @Test func aWriteNamesTheVersionThatWasRead() async throws {
    try await make { rt, database, store, poller, _ in
      let request = try await submit(store, database)
      let id = try await poller.open(request, subject: "svc", body: "")
      let read = try #require(try await rt.system().read(id))
      // RT's tag is made of the time of the last change, in whole seconds.
      try await Task.sleep(for: .milliseconds(1100))
      try await rt.setField("dave", id, "Keyturn revision", "7")
      await #expect(throws: HelpdeskError(.changedMeanwhile, "the ticket was changed meanwhile; it is read again")) {
        try await rt.system().bind(id, to: TicketBinding(request), version: read.version)
      }
    }
  }

  @Test func aSecretInACommentOpensALeakCaseOnce() async throws {
    try await make { rt, database, store, poller, _ in
      let id = try await poller.open(try await submit(store, database), subject: "svc", body: "")
      try await rt.system("bob").note(id, "it works with password=Canary-5c1!z")
      let outcome = try await poller.look(at: id)
      #expect(outcome.leaks.count == 1, "\(outcome)")
      #expect(try await poller.look(at: id).leaks.isEmpty)
      #expect(try await database.count("SELECT count(*)::text FROM governance.ticket WHERE kind = 'leak'") == 1)
      #expect(try await HelpdeskWorld(database: database).rows(with: "Canary-5c1") == [])
    }
  }

  @Test func anOutageIsWaitedFor() async throws {
    try await make { _, database, store, _, _ in
      let gone = RTTicketSystem(base: URL(string: "http://127.0.0.1:1/")!, token: "x")
      let poller = TicketPoller(system: gone, store: store, client: database.client) { _, _, _ in }
      let outcome = try await poller.look(at: "1")
      #expect(outcome.problem == .ticketUnreadable)
    }
  }
}
