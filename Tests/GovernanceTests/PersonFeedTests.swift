import Crypto
import Foundation
import Testing

@testable import Governance

@Suite struct PersonFeedTests {
  private func feed(_ csv: String, rows: Int? = nil, sha: String? = nil) throws -> PersonFeed {
    let bytes = Array(csv.utf8)
    let digest = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
    let lines = csv.split(separator: "\n").count - 1
    return try PersonFeed(
      csv: bytes,
      manifest: FeedManifest(
        rows: rows ?? lines, sha256: sha ?? digest, asOf: Date(timeIntervalSince1970: 1_800_000_000), sequence: 1))
  }

  private func refused(_ reason: ReasonCode, _ body: () throws -> PersonFeed) {
    #expect(throws: GovernanceError.refused([reason])) { _ = try body() }
  }

  @Test func peopleAreReadWithQuotesCommasAndLineEnds() throws {
    let feed = try feed(
      "id,name,email,state,manager,department,title\na1,\"Doe, \"\"Jo\"\"\",jo@example.org,active,a2,Sales,\r\na2,,,suspended,,,\n",
      rows: 2)
    #expect(feed.people.count == 2)
    #expect(feed.people[0].displayName == "Doe, \"Jo\"" && feed.people[0].department == "Sales")
    #expect(throws: GovernanceError.self) { _ = try self.feed("id,state,name\na,active,\"x\ny\"\n", rows: 1) }
    #expect(throws: GovernanceError.self) { _ = try self.feed("id,state\na,\"active") }
    #expect(feed.people[1] == PersonAttributes(externalID: "a2", state: .suspended))
  }

  @Test func aFeedThatIsNotWhatItsManifestSaysIsRefused() {
    refused(.feedManifestMismatch) { try feed("id,state\na,active\n", rows: 2) }
    refused(.feedManifestMismatch) { try feed("id,state\na,active\n", sha: String(repeating: "0", count: 64)) }
    #expect(throws: GovernanceError.refused([.feedManifestMismatch])) { _ = try FeedManifest(json: Array("{}".utf8)) }
    #expect(throws: Never.self) {
      _ = try FeedManifest(
        json: Array(#"{"rows":1,"sha256":"00","as_of":"2026-11-25T00:00:00Z","sequence":7}"#.utf8))
    }
  }

  @Test func whatCannotBeTrueAtOnceHasItsOwnReason() {
    refused(.feedDuplicatePerson) { try feed("id,state\na,active\na,active\n") }
    refused(.feedDuplicateEmail) { try feed("id,state,email\na,active,X@example.org\nb,active,x@example.org\n") }
    refused(.feedCyclicManagers) { try feed("id,state,manager\na,active,b\nb,active,c\nc,active,a\n") }
    refused(.feedCyclicManagers) { try feed("id,state,manager\na,active,a\n") }
    // The second а is Cyrillic.
    refused(.feedConfusableName) { try feed("id,state\nanna,active\n\u{0430}nna,active\n") }
    refused(.feedConfusableName) { try feed("id,state\nanna,active\nan\u{200B}na,active\n") }
  }

  @Test func oneAddressMayPassToWhoComesAfterSomebodyWhoLeft() throws {
    _ = try feed("id,state,email\na,terminated,x@example.org\nb,active,x@example.org\n")
  }

  @Test func rowsThatAreNotWholeAreNamed() {
    for csv in [
      "id\na\n", "id,state\na\n", "id,state\n,active\n", "id,state\na,gone\n", "", "id,state,email\na,active,x\n",
    ] {
      #expect(throws: GovernanceError.self) { _ = try feed(csv) }
    }
    #expect(throws: GovernanceError.self) {
      _ = try PersonFeed(
        csv: [0x69, 0x64, 0xFF],
        manifest: FeedManifest(
          rows: 0,
          sha256: SHA256.hash(data: [0x69, 0x64, 0xFF] as [UInt8]).map { String(format: "%02x", $0) }.joined(),
          asOf: Date(), sequence: 1))
    }
  }
}

