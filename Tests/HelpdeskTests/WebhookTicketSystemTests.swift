import Foundation
import Governance
import HTTPTypes
import Postgres
import Secrets
import TestSupport
import Testing

@testable import Helpdesk

/// A helpdesk that only knows signed messages: what Keyturn sends, and what it makes of what arrived.
@Suite struct WebhookTicketSystemTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  private struct Stage: Sendable {
    let world: HelpdeskWorld
    let server: ContractServer
    let system: WebhookTicketSystem
    let poller: TicketPoller
    let request: Request

    func say(
      _ kind: HelpdeskEvent.Kind, _ message: String, actor: String = "bob", isHuman: Bool = true,
      state: HelpdeskEvent.State = .waiting, digest: String? = nil, comment: String? = nil
    ) async throws -> GovernanceStore.EventResult {
      let event = HelpdeskEvent(
        sequence: 0, message: message, ticket: "A-1", kind: kind, actor: actor, isHuman: isHuman, state: state,
        request: "\(request.id)", revision: 1, digest: digest ?? "\(request.digest)", at: Date(), comment: comment)
      return try await world.database.client.withTransaction {
        try await world.store.take(event, from: "desk", in: $0)
      }
    }
  }

  private func run(_ body: @Sendable (Stage) async throws -> Void) async throws {
    let world = try await HelpdeskWorld.make(realm: "desk")
    let server = ContractServer(authorization: nil)
    let request = try await world.submit()
    let signature = try #require(WebhookSignature(secret: Self.secret))
    try await server.run { base in
      let system = WebhookTicketSystem(
        name: "desk", url: base, signature: signature, store: world.store, database: world.database.client)
      let poller = world.poller(system)
      let values = [
        "request": "\(request.id)", "digest": "\(request.digest)", "note": ReasonCode.closedWithoutControl.explanation,
      ]
      server.play(
        try ["open", "note", "reopen"].map { try ContractServer.Exchange("webhook/\($0)", values) })
      #expect(try await poller.open(request, subject: "svc: issue", body: "please approve") == "A-1")
      try await body(Stage(world: world, server: server, system: system, poller: poller, request: request))
      for message in server.received {
        let headers = Dictionary(
          message.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { first, _ in first })
        #expect(throws: Never.self) { try signature.verify(headers: headers, body: message.body, now: Date()) }
      }
    }
    #expect(server.unexpected == [])
    await world.database.close()
  }

  @Test func aSignedDecisionCountsOnce() async throws {
    try await run { stage async throws in
      #expect(try await stage.poller.look(at: "A-1") == TicketPoller.Outcome())
      #expect(try await stage.say(.approved, "m1", state: .approved) == .taken)
      #expect(try await stage.say(.approved, "m1", actor: "dave") == .replayed)
      #expect(try await stage.poller.look(at: "A-1").granted)
      #expect(try await stage.poller.look(at: "A-1") == TicketPoller.Outcome())
      #expect(try await stage.world.authorizations() == 1)
      #expect(
        try await stage.world.database.count(
          "SELECT count(*)::text FROM governance.approval WHERE remote_transaction = 'desk:m1'") == 1)
      // Who said what is on record, and cannot be changed.
      await #expect(throws: PostgresError.self) {
        try await stage.world.database.withOwner {
          try await $0.executeScript("UPDATE governance.helpdesk_event SET actor = 'eve'")
        }
      }
    }
  }

  @Test func ownAccountAutomationAndRequesterAreRefused() async throws {
    try await run { stage async throws in
      _ = try await stage.say(.approved, "m1", actor: "keyturn")
      _ = try await stage.say(.approved, "m2", isHuman: false)
      _ = try await stage.say(.approved, "m3", actor: "alice")
      let outcome = try await stage.poller.look(at: "A-1")
      #expect(
        outcome.refused == [
          "desk:m1": [.notAHumanDecision], "desk:m2": [.notAHumanDecision],
          "desk:m3": [.approverIsRequester, .approverIsBeneficiary],
        ])
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test func aSwappedDigestBlocksForGood() async throws {
    try await run { stage async throws in
      _ = try await stage.say(.changed, "m1", digest: String(repeating: "0", count: 64))
      #expect(try await stage.poller.look(at: "A-1").problem == .ticketDigestMismatch)
      _ = try await stage.say(.approved, "m2")
      #expect(try await stage.poller.look(at: "A-1").refused == ["desk:m2": [.ticketDigestMismatch]])
    }
  }

  @Test func aTicketThatEndsTooEarlyIsOpenedAgain() async throws {
    try await run { stage async throws in
      _ = try await stage.say(.changed, "m1", state: .resolved)
      #expect(try await stage.poller.look(at: "A-1").reopened)
      #expect(stage.server.count("webhook/reopen") == 1 && stage.server.count("webhook/note") == 1)
    }
  }

  @Test(arguments: [HelpdeskEvent.State.merged, .moved, .deleted])
  func whatIsGoneAllowsNothing(state: HelpdeskEvent.State) async throws {
    try await run { stage async throws in
      _ = try await stage.say(.approved, "m1")
      _ = try await stage.say(.changed, "m2", state: state)
      #expect(try await stage.poller.look(at: "A-1").problem == .ticketNotOpen)
      #expect(try await stage.world.authorizations() == 0)
    }
  }

  @Test func anOutageIsWaitedFor() async throws {
    try await run { stage async throws in
      _ = try await stage.say(.changed, "m1", state: .resolved)
      stage.server.fail(with: 503)
      await #expect(throws: HelpdeskError(.unreachable, "the helpdesk fails with status 503")) {
        try await stage.system.note("A-1", "x")
      }
      // Reading needs nobody: what arrived is here.
      #expect(try await stage.poller.look(at: "A-1").problem == .ticketUnreadable)
      stage.server.fail(with: nil)
      #expect(try await stage.poller.look(at: "A-1").reopened)
    }
  }

  @Test func aCommentWithASecretIsStoredNowhere() async throws {
    try await run { stage async throws in
      let text = "it works with password: Canary-9d2!y"
      #expect(try await stage.say(.approved, "m1", comment: text) == .leaked)
      #expect(try await stage.say(.approved, "m1", comment: text) == .leaked)
      #expect(
        try await stage.world.database.count("SELECT count(*)::text FROM governance.ticket WHERE kind = 'leak'") == 1)
      #expect(try await stage.world.rows(with: "Canary-9d2") == [])
      await #expect(throws: GovernanceError.refused([.textTooLong])) {
        _ = try await stage.say(.approved, "m2", comment: String(repeating: "a ", count: 500_000))
      }
      #expect(try await stage.world.database.count("SELECT count(*)::text FROM governance.helpdesk_event") == 0)
    }
  }
}
