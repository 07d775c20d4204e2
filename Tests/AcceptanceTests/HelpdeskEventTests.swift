import AsyncHTTPClient
import Foundation
import Governance
import NIOCore
import NIOHTTP1
import Postgres
import Secrets
import TestSupport
import Testing
import Web

/// Signed events over sockets: what is wrong with one has its own reason, and leaves nothing behind.
@Suite struct HelpdeskEventTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  private struct Sender: Sendable {
    let world: TestWorld
    let port: Int
    let request: Request
    let signature: WebhookSignature

    func body(_ change: (inout [String: Any]) -> Void = { _ in }) throws -> [UInt8] {
      var event: [String: Any] = [
        "type": "ticket.decided", "ticket": "A-1", "actor": "bob", "human": true, "decision": "approved",
        "state": "approved", "at": Date().formatted(.iso8601),
        "binding": ["request": "\(request.id)", "revision": 1, "digest": "\(request.digest)"],
      ]
      change(&event)
      return [UInt8](try JSONSerialization.data(withJSONObject: event))
    }

    func send(
      _ body: [UInt8], id: String = "msg_1", helpdesk: String = "desk", age: Double = 0, signed: [UInt8]? = nil,
      without: String? = nil, stamp: String? = nil
    ) async throws -> TestAPI.Answer {
      let time = Int64(Date().timeIntervalSince1970 - age)
      var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/v1/helpdesks/\(helpdesk)/events")
      request.method = .POST
      for (name, value) in [
        ("webhook-id", id), ("webhook-timestamp", stamp ?? "\(time)"),
        ("webhook-signature", signature.sign(id: id, timestamp: time, body: signed ?? body)),
      ] where name != without {
        request.headers.add(name: name, value: value)
      }
      request.body = .bytes(ByteBuffer(bytes: body))
      let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
      let bytes = try await response.body.collect(upTo: 1 << 20)
      return TestAPI.Answer(
        status: Int(response.status.code), headers: response.headers, body: Data(bytes.readableBytesView))
    }