@Suite struct FeedPlanTests {
  private let source = IdentitySource(
    name: "hr", kind: .csv, asOf: Date(timeIntervalSince1970: 100), sequence: 5)

  private func known(_ count: Int) -> [PersonRecord] {
    (0..<count).map {
      PersonRecord(
        id: .make(), attributes: PersonAttributes(externalID: "p\($0)"), source: "hr", version: 1, isRemoved: false)
    }
  }

  private func plan(
    _ people: [PersonAttributes], known: [PersonRecord], sequence: Int64 = 6, asOf: Double = 200, others: [String] = []
  ) throws -> FeedPlan {
    try FeedPlan(
      feed: PersonFeed(
        people: people, asOf: Date(timeIntervalSince1970: asOf), sequence: sequence,
        digest: Array(repeating: 0, count: 32)),
      source: source, known: known, others: others, isReleased: false)
  }

  @Test func aReplayDoesNotRefresh() {
    for (sequence, asOf) in [(Int64(5), 200.0), (6, 100), (4, 300)] {
      #expect(throws: GovernanceError.refused([.feedReplayed])) {
        _ = try plan([], known: [], sequence: sequence, asOf: asOf)
      }
    }
  }

  @Test func halfThePeopleMissingIsQuarantined() throws {
    let before = known(100)
    let half = try plan(before.prefix(50).map(\.attributes), known: before)
    #expect(half.verdict == .quarantine)
    #expect(half.removals == 50)
    #expect(try plan(before.prefix(80).map(\.attributes), known: before).verdict == .apply)
    #expect(try plan(before.prefix(79).map(\.attributes), known: before).verdict == .quarantine)
    // 21 of 1,000 are within the share.
    let many = known(1000)
    #expect(try plan(many.prefix(979).map(\.attributes), known: many).verdict == .apply)
    let suspended = before.map { record in
      var person = record.attributes
      person.state = .suspended
      return person
    }
    #expect(try plan(suspended, known: before).verdict == .quarantine)
  }

  @Test func anIdOfAnotherSourceOrThatLooksLikeOneIsRefused() {
    #expect(throws: GovernanceError.self) {
      _ = try plan([PersonAttributes(externalID: "root")], known: [], others: ["root"])
    }
    #expect(throws: GovernanceError.refused([.feedConfusableName])) {
      _ = try plan([PersonAttributes(externalID: "r\u{043E}\u{043E}t")], known: [], others: ["root"])
    }
  }
}

@Suite struct SecretScanTests {
  @Test(arguments: [
    "password: hunter2!", "the passwd=Tr0ub4dor&3 is set", "-----BEGIN OPENSSH PRIVATE KEY-----",
    "use AKIAIOSFODNN7EXAMPLE please", "token ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "postgresql://svc:s3cr3tpw@db.example/orders", "client_secret = \"9f86d081884c7d659a2feaa0c55ad015\"",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
  ])
  func secretsAreFound(text: String) {
    #expect(!SecretScan.find(in: "hello\n" + text).isEmpty)
    #expect(SecretScan.find(in: "hello\n" + text).first?.line == 2)
  }

  @Test(arguments: [
    "Please reset my password.", "password: ********", "The password policy says: rotate", "https://example.org/a@b",
    "https://user@example.org/", "secret: see vault", "password = ${DB_PASSWORD}", "Rotate svc_orders, ticket OPS-4711",
  ])
  func ordinaryTextIsNot(text: String) {
    #expect(SecretScan.find(in: text).isEmpty)
  }

  @Test func aMegabyteIsScannedInTime() {
    let text = String(repeating: "lorem ipsum: dolor=sit ", count: 45_000)
    let started = ContinuousClock.now
    #expect(SecretScan.find(in: text).isEmpty)
    #expect(ContinuousClock.now - started < .seconds(30))
  }
}
