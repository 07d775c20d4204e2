import Foundation
import Lifecycle
import NIOCore
import Postgres
import TestSupport
import Testing
import Web

@Suite struct ConsumerTests {
  private func issued(_ world: TestWorld, _ name: String) async throws {
    try await world.issue(name)
    try await world.settled()
  }

  @Test func readsItsSecretAndNothingElse() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await issued(world, "svc_read")
      try await issued(world, "svc_other")
    }
    let token = try await world.addConsumer("web", of: "svc_read")
    try await world.withServer { api in
      let answer = try await api.get("/v1/credentials/svc_read/secret", token: token)
      #expect(answer.status == 200)
      #expect(answer.headers.first(name: "etag") == "\"1\"")
      #expect(answer.headers.first(name: "cache-control") == "no-store")
      let object = try answer.object
      let secret = try await world.secret("svc_read")
      #expect(object["secret"] as? String == secret.secret.withBytes { String(decoding: $0, as: UTF8.self) })
      #expect(object["login"] as? String == secret.login)
      #expect((object["connection"] as? [String: String])?["user"] == nil)

      let other = try await api.get("/v1/credentials/svc_other/secret", token: token)
      #expect(other.status == 403 && other.code == "other_credential")
      #expect(try await api.get("/v1/credentials/svc_read/secret?target=db", token: token).status == 200)
      #expect(try await api.get("/v1/credentials/svc_read/secret?target=else", token: token).status == 403)
      let unchanged = try await api.get(
        "/v1/credentials/svc_read/secret", token: token, headers: [("if-none-match", "\"1\"")])
      #expect(unchanged.status == 304 && unchanged.body.isEmpty)
      let previous = try await api.get("/v1/credentials/svc_read/secret?version=previous", token: token)
      #expect(previous.status == 404 && previous.code == "no_previous_version")
      for _ in 0..<3 { _ = try await api.get("/v1/credentials/svc_read/secret", token: token) }
    }
    // Five readings were given out, in one row.
    #expect(try await world.database.count("SELECT reads::text FROM lifecycle.consumer_version") == 5)
    #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.consumer_version") == 1)
    // The token is nowhere.
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.consumer WHERE encode(token_hash, 'escape') LIKE '%\(token.suffix(20))%'")
        == 0)
    try await world.close()
  }

  @Test func badTokensAreToldApartAndSoonTurnedAway() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker { try await issued(world, "svc_bad") }
    let good = try await world.addConsumer("good", of: "svc_bad")
    let expired = try await world.addConsumer("old", of: "svc_bad", expiresAt: Date(timeIntervalSinceNow: 3600))
    let removed = try await world.addConsumer("gone", of: "svc_bad")
    try await world.change("UPDATE lifecycle.consumer SET expires_at = now() - interval '1 second' WHERE name = 'old'")
    let identity = try await world.composition.governance.identity("svc_bad", on: nil, in: world.composition.client)
    try await world.composition.lifecycle.removeConsumer("gone", of: identity.id, by: "alice", reason: "left")
    let path = "/v1/credentials/svc_bad/secret"
    let forged = String(good.dropLast(6)) + (good.hasSuffix("AAAAAA") ? "BBBBBB" : "AAAAAA")
    try await world.withServer { api in
      let missing = try await api.get(path)
      #expect(missing.status == 401 && missing.code == "missing_token")
      #expect(missing.headers.first(name: "content-type") == "application/problem+json")
      #expect(missing.headers.first(name: "www-authenticate")?.hasPrefix("Bearer") == true)
      #expect((try missing.object["remedy"] as? String)?.isEmpty == false)
      #expect(try await api.get(path, token: "nonsense").code == "malformed_token")
      #expect(try await api.get(path, token: forged).code == "unknown_token")
      #expect(try await api.get(path, token: expired).code == "expired_token")
      #expect(try await api.get(path, token: removed).code == "removed_consumer")
      #expect(try await api.get(path, token: good).status == 200)
      var codes: [String?] = []
      for _ in 0..<25 { codes.append(try await api.get(path, token: forged).code) }
      #expect(codes.last == "too_many_bad_tokens")
      let turnedAway = try await api.get(path, token: forged)
      #expect(turnedAway.status == 429 && turnedAway.headers.first(name: "retry-after") != nil)
      // A neighbour behind the same address is not locked out.
      #expect(try await api.get(path, token: good).status == 200)
    }
    try await world.close()
  }

  @Test func badRequestsAreAnsweredByTheirName() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker { try await issued(world, "svc_input") }
    let token = try await world.addConsumer("web", of: "svc_input")
    let (secret, acknowledge) = ("/v1/credentials/svc_input/secret", "/v1/credentials/svc_input/acknowledgements")
    try await world.withServer(patience: 1) { api in
      #expect(try await api.get(secret + "?after=1&wait=61s", token: token).code == "wait_out_of_range")
      #expect(try await api.get(secret + "?wait=5", token: token).code == "wait_without_after")
      #expect(try await api.get(secret + "?after=x", token: token).code == "bad_after")
      #expect(try await api.get(secret + "?version=7", token: token).code == "bad_version")
      #expect(try await api.get(secret + "?verbose=1", token: token).code == "unknown_parameter")
      #expect(try await api.get("/v1/nothing", token: token).code == "no_such_resource")
      #expect(try await api.post(secret, token: token, body: "{}").status == 404)
      let typed = try await api.post(acknowledge, token: token, body: #"{"version":1}"#, type: "text/plain")
      #expect(typed.status == 415 && typed.code == "wrong_content_type")
      #expect(try await api.post(acknowledge, token: token, body: "{}").code == "bad_body")
      #expect(try await api.post(acknowledge, token: token, body: #"{"version":"1"}"#).code == "bad_body")
      #expect(try await api.post(acknowledge, token: token, body: "").code == "bad_body")
      let large = try await api.post(acknowledge, token: token, body: String(repeating: " ", count: 5000))
      #expect(large.status == 413 && large.code == "body_too_large")
      let unknown = try await api.post(acknowledge, token: token, body: #"{"version":9}"#)
      #expect(unknown.status == 409 && unknown.code == "version_is_over")
      #expect(try await api.post(acknowledge, token: nil, body: #"{"version":1}"#).status == 401)
      let done = try await api.post(acknowledge, token: token, body: #"{"version":1}"#)
      #expect(done.status == 200)
      #expect(try done.object["waitingFor"] as? Int == 0)

      // A client that sends a byte and then nothing is not waited for.
      let slow = try await RawConnection.open(port: api.port)
      let head =
        "POST \(acknowledge) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(token)\r\n"
        + "content-type: application/json\r\ncontent-length: 13\r\n\r\n{"
      let answer = try await slow.exchange(head)
      #expect(answer.contains("408") && answer.contains("too_slow"))
      let nonsense = try await RawConnection.open(port: api.port)
      #expect(try await nonsense.exchange("nonsense\r\n\r\n").contains("400"))
    }
    try await world.close()
  }

  @Test func aLongPollIsAnsweredByTheNextVersion() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.withWorker {
      try await issued(world, "svc_poll")
      let token = try await world.addConsumer("web", of: "svc_poll")
      let path = "/v1/credentials/svc_poll/secret"
      try await world.withServer { api in
        // Nothing new within the time.
        let none = try await api.get(path + "?after=1&wait=0.3s", token: token)
        #expect(none.status == 304 && none.headers.first(name: "etag") == "\"1\"")
        // Already there.
        #expect(try await api.get(path + "?after=0&wait=30s", token: token).version == 1)
        async let news = api.get(path + "?after=1", token: token, headers: [("prefer", "wait=60")])
        try await world.database.eventually { api.waiting == 1 }
        try await world.rotate("svc_poll")
        let answer = try await news
        #expect(answer.status == 200 && answer.version == 2)
        // Both can be read during the overlap.
        let previous = try await api.get(path + "?version=previous", token: token)
        #expect(previous.version == 1)
        #expect(try previous.object["state"] as? String == "retiring")
      }
    }
    try await world.close()
  }

  @Test func theOverlapEndsWhenEveryConsumerHasAcknowledged() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.withWorker {
      try await issued(world, "svc_ack")
      let tokens = [
        try await world.addConsumer("web", of: "svc_ack"), try await world.addConsumer("cron", of: "svc_ack"),
      ]
      let old = try await world.secret("svc_ack")
      try await world.rotate("svc_ack")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      try await world.withServer { api in
        let path = "/v1/credentials/svc_ack/acknowledgements"
        let first = try await api.post(path, token: tokens[0], body: #"{"version":2}"#)
        #expect(try first.object["waitingFor"] as? Int == 1)
        #expect(try await world.target.logIn(old.login, old.secret))
        let second = try await api.post(path, token: tokens[1], body: #"{"version":2}"#)
        #expect(try second.object["waitingFor"] as? Int == 0)
        try await world.settled()
        #expect(try await !world.target.logIn(old.login, old.secret))
        let late = try await api.post(path, token: tokens[1], body: #"{"version":1}"#)
        #expect(late.status == 409)
      }
    }
    try await world.close()
  }

  @Test func theOverlapEndsWhenAllHaveReadTheNewOneAndTheOldHasNoSession() async throws {
    let world = try await TestWorld.make(overlap: 3000)
    try await world.withWorker {
      try await issued(world, "svc_unused")
      let token = try await world.addConsumer("web", of: "svc_unused")
      let session = try await world.session(try await world.secret("svc_unused"))
      try await world.rotate("svc_unused")
      try await world.eventually("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'", is: 1)
      try await world.withServer { api in
        let answer = try await api.get("/v1/credentials/svc_unused/secret", token: token)
        #expect(answer.version == 2)
      }
      let wake = "UPDATE jobs.job SET run_at = now() WHERE hold = 'waiting'"
      let claims = try await world.database.count("SELECT max(fence)::text FROM jobs.job")
      try await world.change(wake)
      try await world.database.eventually {
        try await world.database.count(
          "SELECT COALESCE(max(fence) FILTER (WHERE hold = 'waiting'), 0)::text FROM jobs.job") > claims
      }
      #expect(
        try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE state = 'overlap'") == 1)
      await session.close()
      try await world.database.eventually {
        try await world.change(wake)
        return try await world.database.count("SELECT count(*)::text FROM lifecycle.rotation WHERE finished_at IS NULL")
          == 0
      }
    }
    try await world.close()
  }

  @Test func atTheMaximumAnAlarmIsRaisedAndThePolicyDecides() async throws {
    for word in ["retire", "extend"] {
      let world = try await TestWorld.make(overlap: 1)
      try await world.composition.lifecycle.setOnUnacknowledged("short", word, by: "alice", reason: "a test")
      try await world.withWorker {
        try await issued(world, "svc_late")
        let token = try await world.addConsumer("web", of: "svc_late")
        let old = try await world.secret("svc_late")
        try await world.rotate("svc_late")
        try await world.eventually(
          "SELECT count(*)::text FROM keyturn.v_alarm WHERE kind = 'overlap_exceeded' AND cleared_at IS NULL", is: 1)
        // A person is asked to look, once.
        for _ in 0..<2 { _ = try await world.composition.lifecycle.openEndTickets() }
        #expect(
          try await world.database.count(
            """
            SELECT count(*) FROM governance.ticket
            WHERE kind = 'review' AND body LIKE '%1 of 1 consumers have not acknowledged version 2%What is needed: Have%'
            """) == 1)
        if word == "extend" {
          #expect(try await world.target.logIn(old.login, old.secret))
          try await world.withServer { api in
            _ = try await api.post("/v1/credentials/svc_late/acknowledgements", token: token, body: #"{"version":2}"#)
          }
        }
        try await world.settled()
        #expect(try await !world.target.logIn(old.login, old.secret))
        #expect(
          try await world.database.count("SELECT count(*)::text FROM keyturn.v_alarm WHERE cleared_at IS NULL")
            == (word == "extend" ? 0 : 1))
      }
      try await world.close()
    }
  }

  @Test func aServerThatDrainsAnswersThoseWhoWait() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker { try await issued(world, "svc_drain") }
    let token = try await world.addConsumer("web", of: "svc_drain")
    try await world.withServer { api in
      #expect(try await api.get("/health/live").status == 200)
      let ready = try await api.get("/health/ready")
      #expect(ready.status == 200)
      async let waiting = api.get("/v1/credentials/svc_drain/secret?after=1&wait=60s", token: token)
      try await world.database.eventually { api.waiting == 1 }
      let start = ContinuousClock.now
      api.own?.stop()
      let answer = try await waiting
      #expect(answer.status == 304)
      #expect(ContinuousClock.now - start < .seconds(20))
    }
    try await world.close()
  }

  @Test func secretsDoNotTravelInTheClear() throws {
    #expect(throws: WebError(code: .invalidConfiguration, message: "")) {
      try WebConfiguration(host: "0.0.0.0").validate()
    }
    #expect(throws: WebError(code: .invalidConfiguration, message: "")) {
      try WebConfiguration(certificatePath: "/x").validate()
    }
  }
}
