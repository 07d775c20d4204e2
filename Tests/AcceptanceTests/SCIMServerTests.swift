import AsyncHTTPClient
import Foundation
import Governance
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

/// The SCIM face over sockets, as a directory's client meets it.
@Suite struct SCIMServerTests {
  private struct Client: Sendable {
    let port: Int
    let token: String

    func send(
      _ method: HTTPMethod, _ path: String, _ body: String? = nil, headers: [(String, String)] = [],
      type: String = "application/scim+json", token: String? = nil
    ) async throws -> TestAPI.Answer {
      var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/scim/v2\(path)")
      request.method = method
      request.headers.add(name: "authorization", value: "Bearer \(token ?? self.token)")
      if body != nil { request.headers.add(name: "content-type", value: type) }
      for (name, value) in headers { request.headers.add(name: name, value: value) }
      if let body { request.body = .bytes(ByteBuffer(string: body)) }
      let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
      let bytes = try await response.body.collect(upTo: 4 << 20)
      return TestAPI.Answer(
        status: Int(response.status.code), headers: response.headers, body: Data(bytes.readableBytesView))
    }

    /// The new user's id.
    func user(_ name: String, _ more: String = "") async throws -> String {
      let answer = try await send(.POST, "/Users", #"{"userName": "\#(name)"\#(more)}"#)
      #expect(answer.status == 201)
      return try #require(try answer.object["id"] as? String)
    }
  }

  private func run(
    persons: Int = 20, _ body: @Sendable (TestWorld, Client) async throws -> Void
  ) async throws {
    let world = try await TestWorld.make(addTarget: false)
    let governance = world.composition.governance
    try await governance.addSource(
      IdentitySource(name: "idp", kind: .scim, breaker: MassChangeBreaker(persons: persons)),
      in: world.composition.client)
    let token = try await world.composition.client.withTransaction {
      try await governance.addSCIMClient(
        "okta", of: "idp", expiresAt: nil, by: "alice", reason: "a test", in: $0
      ).withBytes { String(decoding: $0, as: UTF8.self) }
    }
    try await world.withServer { api in try await body(world, Client(port: api.port, token: token)) }
    try await world.close()
  }

  private func resources(_ answer: TestAPI.Answer) throws -> [[String: Any]] {
    try #require(try answer.object["Resources"] as? [[String: Any]])
  }