    func stored() async throws -> Int {
      try await world.database.count("SELECT count(*)::text FROM governance.helpdesk_event")
    }
  }

  /// With a request that is bound to the ticket A-1 of the helpdesk "desk".
  private func run(_ body: @Sendable (Sender) async throws -> Void) async throws {
    let world = try await TestWorld.make()
    let (governance, client) = (world.composition.governance, world.composition.client)
    try await world.addIdentity("svc")
    let request = try await world.submit([.issue, .rotate], "svc")
    try await client.withTransaction { transaction in
      let ticket = try await governance.importTicket(
        helpdesk: "desk", remoteID: "A-1", subject: "svc", in: transaction)
      try await governance.bind(ticket, to: request, in: transaction)
    }
    let signature = try #require(WebhookSignature(secret: Self.secret))
    let server = try WebServer(
      WebConfiguration(port: 0, patience: 2, grace: 5), lifecycle: world.composition.lifecycle,
      helpdesks: ["desk": signature], logger: TestDatabase.logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      let port = try #require(await server.port())
      do {
        try await body(Sender(world: world, port: port, request: request, signature: signature))
      } catch {
        server.stop()
        throw error
      }
      server.stop()
      try await group.waitForAll()
    }
    try await world.close()
  }

  @Test func aSignedEventIsTakenOnceAndIsOnRecord() async throws {
    try await run { sender async throws in
      let body = try sender.body()
      #expect(try await sender.send(body).status == 202)
      let again = try await sender.send(body)
      #expect(again.status == 409 && again.code == "replayed")
      #expect(try await sender.stored() == 1)
      #expect(
        try await sender.world.database.count(
          "SELECT count(*)::text FROM evidence.opening WHERE value LIKE '%msg_1%' AND value LIKE '%\"actor\"%'") == 1)
    }
  }

  @Test func thePollReadsWhatArrivedAndStartsTheWork() async throws {
    try await run { sender async throws in
      let (world, governance) = (sender.world, sender.world.composition.governance)
      try await governance.addAccount(realm: "desk", login: "bob", of: "bob", in: world.composition.client)
      #expect(try await sender.send(try sender.body()).status == 202)
      let file = world.daemon.dataDirectory + "/desk.key"
      try Data(Self.secret.utf8).write(to: URL(fileURLWithPath: file))
      func poll() async throws -> CommandTests.Ended {
        try await world.keyturn(
          "helpdesk", "poll", "--once", "--kind", "webhook", "--name", "desk", "--url", "http://127.0.0.1:1/",
          "--token-file", file, "--json")
      }
      // A key that others may read is none.
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
      #expect(try await poll().code == 64)
      #expect(try await world.keyturn("server", "--helpdesk-webhook", "desk=" + file).code == 64)
      #expect(try await world.keyturn("server", "--helpdesk-webhook", "desk").code == 64)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
      let ended = try await poll()
      #expect(ended.code == 0 && ended.output.contains("granted"), "\(ended.errors)")
      #expect(
        try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE finished_at IS NULL") == 1)
    }
  }

  @Test func aTicketThatCannotBeReadDoesNotHoldUpTheOthers() async throws {
    try await run { sender async throws in
      let (world, governance) = (sender.world, sender.world.composition.governance)
      // RT's tickets have numbers, and this server has no RT.
      for id in ["A-7", "8"] {
        let request = try await world.submit([.issue, .rotate], "svc")
        try await world.composition.client.withTransaction { transaction in
          let ticket = try await governance.importTicket(
            helpdesk: "rt", remoteID: id, subject: "svc", in: transaction)
          try await governance.bind(ticket, to: request, in: transaction)
        }
      }
      let file = world.daemon.dataDirectory + "/rt.token"
      try Data("t".utf8).write(to: URL(fileURLWithPath: file))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
      let ended = try await world.keyturn(
        "helpdesk", "poll", "--once", "--url", "http://127.0.0.1:\(sender.port)/", "--token-file", file)
      #expect(ended.code == 0, "\(ended.errors)")
      #expect(ended.output.contains("unexpected_answer") && ended.output.contains("ticket_not_open"), "\(ended.output)")
    }
  }

  @Test func aForgedStaleOrOversizedEventHasItsOwnReason() async throws {
    try await run { sender async throws in
      let body = try sender.body()
      func expect(_ status: Int, _ code: String, _ answer: TestAPI.Answer) {
        #expect(answer.status == status && answer.code == code, "\(code): \(answer.status) \(answer.code ?? "")")
      }
      expect(401, "bad_signature", try await sender.send(body, signed: Array("else".utf8)))
      let swapped = try sender.body { $0["actor"] = "alice" }
      expect(401, "bad_signature", try await sender.send(swapped, signed: body))
      expect(401, "out_of_time", try await sender.send(body, age: 400))
      expect(401, "out_of_time", try await sender.send(body, age: -400))
      expect(400, "bad_timestamp", try await sender.send(body, stamp: "yesterday"))
      // The time is signed too.
      expect(
        401, "bad_signature",
        try await sender.send(body, age: 400, stamp: "\(Int64(Date().timeIntervalSince1970))"))
      for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        expect(400, "missing_header", try await sender.send(body, without: header))
      }
      let huge = try sender.body { $0["comment"] = String(repeating: "a", count: 1_048_577) }
      expect(413, "too_large", try await sender.send(huge))
      expect(404, "unknown_helpdesk", try await sender.send(body, helpdesk: "other"))
      #expect(try await sender.stored() == 0)
      // An address that guesses is turned away.
      for _ in 0..<25 { _ = try await sender.send(body, signed: [1]) }
      expect(429, "too_many_bad_signatures", try await sender.send(body))
    }
  }

  @Test func whatIsNoEventIsRefusedByItsField() async throws {
    try await run { sender async throws in
      let cases: [(String, (inout [String: Any]) -> Void)] = [
        ("ticket", { $0["ticket"] = nil }), ("actor", { $0["actor"] = 7 }), ("actor", { $0["actor"] = "" }),
        ("type", { $0["type"] = "x" }), ("decision", { $0["decision"] = "maybe" }), ("state", { $0["state"] = "x" }),
        ("at", { $0["at"] = "yesterday" }), ("binding", { $0["binding"] = nil }),
        ("binding.digest", { $0["binding"] = ["request": "x", "revision": 1, "digest": "short"] }),
        ("binding.digest", { $0["binding"] = ["request": "x", "revision": 1] }),
        (
          "binding.revision",
          { $0["binding"] = ["request": "x", "revision": 0, "digest": String(repeating: "0", count: 64)] }
        ),
      ]
      for (field, change) in cases {
        let answer = try await sender.send(try sender.body(change))
        #expect(answer.status == 422, "\(field)")
        #expect(answer.detail?.contains(field) == true, "\(field)")
      }
      #expect(try await sender.send(Array("[]".utf8)).status == 422)
      let unknown = try await sender.send(try sender.body { $0["ticket"] = "A-2" })
      #expect(unknown.status == 404 && unknown.code == "unknown_record")
      #expect(try await sender.stored() == 0)
    }
  }

  @Test func aMegabyteOfCommentAndASecretInOneAreRefusedAndStoredNowhere() async throws {
    try await run { sender async throws in
      let long = try await sender.send(
        try sender.body { $0["comment"] = String(repeating: "a ", count: 400_000) })
      #expect(long.status == 422 && long.code == "text_too_long")
      let leaking = try sender.body { $0["comment"] = "the password = Canary-8a4!w still works" }
      for _ in 0..<2 {
        let answer = try await sender.send(leaking)
        #expect(answer.status == 422 && answer.code == "secret_in_ticket")
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("Canary"))
      }
      #expect(try await sender.stored() == 0)
      #expect(
        try await sender.world.database.count(
          "SELECT count(*)::text FROM governance.ticket WHERE kind = 'leak'") == 1)
      #expect(
        try await sender.world.database.count(
          """
          SELECT ((SELECT count(*) FROM governance.ticket AS t WHERE t::text LIKE '%Canary%')
            + (SELECT count(*) FROM governance.ticket_note AS t WHERE t::text LIKE '%Canary%')
            + (SELECT count(*) FROM evidence.opening AS t WHERE t::text LIKE '%Canary%'))::text
          """) == 0)
    }
  }
}
