import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

private func value(_ json: String) throws -> SCIMValue { try SCIMValue(json: Array(json.utf8)) }

@Suite struct SCIMFilterTests {
  private let user = #"""
    {"id": "7", "userName": "Alice", "active": true, "logins": 3, "title": null,
     "name": {"givenName": "Alice", "familyName": "O\"Neil"},
     "emails": [{"value": "a@work.example", "type": "work", "primary": true}, {"value": "a@home.example", "type": "home"}],
     "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"}}
    """#

  @Test(arguments: [
    "userName eq \"alice\"", "USERNAME Eq \"ALICE\"", "userName sw \"al\" and active eq true",
    "name.familyName eq \"O\\\"Neil\"",
    "not (userName eq \"bob\")", "emails[type eq \"work\" and value co \"@work\"]", "emails.value ew \"home.example\"",
    "emails co \"home\"", "title eq null", "not (title pr)", "logins gt 2 and logins le 3", "userName pr",
    "active eq false or (logins ge 3 and userName ne \"bob\")", "id eq \"7\"",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"sales\"",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"alice\"",
  ])
  func matches(filter: String) throws {
    #expect(try SCIMFilter(filter).matches(try value(user)))
  }

  @Test(arguments: [
    "userName eq \"bob\"", "active eq false", "emails[type eq \"home\" and value co \"@work\"]", "logins lt 3",
    "id eq \"8\"", "nothing pr", "title pr", "userName eq \"alice\" and not (active eq true)",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"it\"",
  ])
  func doesNotMatch(filter: String) throws {
    #expect(try !SCIMFilter(filter).matches(try value(user)))
  }

  @Test func andBindsMoreTightlyThanOr() throws {
    #expect(
      try SCIMFilter("a eq 1 or b eq 2 and c eq 3")
        == .or(
          SCIMFilter("a eq 1"), .and(SCIMFilter("b eq 2"), SCIMFilter("c eq 3"))))
  }

  @Test func whatIsNoFilterIsRefused() {
    let deep = String(repeating: "(", count: 60) + "a pr" + String(repeating: ")", count: 60)
    for text in [
      "", "userName", "userName eq", "userName xx \"a\"", "userName eq \"a", "userName eq \"a\" and", "(userName pr",
      "a pr)",
      "emails[type eq \"x\"", "1a eq 2", "a eq nan", "a..b pr", deep, String(repeating: "a", count: 5000),
    ] {
      #expect(throws: SCIMError.self, "\(text.prefix(40))") { _ = try SCIMFilter(text) }
    }
  }
}

@Suite struct SCIMPatchTests {
  private let user = """
    {"id": "7", "userName": "alice", "active": true, "emails": [{"value": "w", "type": "work"}, {"value": "h", "type": "home"}]}
    """

  private func patched(_ operations: String) throws -> SCIMValue {
    try SCIMPatch(try value(#"{"Operations": [\#(operations)]}"#)).applied(to: try value(user))
  }

  @Test func operationsAreAppliedInOrder() throws {
    #expect(try patched(#"{"op": "Replace", "path": "active", "value": false}"#)["active"] == .bool(false))
    #expect(try patched(#"{"op": "replace", "value": {"active": false, "title": "x"}}"#)["title"] == .string("x"))
    #expect(
      try patched(#"{"op": "add", "path": "name.givenName", "value": "A"}, {"op": "remove", "path": "name"}"#)["name"]
        == nil)
    #expect(
      try patched(#"{"op": "remove", "path": "emails[type eq \"work\"]"}"#)["emails"]
        == value(#"[{"value": "h", "type": "home"}]"#))
    #expect(
      try patched(#"{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n"}"#)["emails"]
        == value(#"[{"value": "n", "type": "work"}, {"value": "h", "type": "home"}]"#))
    #expect(
      try patched(#"{"op": "add", "path": "emails", "value": [{"value": "h", "type": "home"}, {"value": "z"}]}"#)[
        "emails"]
        == value(#"[{"value": "w", "type": "work"}, {"value": "h", "type": "home"}, {"value": "z"}]"#))
    let manager = #"{"op": "add", "path": "\#(SCIMUser.enterprise):manager", "value": {"value": "9"}}"#
    #expect(try patched(manager)[SCIMUser.enterprise]?["manager"]?["value"] == .string("9"))
    let whole = #"{"op": "add", "value": {"\#(SCIMUser.enterprise)": {"department": "IT"}}}"#
    #expect(try patched(whole)[SCIMUser.enterprise]?["department"] == .string("IT"))
  }

  @Test func whatCannotBeAppliedIsRefusedWithItsKind() {
    let cases: [(String, SCIMError.Kind)] = [
      (#"{"op": "move", "path": "a", "value": 1}"#, .invalidSyntax), (#"{"op": "remove"}"#, .noTarget),
      (#"{"op": "replace", "path": "id", "value": "8"}"#, .mutability), (#"{"op": "add", "path": "a"}"#, .invalidValue),
      (#"{"op": "replace", "path": "emails[type eq \"x\"].value", "value": 1}"#, .noTarget),
      (#"{"op": "replace", "path": "emails[", "value": 1}"#, .invalidPath),
      (#"{"op": "add", "value": 1}"#, .invalidValue),
      (#"{"op": "add", "path": "userName.x", "value": 1}"#, .invalidPath), ("", .invalidSyntax),
    ]
    for (operation, kind) in cases {
      #expect("\(operation)") {
        _ = try patched(operation)
      } throws: { error in
        (error as? SCIMError)?.kind == kind
      }
    }
  }

  @Test func pagesAndTags() {
    #expect(SCIMPage(startIndex: -5, count: 9999) == SCIMPage(startIndex: 1, count: 200))
    #expect(SCIMPage(startIndex: nil, count: -1).count == 0)
    #expect(SCIMTag.allows(nil, version: 3) && SCIMTag.allows("*", version: 3))
    #expect(SCIMTag.allows("W/\"2\", W/\"3\"", version: 3) && !SCIMTag.allows("W/\"2\"", version: 3))
    #expect(SCIMError(.uniqueness, "taken").body["scimType"] == .string("uniqueness"))
    #expect(SCIMError(.notFound, "gone").status == 404)
  }
}

@Suite struct SCIMDirectoryTests {
  private func make() async throws -> (GovernanceWorld, SCIMDirectory) {
    let world = try await GovernanceWorld.make()
    try await world.store.addSource(IdentitySource(name: "idp", kind: .scim), in: world.client)
    return (world, SCIMDirectory(store: world.store, source: "idp"))
  }

  private func create(_ json: String, _ world: GovernanceWorld, _ directory: SCIMDirectory) async throws
    -> SCIMDirectory.Resource
  {
    let body = try value(json)
    return try await world.transaction { try await directory.create(.user, body, in: $0) }
  }

  @Test func aUserLivesAndWhatRestsOnThemGoesWithThem() async throws {
    let (world, directory) = try await make()
    let boss = try await create(#"{"userName": "boss", "active": true}"#, world, directory)
    let user = try await create(
      #"""
      {"userName": "uma", "password": "canary-secret", "displayName": "Uma", "title": "Engineer",
       "emails": [{"value": "uma@x.example", "primary": true}],
       "\#(SCIMUser.enterprise)": {"department": "IT", "manager": {"value": "\#(boss.id.uuidString.lowercased())"}}}
      """#, world, directory)
    let person = try await world.store.personRecord("uma", in: world.client)
    #expect(
      person.attributes
        == PersonAttributes(
          externalID: "uma", displayName: "Uma", email: "uma@x.example", manager: "boss", department: "IT",
          jobTitle: "Engineer"))
    #expect(user.body["password"] == nil && user.tag == "W/\"1\"")
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM governance.scim_resource WHERE body::text LIKE '%canary%'")
        == 0)
    try await world.addIdentity("svc_uma", owner: "uma")
    try await world.approve(try await world.submit([.issue, .rotate], "svc_uma"))
    let suspend = try value(#"{"Operations": [{"op": "replace", "path": "active", "value": "False"}]}"#)
    let patched = try await world.transaction {
      try await directory.patch(.user, user.id, suspend, ifMatch: user.tag, in: $0)
    }
    #expect(patched.body["active"] == .bool(false) && patched.version == 2)
    #expect(try await world.store.person("uma", in: world.client).state == .suspended)
    await #expect(throws: SCIMError(.versionMismatch, "the resource has changed since it was read; read it again")) {
      _ = try await world.transaction { try await directory.patch(.user, user.id, suspend, ifMatch: user.tag, in: $0) }
    }
    // Paused, not void: they may come back.
    #expect(try await world.voidCode("svc_uma") == nil)
    try await world.transaction { try await directory.delete(.user, user.id, in: $0) }
    #expect(try await world.store.person("uma", in: world.client).state == .terminated)
    #expect(try await world.voidCode("svc_uma") == "person_left")
    await #expect(throws: SCIMError(.notFound, "there is no such resource")) {
      _ = try await directory.get(.user, user.id, in: world.client)
    }
    await world.close()
  }

  @Test func aNewUserNameKeepsThePersonAndItsKey() async throws {
    let (world, directory) = try await make()
    let user = try await create(#"{"userName": "uma"}"#, world, directory)
    let renamed = try value(#"{"userName": "uma.miller"}"#)
    _ = try await world.transaction { try await directory.replace(.user, user.id, renamed, in: $0) }
    #expect(try await directory.get(.user, user.id, in: world.client).body["userName"] == .string("uma.miller"))
    #expect(try await world.store.person("uma", in: world.client).isActive)
    await #expect {
      _ = try await create(#"{"userName": "UMA.MILLER"}"#, world, directory)
    } throws: { ($0 as? SCIMError)?.kind == .uniqueness }
    await #expect {
      _ = try await create(#"{"userName": "alice"}"#, world, directory)
    } throws: { ($0 as? SCIMError)?.kind == .uniqueness }
    await world.close()
  }

  @Test func listsAreFilteredAndPaged() async throws {
    let (world, directory) = try await make()
    for number in 0..<5 {
      _ = try await create(#"{"userName": "u\#(number)", "active": \#(number % 2 == 0)}"#, world, directory)
    }
    let page = try await directory.list(
      [.user],
      try SCIMQuery(parameters: [("filter", "active eq true"), ("startIndex", "2"), ("count", "1")]), in: world.client)
    #expect(page["totalResults"] == .number(3) && page["itemsPerPage"] == .number(1))
    guard case .array(let found)? = page["Resources"] else {
      Issue.record("no resources")
      return
    }
    #expect(found.first?["userName"] == .string("u2"))
    await world.close()
  }

  @Test func membersOfAGroupHoldTheRoleOfItsName() async throws {
    let (world, directory) = try await make()
    let user = try await create(#"{"userName": "uma"}"#, world, directory)
    let id = user.id.uuidString.lowercased()
    let body = try value(#"{"displayName": "security", "members": [{"value": "\#(id)"}]}"#)
    let group = try await world.transaction { try await directory.create(.group, body, in: $0) }
    func roles() async throws -> Int {
      try await world.database.count("SELECT count(*)::text FROM governance.role_assignment WHERE ended_at IS NULL")
    }
    #expect(try await roles() == 1)
    let leave = try value(#"{"Operations": [{"op": "remove", "path": "members[value eq \"\#(id)\"]"}]}"#)
    _ = try await world.transaction { try await directory.patch(.group, group.id, leave, in: $0) }
    #expect(try await roles() == 0)
    await world.close()
  }
}
