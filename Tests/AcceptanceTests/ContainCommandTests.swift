import Foundation
import Lifecycle
import TestSupport
import Testing

@Suite struct ContainCommandTests {
  private func order(_ world: TestWorld, _ more: String...) async throws -> CommandTests.Ended {
    try await world.keyturn(
      ["contain", "--selector", "target=db", "--by", "alice", "--ticket", "INC-1", "--reason", "leak"] + more)
  }

  @Test func previewsOrdersAndFollows() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      for name in ["svc_c1", "svc_c2"] { try await world.issue(name) }
      try await world.settled()
      _ = try await world.addConsumer("web", of: "svc_c1")
      let preview = try await order(world, "--json")
      #expect(preview.code == 0, "\(preview.errors)")
      let object = try preview.object()
      #expect(object["would_contain"] as? String == "2" && object["consumers"] as? String == "1")
      #expect((object["targets"] as? [[String: Any]])?.first?["consumers"] as? String == "web")
      let digest = try #require(object["digest"] as? String)
      #expect((object["command"] as? String)?.contains("--yes --expect \(digest)") == true)
      #expect(try await world.database.count("SELECT count(*)::text FROM lifecycle.containment") == 0)

      let refused = try await order(world, "--yes", "--expect", digest)
      #expect(refused.code == 3)
      #expect(refused.errors.contains("keyturn permission grant contain"))
      #expect(
        try await world.keyturn("permission", "grant", "contain", "alice", "--by", "alice", "--reason", "me").code == 3)
      #expect(
        try await world.keyturn("permission", "grant", "contain", "alice", "--by", "bob", "--reason", "on call").code
          == 0)
      #expect(try await world.keyturn("permission", "list", "--json").rows().count == 1)

      let done = try await order(world, "--yes", "--expect", digest, "--json")
      #expect(done.code == 0, "\(done.errors)")
      let result = try done.object()
      #expect(result["contained"] as? String == "2" && result["over"] as? String == "yes")
      let id = try #require(result["containment"] as? String)
      let status = try await world.keyturn("contain", "status", String(id.prefix(8)), "--follow", "--json")
      #expect(try status.object()["follow_ups_done"] as? String == "2")
      #expect(try await world.keyturn("contain", "list", "--json").rows().count == 1)
    }
    try await world.close()
  }

  @Test func badInputIsRefusedByItsName() async throws {
    let world = try await TestWorld.make()
    #expect(try await world.keyturn("contain", "status", "zz").errors.contains("first 4 digits"))
    #expect(try await world.keyturn("contain", "status", "00000000-0000").code == 4)
    #expect(try await order(world, "--yes").code == 64)
    #expect(try await order(world, "--yes", "--expect", "nonsense").code == 64)
    #expect(try await order(world, "--then", "forget").code == 64)
    #expect(try await order(world, "--break-glass", "x").code == 64)
    let nothing = try await order(world, "--yes", "--expect", "e3b0c44298fc")
    #expect(nothing.code == 1, "\(nothing.errors)")
    #expect(nothing.errors.contains("nothing that the selector matches"))
    let unknown = UUID().uuidString.lowercased()
    #expect(try await order(world, "--break-glass", unknown, "--yes", "--expect", "e3b0c44298fc").code == 1)
    try await world.close()
  }

  @Test func theGlassIsBrokenByTwoAndReviewedByAThird() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_glass")
      try await world.settled()
      let ask = ["break-glass", "open", "--by", "alice", "--reason", "night", "--json"]
      #expect(try await world.keyturn(ask).code == 3)
      for person in ["alice", "bob"] {
        #expect(try await world.keyturn("person", "role", person, "break_glass").code == 0)
      }
      let opened = try await world.keyturn(ask)
      let id = try #require(try opened.object()["break_glass"] as? String)
      #expect(try await world.keyturn("break-glass", "confirm", id, "--by", "alice").code == 3)
      #expect(try await world.keyturn("break-glass", "confirm", id, "--by", "bob", "--duration", "5h").code != 0)
      #expect(try await world.keyturn("break-glass", "confirm", id, "--by", "bob").code == 0)
      let digest = try #require(try await order(world, "--json").object()["digest"] as? String)
      let done = try await order(world, "--break-glass", id, "--yes", "--expect", digest, "--json")
      #expect(done.code == 0, "\(done.errors)")
      #expect(try await world.keyturn("break-glass", "list", "--json").rows().first?["review"] as? String == "open")
      #expect(try await world.keyturn("break-glass", "review", id, "--by", "bob", "--verdict", "fine").code == 3)
      #expect(
        try await world.keyturn("break-glass", "review", id, "--by", "carol", "--verdict", "it was needed").code == 0)
      #expect(try await world.keyturn("break-glass", "list", "--json").rows().first?["review"] as? String == "closed")
    }
    try await world.close()
  }

  @Test func consumersAreAddedListedAndRemoved() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_use")
      try await world.settled()
    }
    let added = try await world.operate(
      "consumer", "add", "svc_use", "--name", "web", "--webhook", "https://x.example/h", "--json")
    #expect(added.code == 0, "\(added.errors)")
    let object = try added.object()
    #expect((object["token"] as? String)?.hasPrefix("ktc_") == true)
    #expect((object["webhook_secret"] as? String)?.hasPrefix("whsec_") == true)
    #expect(try await world.operate("consumer", "add", "svc_use", "--name", "web").code == 1)
    #expect(try await world.operate("consumer", "add", "svc_use", "--name", "a b").errors.contains("name is not valid"))
    #expect(
      try await world.operate("consumer", "add", "svc_use", "--name", "c", "--webhook", "http://x.example").errors
        .contains("webhook is not valid"))
    #expect(try await world.operate("consumer", "add", "svc_ghost", "--name", "c").code == 4)
    let listed = try await world.keyturn("consumer", "list", "svc_use", "--json").rows()
    #expect(listed.count == 1 && listed[0]["current"] as? String == "1" && listed[0]["acknowledged"] is NSNull)
    // A new key seals webhook secrets too.
    let rewrapped = try await world.keyturn("key", "rotate", "--json")
    #expect(try rewrapped.object()["rewrapped"] as? String == "3", "\(rewrapped.errors)")
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM lifecycle.consumer AS c JOIN lifecycle.version AS v ON v.key_id = c.webhook_key_id")
        == 1)
    #expect(try await world.operate("consumer", "overdue", "short", "extend").code == 0)
    #expect(try await world.operate("consumer", "overdue", "short", "never").code == 1)
    #expect(try await world.operate("consumer", "remove", "svc_use", "--name", "web").code == 0)
    #expect(try await world.operate("consumer", "remove", "svc_use", "--name", "web").code == 4)
    #expect(try await world.keyturn("consumer", "list", "--json").rows().isEmpty)
    try await world.close()
  }

  @Test func theServerServesAndStopsOnSIGTERM() async throws {
    let world = try await TestWorld.make()
    try await world.withWorker {
      try await world.issue("svc_serve")
      try await world.settled()
    }
    #expect(try await world.keyturn("server", "--listen", "0.0.0.0:8440").code == 64)
    #expect(try await world.keyturn("server", "--listen", "nowhere").code == 64)
    let token = try await world.addConsumer("web", of: "svc_serve")
    let port = Int.random(in: 20_000...30_000)
    let process = Process()
    process.executableURL = CommandTests.program
    process.arguments = [
      "server", "--listen", "127.0.0.1:\(port)", "--database-url", world.database.url, "--data-dir",
      world.daemon.dataDirectory,
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer { process.terminate() }
    let api = TestAPI(port: port)
    try await world.database.eventually { (try? await api.get("/health/ready").status) == 200 }
    #expect(try await api.get("/v1/credentials/svc_serve/secret", token: token).version == 1)
    async let waiting = api.get("/v1/credentials/svc_serve/secret?after=1&wait=60s", token: token)
    try await world.database.eventually {
      (try await api.get("/health/ready").object["checks"] as? [String: String])?["waiting"] == "1"
    }
    kill(process.processIdentifier, SIGTERM)
    #expect(try await waiting.status == 304)
    try await world.database.eventually { !process.isRunning }
    #expect(process.terminationStatus == 0)
    try await world.close()
  }

  @Test(.timeLimit(.minutes(3))) func aKilledWorkerAndACommandThatEndsLoseNothing() async throws {
    let world = try await TestWorld.make()
    try await world.permitContainment()
    let names = (1...40).map { "svc_kill_\($0)" }
    try await world.withWorker {
      for name in names { try await world.issue(name) }
      try await world.settled()
    }
    let id = try await world.contain("target=db")
    func worker() throws -> Process {
      let process = Process()
      process.executableURL = CommandTests.program
      process.arguments = [
        "worker", "--database-url", world.database.url, "--data-dir", world.daemon.dataDirectory, "--lease", "20",
        "--heartbeat", "0.3", "--poll", "0.05",
      ]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      return process
    }
    // Killed as soon as an intent is on record: its outcome is not.
    let first = try worker()
    try await world.database.eventually {
      try await world.database.count("SELECT count(*)::text FROM lifecycle.containment_item WHERE state <> 'waiting'")
        > 0
    }
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    let second = try worker()
    let status = try await world.over(id)
    #expect(status.contained == 40 && status.followUpsDone == 40)
    second.terminate()
    second.waitUntilExit()
    #expect(
      try await world.targetCount("SELECT count(*)::text FROM pg_roles WHERE rolname ~ '^svc_kill_[0-9]+_[ab]$'") == 40)
    for name in names.prefix(5) {
      let secret = try await world.secret(name)
      #expect(secret.version == 2)
      #expect(try await world.target.logIn(secret.login, secret.secret))
    }
    try await world.close()
  }
}