  @Test func aUserIsMadeReadChangedAndRemoved() async throws {
    try await run { world, client async throws in
      let made = try await client.send(
        .POST, "/Users",
        #"{"userName": "uma", "password": "canary-secret-1", "emails": [{"value": "uma@x.example", "primary": true}]}"#)
      #expect(made.status == 201 && made.headers.first(name: "content-type") == "application/scim+json")
      let id = try #require(try made.object["id"] as? String)
      let location = "http://127.0.0.1:\(client.port)/scim/v2/Users/\(id)"
      #expect(made.headers.first(name: "location") == location && made.headers.first(name: "etag") == "W/\"1\"")
      let found = try await client.send(.GET, "/Users/\(id)", headers: [("if-none-match", "W/\"1\"")])
      #expect(found.status == 304 && found.body.isEmpty)
      let stale = try await client.send(
        .PUT, "/Users/\(id)", #"{"userName": "uma", "title": "x"}"#, headers: [("if-match", "W/\"9\"")])
      #expect(stale.status == 412)
      let patched = try await client.send(
        .PATCH, "/Users/\(id)", #"{"Operations": [{"op": "Replace", "path": "active", "value": false}]}"#,
        headers: [("if-match", "W/\"1\"")])
      #expect(patched.status == 200 && patched.headers.first(name: "etag") == "W/\"2\"")
      let people = world.composition.client
      #expect(try await world.composition.governance.person("uma", in: people).state == .suspended)
      #expect(try await client.send(.DELETE, "/Users/\(id)").status == 204)
      #expect(try await client.send(.GET, "/Users/\(id)").status == 404)
      #expect(try await world.composition.governance.person("uma", in: people).state == .terminated)
      // Hired again: the tombstone's person comes back.
      _ = try await client.user("uma")
      #expect(try await world.composition.governance.person("uma", in: people).isActive)
      #expect(
        try await world.database.count(
          "SELECT count(*)::text FROM governance.scim_resource WHERE body::text LIKE '%canary-secret%'") == 0)
    }
  }

  @Test func whatIsWrongIsSaidAsSCIMSaysIt() async throws {
    try await run { _, client async throws in
      _ = try await client.user("uma")
      func expect(
        _ status: Int, _ type: String?, _ method: HTTPMethod, _ path: String, _ body: String? = nil
      ) async throws {
        let answer = try await client.send(method, path, body)
        let object = try answer.object
        #expect(answer.status == status, "\(method) \(path)")
        #expect(object["status"] as? String == "\(status)" && object["scimType"] as? String == type, "\(path)")
        #expect(object["schemas"] as? [String] == ["urn:ietf:params:scim:api:messages:2.0:Error"])
        #expect(answer.headers.first(name: "content-type") == "application/scim+json")
      }
      try await expect(409, "uniqueness", .POST, "/Users", #"{"userName": "UMA"}"#)
      try await expect(409, "uniqueness", .POST, "/Users", #"{"userName": "alice"}"#)
      try await expect(400, "invalidValue", .POST, "/Users", #"{"displayName": "x"}"#)
      try await expect(400, "invalidSyntax", .POST, "/Users", "{")
      try await expect(400, "invalidFilter", .GET, "/Users?filter=userName%20is%20x")
      try await expect(400, "invalidValue", .GET, "/Users?count=many")
      try await expect(400, "invalidValue", .GET, "/Users?attributes=title&excludedAttributes=name")
      try await expect(404, nil, .GET, "/Users/nobody")
      try await expect(404, nil, .GET, "/Users/00000000-0000-4000-8000-000000000000/x")
      try await expect(404, nil, .GET, "/Elsewhere")
      try await expect(405, nil, .DELETE, "/Users")
      try await expect(405, nil, .POST, "/Schemas", "{}")
      try await expect(403, nil, .GET, "/Schemas?filter=id%20pr")
      try await expect(501, nil, .POST, "/Bulk", "{}")
      let huge = #"{"userName": "x", "title": "\#(String(repeating: "a", count: 1_100_000))"}"#
      try await expect(413, nil, .POST, "/Users", huge)
      let wrongType = try await client.send(.POST, "/Users", "userName=x", type: "text/plain")
      #expect(wrongType.status == 415)
    }
  }

  @Test func onlyItsOwnTokenOpensASource() async throws {
    try await run { world, client async throws in
      let id = try await client.user("uma")
      for token in ["", "kts_", "ktc_" + client.token.dropFirst(4), String(client.token.dropLast()) + "A"] {
        let answer = try await client.send(.GET, "/Users", token: token)
        #expect(answer.status == 401 && answer.headers.first(name: "www-authenticate") != nil)
      }
      #expect(
        try await world.database.count(
          "SELECT count(*)::text FROM governance.scim_client WHERE scim_client::text LIKE '%\(client.token)%'") == 0)
      // Another source sees nothing of it and can change nothing of it.
      let governance = world.composition.governance
      try await governance.addSource(IdentitySource(name: "other", kind: .scim), in: world.composition.client)
      let other = try await world.composition.client.withTransaction {
        try await governance.addSCIMClient(
          "entra", of: "other", expiresAt: nil, by: "alice", reason: "a test", in: $0
        ).withBytes { String(decoding: $0, as: UTF8.self) }
      }
      #expect(try await client.send(.GET, "/Users/\(id)", token: other).status == 404)
      #expect(try await client.send(.DELETE, "/Users/\(id)", token: other).status == 404)
      #expect(try await client.send(.POST, "/Users", #"{"userName": "uma"}"#, token: other).status == 409)
      try await world.composition.client.withTransaction {
        try await governance.removeSCIMClient("okta", of: "idp", by: "alice", reason: "a test", in: $0)
      }
      #expect(try await client.send(.GET, "/Users").status == 401)
      // Both are on record, without any hash.
      #expect(
        try await world.database.count(
          """
          SELECT count(*)::text FROM evidence.opening
          WHERE value LIKE '%okta%' AND value NOT LIKE '%token_hash%' AND value LIKE '%removed_at%'
          """) >= 2)
    }
  }

  @Test func listsAreFilteredSortedPagedAndCutDown() async throws {
    try await run { _, client async throws in
      for (name, title) in [("u2", "b"), ("u1", "c"), ("u3", "a")] {
        _ = try await client.user(name, #", "title": "\#(title)", "name": {"givenName": "G", "familyName": "F"}"#)
      }
      _ = try await client.user("boss")
      func names(_ query: String) async throws -> [String] {
        try resources(try await client.send(.GET, "/Users?\(query)")).compactMap { $0["userName"] as? String }
      }
      #expect(try await names("sortBy=userName") == ["boss", "u1", "u2", "u3"])
      #expect(try await names("sortBy=title&sortOrder=descending&filter=title+pr") == ["u1", "u2", "u3"])
      #expect(try await names("sortBy=title") == ["u3", "u2", "u1", "boss"])
      #expect(try await names("startIndex=2&count=2&sortBy=userName") == ["u1", "u2"])
      #expect(try await names("filter=userName%20eq%20%22U1%22") == ["u1"])
      let none = try await client.send(.GET, "/Users?count=0")
      #expect(try none.object["totalResults"] as? Int == 4)
      let cut = try resources(
        try await client.send(.GET, "/Users?attributes=name.givenName&filter=userName%20eq%20%22u1%22"))
      #expect(Set(try #require(cut.first).keys) == ["id", "schemas", "name"])
      #expect(cut.first?["name"] as? [String: String] == ["givenName": "G"])
      let less = try resources(try await client.send(.GET, "/Users?excludedAttributes=name.givenName,title&count=1"))
      #expect(less.first?["name"] as? [String: String] == ["familyName": "F"] && less.first?["title"] == nil)
      let found = try await client.send(
        .POST, "/.search", #"{"filter": "userName sw \"u\"", "attributes": ["userName"], "count": 2}"#)
      #expect(try resources(found).count == 2)
      #expect(try found.object["totalResults"] as? Int == 3)
    }
  }

  @Test func aSuspensionPausesAndADeletionVoidsInTheSameTransaction() async throws {
    try await run { world, client async throws in
      let id = try await client.user("uma")
      try await world.addTargetRecord()
      try await world.addIdentity("svc", owner: "uma")
      let request = try await world.submit([.rotate], "svc")
      _ = try await world.composition.client.withTransaction {
        try await world.composition.governance.decide(
          request.id, ApprovalInput(verdict: .approve, approver: "bob", digest: request.digest), in: $0)
      }
      func voided() async throws -> Int {
        try await world.database.count(
          "SELECT count(*)::text FROM governance.authorization WHERE void_code = 'person_left'")
      }
      let suspend = #"{"Operations": [{"op": "replace", "value": {"active": false}}]}"#
      #expect(try await client.send(.PATCH, "/Users/\(id)", suspend).status == 200)
      #expect(try await voided() == 0)
      #expect(try await client.send(.DELETE, "/Users/\(id)").status == 204)
      #expect(try await voided() == 1)
      #expect(
        try await world.database.count("SELECT count(*)::text FROM governance.ticket WHERE kind = 'leaver'") == 1)
    }
  }

  @Test func tooManyLeaversAtOnceNeedTwoPeopleToBelieveIt() async throws {
    try await run(persons: 2) { world, client async throws in
      var ids: [String] = []
      for number in 0..<6 { ids.append(try await client.user("u\(number)")) }
      for id in ids.prefix(2) { #expect(try await client.send(.DELETE, "/Users/\(id)").status == 204) }
      let suspend = #"{"Operations": [{"op": "replace", "path": "active", "value": false}]}"#
      for _ in 0..<2 {
        let refused = try await client.send(.PATCH, "/Users/\(ids[2])", suspend)
        #expect(refused.status == 503 && refused.headers.first(name: "retry-after") != nil)
      }
      #expect(try await client.send(.DELETE, "/Users/\(ids[3])").status == 503)
      let (governance, database) = (world.composition.governance, world.composition.client)
      #expect(try await governance.person("u2", in: database).isActive)
      #expect(try await governance.sources(in: database).first { $0.name == "idp" }?.isQuarantined == true)
      // Who comes is not held up.
      _ = try await client.user("newcomer")
      #expect(try await governance.sources(in: database).first { $0.name == "idp" }?.isQuarantined == true)
      let feed = try #require(
        UUID(
          uuidString: try await world.text(
            "SELECT id::text FROM governance.identity_feed WHERE state = 'quarantined'")))
      for (person, isLast) in [("alice", false), ("bob", true)] {
        let result = try await database.withTransaction {
          try await governance.release(feed, by: person, reason: "the branch closed", in: $0)
        }
        #expect((result != nil) == isLast)
      }
      for id in ids[2...] { #expect(try await client.send(.DELETE, "/Users/\(id)").status == 204) }
      #expect(try await governance.sources(in: database).first { $0.name == "idp" }?.isQuarantined == false)
    }
  }

  @Test func managersInACircleAndNamesThatLookAlikeAreRefused() async throws {
    try await run { world, client async throws in
      let boss = try await client.user("boss")
      let user = try await client.user(
        "uma", #", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "\#(boss)"}}"#)
      let circle = try await client.send(
        .PATCH, "/Users/\(boss)",
        """
        {"Operations": [{"op": "add", "path":
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "value": "\(user)"}]}
        """)
      #expect(circle.status == 400)
      #expect(circle.detail?.contains("circle") == true)
      // The first letter is Cyrillic.
      let fake = try await client.send(.POST, "/Users", #"{"userName": "\u0430lice"}"#)
      #expect(fake.status == 400)
      #expect(fake.detail?.contains("looks like") == true)
      let email = #", "emails": [{"value": "Same@x.example"}]"#
      _ = try await client.user("one", email)
      let second = try await client.send(.POST, "/Users", #"{"userName": "two"\#(email.lowercased())}"#)
      #expect(second.status == 409)
    }
  }

  @Test func patchesAtOnceLoseNothing() async throws {
    try await run { world, client async throws in
      let id = try await client.user("uma")
      let names = ["title", "nickName", "userType", "locale", "timezone", "displayName", "preferredLanguage"]
      try await withThrowingTaskGroup(of: Int.self) { group in
        for name in names {
          group.addTask {
            let body = #"{"Operations": [{"op": "add", "path": "\#(name)", "value": "x"}]}"#
            return try await client.send(.PATCH, "/Users/\(id)", body).status
          }
        }
        for try await status in group { #expect(status == 200) }
      }
      let found = try await client.send(.GET, "/Users/\(id)")
      #expect(Set(names).isSubset(of: Set(try found.object.keys)))
      #expect(found.headers.first(name: "etag") == "W/\"\(names.count + 1)\"")
    }
  }

  @Test func groupsGiveRolesAndTakeThem() async throws {
    try await run { world, client async throws in
      let id = try await client.user("uma")
      func roles() async throws -> [String] {
        try await world.text(
          "SELECT string_agg(role, ' ' ORDER BY role) FROM governance.role_assignment WHERE ended_at IS NULL"
        ).split(separator: " ").map(String.init)
      }
      let group = try await client.send(
        .POST, "/Groups", #"{"displayName": "Access Reviewers", "members": [{"value": "\#(id)"}]}"#)
      #expect(group.status == 201)
      #expect(try await roles() == ["access-reviewers"])
      let groupID = try #require(try group.object["id"] as? String)
      let rename = #"{"Operations": [{"op": "replace", "path": "displayName", "value": "security"}]}"#
      #expect(try await client.send(.PATCH, "/Groups/\(groupID)", rename).status == 200)
      #expect(try await roles() == ["security"])
      // A value beside the path means that value, not all of them.
      let other = try await client.user("ulf")
      for (operation, wanted) in [
        (#"{"op": "add", "path": "members", "value": [{"value": "\#(other)"}]}"#, ["security", "security"]),
        (#"{"op": "remove", "path": "members", "value": [{"value": "\#(other)"}]}"#, ["security"]),
      ] {
        #expect(
          try await client.send(.PATCH, "/Groups/\(groupID)", #"{"Operations": [\#(operation)]}"#).status == 200)
        #expect(try await roles() == wanted)
      }
      // Who is deleted is in no group.
      #expect(try await client.send(.DELETE, "/Users/\(id)").status == 204)
      #expect(try await roles() == [])
      #expect(try await client.send(.GET, "/Groups/\(groupID)").object["members"] == nil)
      let foreign = try await client.send(.POST, "/Groups", #"{"displayName": "\u0430dmins"}"#)
      #expect(foreign.status == 201)
      let nobody = try await client.send(
        .POST, "/Groups", #"{"displayName": "x", "members": [{"value": "\#(UUID().uuidString)"}]}"#)
      #expect(nobody.status == 400)
    }
  }
}

private let scimTester = ProcessInfo.processInfo.environment["KEYTURN_SCIM_TESTER"]

/// The conformance tester of PyPI against the program itself; see `deploy/scim-tester`.
@Suite(.enabled(if: scimTester != nil, "KEYTURN_SCIM_TESTER does not name the tester"))
struct SCIMConformanceTests {
  @Test func theTesterPasses() async throws {
    let world = try await TestWorld.make(addTarget: false)
    let options = ["--database-url", world.database.url, "--data-dir", world.daemon.dataDirectory]
    // The tester deletes everybody it made.
    let source = try await CommandTests.run(
      ["person", "feed", "source", "idp", "--kind", "scim", "--break-persons", "1000000"] + options)
    #expect(source.code == 0, "\(source.errors)")
    let token = try await CommandTests.run(
      ["person", "scim", "add", "idp", "--name", "t", "--by", "alice", "--reason", "conformance", "--only-token"]
        + options)
    #expect(token.code == 0, "\(token.errors)")
    let port = Int.random(in: 21_000...29_000)
    let server = Process()
    server.executableURL = CommandTests.program
    server.arguments = ["server", "--listen", "127.0.0.1:\(port)"] + options
    server.environment = ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"]
    server.standardError = FileHandle.nullDevice
    try server.run()
    defer { server.terminate() }
    try await world.database.eventually {
      let live = try? await HTTPClient.shared.execute(
        HTTPClientRequest(url: "http://127.0.0.1:\(port)/health/live"), timeout: .seconds(5))
      return live?.status == .ok
    }
    let (code, output) = try await test(port: port, token: token.output)
    #expect(code == 0, "\(output)")
    let lines = output.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("SUCCESS") } > 100, "\(output)")
    print(lines.filter { $0.hasPrefix("SUCCESS") }.count, "checks passed")
    server.terminate()
    server.waitUntilExit()
    try await world.close()
  }

  private func test(port: Int, token: String) async throws -> (Int32, String) {
    let folder = try TestFolder.make("keyturn-scim")
    let path = folder + "/out"
    try Data().write(to: URL(fileURLWithPath: path))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: scimTester ?? "")
    process.arguments = [
      "--header", "Authorization: Bearer \(token)", "--url", "http://127.0.0.1:\(port)/scim/v2", "test", "--verbose",
    ]
    process.standardOutput = FileHandle(forWritingAtPath: path)
    process.standardError = process.standardOutput
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    return (process.terminationStatus, try String(contentsOfFile: path, encoding: .utf8))
  }
}

extension TestWorld {
  /// A target of which there is only the record.
  fileprivate func addTargetRecord() async throws {
    try await composition.governance.addTarget(
      TargetRecord(id: .make(), name: "db", kind: "simulated", environment: "test", settings: [:], adminEnvelope: [1]),
      in: composition.client)
  }

  fileprivate func addIdentity(_ name: String, owner: String) async throws {
    _ = try await composition.governance.addIdentity(
      IdentityDraft(
        target: "db", name: name, owner: owner, backupOwner: "carol", purpose: "test", environment: "test",
        workload: "test", policy: "short", expiresAt: Date(timeIntervalSinceNow: 86_400)),
      now: Date(), in: composition.client)
  }
}
