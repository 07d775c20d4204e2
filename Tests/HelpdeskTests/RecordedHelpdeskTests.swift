import Foundation
import Governance
import Postgres
import TestSupport
import Testing

@testable import Helpdesk

/// Jira Service Management and ServiceNow against recorded contracts, and a real PostgreSQL.
@Suite struct RecordedHelpdeskTests {
  private struct Stage: Sendable {
    let helpdesk: RecordedHelpdesk
    let server: ContractServer
    let world: HelpdeskWorld
    let poller: TicketPoller
    let system: any TicketSystem
    let request: Request

    func look(_ ticket: RecordedHelpdesk.Ticket) async throws -> TicketPoller.Outcome {
      server.play(try helpdesk.exchanges(ticket))
      return try await poller.look(at: helpdesk.ticket)
    }
  }

  /// With a ticket that was opened for a request.
  private func run(_ helpdesk: RecordedHelpdesk, _ body: @Sendable (Stage) async throws -> Void) async throws {
    let world = try await HelpdeskWorld.make(realm: helpdesk.rawValue)
    let server = ContractServer(authorization: helpdesk.authorization)
    let request = try await world.submit()
    try await server.run { base in
      let system = helpdesk.system(base)
      let poller = world.poller(system)
      server.play(try helpdesk.exchanges(.init(request)))
      #expect(try await poller.open(request, subject: "svc: issue", body: "please approve") == helpdesk.ticket)
      try await body(
        Stage(
          helpdesk: helpdesk, server: server, world: world, poller: poller, system: system, request: request))
    }
    #expect(server.unexpected == [])
    await world.database.close()
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func anApprovalIsReadWithActorTimeAndDigestOnce(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      #expect(try await stage.look(ticket) == TicketPoller.Outcome())
      ticket.decision = .init()
      ticket.decidedAt = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
      stage.server.play(try helpdesk.exchanges(ticket))
      let decision = try #require(try await stage.system.decisions(of: helpdesk.ticket).first)
      #expect(decision.login == "bob" && decision.isApproval && decision.isHuman && !decision.isAfterTampering)
      #expect(abs(decision.at.timeIntervalSince(ticket.decidedAt)) < 0.01)
      #expect(try await stage.system.read(helpdesk.ticket)?.binding == TicketBinding(stage.request))
      let outcome = try await stage.look(ticket)
      #expect(outcome.granted && outcome.refused.isEmpty, "\(outcome)")
      #expect(try await stage.look(ticket).granted == false)
      #expect(try await stage.world.authorizations() == 1)
      #expect(
        try await stage.world.database.count(
          "SELECT count(*)::text FROM governance.approval WHERE remote_transaction LIKE '\(helpdesk.rawValue):%'") == 1)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func theRequesterIsRefusedAndARejectionDenies(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.decision = .init(actor: "alice")
      let outcome = try await stage.look(ticket)
      #expect(outcome.refused.values.first == [.approverIsRequester, .approverIsBeneficiary], "\(outcome)")
      ticket.decision = .init(actor: "mallory")
      #expect(try await stage.look(ticket).refused.values.first == [.approverUnknown])
      ticket.decision = .init(isApproval: false)
      #expect(try await stage.look(ticket).denied)
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func theEnginesOwnAccountAndAutomationDecideNothing(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.decision = .init(actor: "keyturn")
      #expect(try await stage.look(ticket).refused.values.first == [.notAHumanDecision])
      try await stage.world.store.addAccount(
        realm: helpdesk.rawValue, login: "admin", of: "bob", in: stage.world.database.client)
      ticket.decision = .init(isForced: true)
      #expect(try await stage.look(ticket).refused.values.first == [.notAHumanDecision])
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func aSwappedDigestBlocksForGood(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.shownDigest = String(repeating: "0", count: 64)
      #expect(try await stage.look(ticket).problem == .ticketDigestMismatch)
      // Put back, and approved: the approver may have seen the other one.
      ticket.shownDigest = nil
      ticket.editor = "mallory"
      ticket.editedAt = Date(timeIntervalSinceNow: -10)
      ticket.decision = .init()
      let outcome = try await stage.look(ticket)
      #expect(outcome.refused.values.first == [.ticketDigestMismatch] && !outcome.granted, "\(outcome)")
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func aDecisionBeforeTheSubmissionOrInTheFutureDoesNotCount(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.decision = .init()
      ticket.decidedAt = Date(timeIntervalSinceNow: -3600)
      #expect(try await stage.look(ticket).refused.values.first == [.approvalBeforeSubmission])
      ticket.decidedAt = Date(timeIntervalSinceNow: 3600)
      #expect(try await stage.look(ticket).refused.values.first == [.approvalInFuture])
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func aTicketThatIsClosedTooEarlyIsOpenedAgain(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.status = .done
      let outcome = try await stage.look(ticket)
      #expect(outcome.reopened, "\(outcome)")
      #expect(stage.server.count(helpdesk == .jira ? "jira/transition" : "servicenow/reopen") == 1)
      #expect(stage.server.count("\(helpdesk.rawValue)/note") == 1)
      let record = try await stage.world.store.remoteTicket(
        helpdesk: helpdesk.rawValue, remoteID: helpdesk.ticket, in: stage.world.database.client)
      #expect(record.closedWithoutControl == 1 && record.isOpen)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func whatIsMergedMovedOrDeletedAllowsNothing(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      let changes: [@Sendable (inout RecordedHelpdesk.Ticket) -> Void] = [
        { $0.isDuplicate = true }, { $0.isMoved = true }, { $0.isDeleted = true },
      ]
      for change in changes {
        var ticket = RecordedHelpdesk.Ticket(stage.request)
        ticket.decision = .init()
        change(&ticket)
        #expect(try await stage.look(ticket).problem == .ticketNotOpen)
      }
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func anOutageIsWaitedFor(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.decision = .init()
      for status in [500, 503, 429] {
        stage.server.fail(with: status)
        #expect(try await stage.look(ticket).problem == .ticketUnreadable)
      }
      stage.server.fail(with: 401)
      await #expect(throws: HelpdeskError(.forbidden, Self.forbidden)) { _ = try await stage.look(ticket) }
      stage.server.fail(with: nil)
      #expect(try await stage.look(ticket).granted)
      let gone = stage.world.poller(helpdesk.system(URL(string: "http://127.0.0.1:1/")!))
      #expect(try await gone.look(at: helpdesk.ticket).problem == .ticketUnreadable)
    }
  }

  private static let forbidden = "the helpdesk refuses Keyturn's account; check its token and rights"

  @Test(arguments: RecordedHelpdesk.allCases)
  func aWriteOnWhatChangedMeanwhileIsNotMade(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      stage.server.play(try helpdesk.exchanges(ticket))
      let read = try #require(try await stage.system.read(helpdesk.ticket))
      ticket.version = 2
      stage.server.play(try helpdesk.exchanges(ticket))
      await #expect(throws: HelpdeskError(.changedMeanwhile, "the ticket was changed meanwhile; it is read again")) {
        try await stage.system.bind(helpdesk.ticket, to: TicketBinding(stage.request), version: read.version)
      }
    }
  }

  @Test(arguments: RecordedHelpdesk.allCases)
  func aSecretInACommentOpensALeakCaseOnceAndIsStoredNowhere(helpdesk: RecordedHelpdesk) async throws {
    try await run(helpdesk) { stage async throws in
      var ticket = RecordedHelpdesk.Ticket(stage.request)
      ticket.comment = "login with password=Canary-7f3!x9 please"
      ticket.note = ReasonCode.secretInTicket.explanation
      let outcome = try await stage.look(ticket)
      #expect(outcome.leaks.count == 1, "\(outcome)")
      #expect(try await stage.look(ticket).leaks.isEmpty)
      // Another process, which remembers nothing.
      stage.server.play(try helpdesk.exchanges(ticket))
      #expect(try await stage.world.poller(stage.system).look(at: helpdesk.ticket).leaks.isEmpty)
      #expect(
        try await stage.world.database.count("SELECT count(*)::text FROM governance.ticket WHERE kind = 'leak'") == 1)
      #expect(stage.server.count("\(helpdesk.rawValue)/note") == 1)
      #expect(try await stage.world.rows(with: "Canary-7f3") == [])
      #expect(try await !stage.world.rows(with: "secret_in_ticket").isEmpty)
    }
  }

  @Test func aDraftWithASecretIsNotSent() async throws {
    try await run(.jira) { stage async throws in
      let request = try await stage.world.submit()
      await #expect(throws: GovernanceError.refused([.secretInTicket])) {
        _ = try await stage.poller.open(request, subject: "svc", body: "token ghp_Canary7f3klmnopqrstuvwxyz0123456789")
      }
      #expect(stage.server.count("jira/open") == 1)
      #expect(try await stage.world.rows(with: "ghp_Canary7f3") == [])
    }
  }

  @Test func idsThatDoNotBelongIntoAPathAreRefused() async throws {
    let base = URL(string: "http://127.0.0.1:1/")!
    for helpdesk in RecordedHelpdesk.allCases {
      for id in ["", "../x", "ACC-1/x", "a b", String(repeating: "A", count: 101)] {
        await #expect(throws: HelpdeskError.self, "\(id)") { _ = try await helpdesk.system(base).read(id) }
      }
    }
  }

  @Test func timesOfHelpdesksAreRead() {
    let wanted = Date(timeIntervalSince1970: 1_795_687_200)
    for text in ["2026-11-26T11:20:00.000+0100", "2026-11-26T10:20:00Z", "2026-11-26T10:20:00.000+0000"] {
      #expect(RemoteTime.parse(text).map { abs($0.timeIntervalSince(wanted)) < 86_400 } == true, "\(text)")
    }
    #expect(RemoteTime.parse("2026-11-26T11:20:00.000+0100") == RemoteTime.parse("2026-11-26T10:20:00Z"))
    #expect(RemoteTime.parseUTC("2026-11-26 10:20:00") == RemoteTime.parse("2026-11-26T10:20:00Z"))
    // The hour that comes twice is no question in UTC and with an offset.
    #expect(RemoteTime.parse("2026-10-25T02:30:00.000+0200") != RemoteTime.parse("2026-10-25T02:30:00.000+0100"))
    for text in ["", "yesterday", "2026-11-26 10:20", "2026-13-26 10:20:00"] {
      #expect(RemoteTime.parse(text) == nil && RemoteTime.parseUTC(text) == nil, "\(text)")
    }
  }
}
