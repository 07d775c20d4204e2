import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

/// What arrives wrong at the intake of people and decisions: each with its own reason. Feeds as a whole are in `IntakeTests` and
/// `PersonFeedTests`, decisions in `ApprovalRulesTests`.
@Suite struct BadInputTests {
  private func world() async throws -> GovernanceWorld {
    let world = try await GovernanceWorld.make()
    try await world.store.addSource(IdentitySource(name: "idp", kind: .scim), in: world.client)
    return world
  }

  private func push(_ person: PersonAttributes, _ world: GovernanceWorld) async throws {
    _ = try await world.transaction { try await world.store.put(person, source: "idp", in: $0) }
  }

  @Test func managersInACircleArePushedInVain() async throws {
    let world = try await world()
    try await push(PersonAttributes(externalID: "top"), world)
    try await push(PersonAttributes(externalID: "middle", manager: "top"), world)
    try await push(PersonAttributes(externalID: "low", manager: "middle"), world)
    await #expect(throws: GovernanceError.refused([.feedCyclicManagers])) {
      try await push(PersonAttributes(externalID: "top", manager: "low"), world)
    }
    await #expect(throws: GovernanceError.refused([.feedCyclicManagers])) {
      try await push(PersonAttributes(externalID: "low", manager: "low"), world)
    }
    // A superior may change places with another one who is not below.
    try await push(PersonAttributes(externalID: "low", manager: "top"), world)
    await world.close()
  }

  @Test func namesThatLookAlikeArePushedInVain() async throws {
    let world = try await world()
    try await push(PersonAttributes(externalID: "Jürgen"), world)
    for name in ["\u{0430}lice", "ALICE", "ali\u{200B}ce", "\u{FF41}lice", "b\u{043E}b", "Ju\u{0308}rgen"] {
      await #expect(throws: GovernanceError.refused([.feedConfusableName]), "\(name)") {
        try await push(PersonAttributes(externalID: name), world)
      }
    }
    try await push(PersonAttributes(externalID: "alicia"), world)
    await world.close()
  }

  @Test func twoPeopleOfTwoSourcesDoNotShareAnAddress() async throws {
    let world = try await world()
    try await world.store.addSource(IdentitySource(name: "hr", kind: .csv), in: world.client)
    try await push(PersonAttributes(externalID: "one", email: "x@example.org"), world)
    let feed = try PersonFeed(
      people: [PersonAttributes(externalID: "two", email: "X@example.org")], asOf: Date(), sequence: 1,
      digest: Array(repeating: 1, count: 32))
    await #expect(throws: GovernanceError.refused([.feedDuplicateEmail])) {
      _ = try await world.transaction { try await world.store.take(feed, from: "hr", in: $0) }
    }
    await world.close()
  }

  @Test func pushesThatRemoveTooManyAreHeldUntilTwoPeopleBelieveThem() async throws {
    let world = try await GovernanceWorld.make()
    try await world.store.addSource(
      IdentitySource(name: "idp", kind: .scim, breaker: MassChangeBreaker(share: 0.1, persons: 3)), in: world.client)
    for number in 0..<20 { try await push(PersonAttributes(externalID: "p\(number)"), world) }
    for number in 0..<3 { try await push(PersonAttributes(externalID: "p\(number)", state: .suspended), world) }
    func one(_ number: Int) async throws {
      try await push(PersonAttributes(externalID: "p\(number)", state: .terminated), world)
    }
    await #expect(throws: GovernanceError.refused([.feedMassChange])) { try await one(3) }
    // Who was suspended before is no news.
    try await one(0)
    let feed = try await world.transaction { try await world.store.quarantinePushes(of: "idp", in: $0) }
    #expect(try await world.transaction { try await world.store.quarantinePushes(of: "idp", in: $0) } == feed)
    // Nothing is granted on its word meanwhile.
    try await world.addIdentity("svc", owner: "p10", backup: "p11")
    let request = try await world.submit()
    await #expect(throws: GovernanceError.refused([.identitySourceQuarantined])) { try await world.approve(request) }
    for person in ["alice", "bob"] {
      _ = try await world.transaction {
        try await world.store.release(feed, by: person, reason: "a branch closed", in: $0)
      }
    }
    for number in 3..<9 { try await one(number) }
    try await world.approve(request)
    await world.close()
  }

  /// The approver leaves when the change is approved and before the effect begins.
  @Test(arguments: ["terminated", "suspended"])
  func anApproverWhoIsDeactivatedOneSecondBeforeTheEffect(state: String) async throws {
    let world = try await world()
    try await push(PersonAttributes(externalID: "rita"), world)
    try await world.addIdentity()
    let request = try await world.submit()
    guard case .granted(let authorization) = try await world.approve(request, by: "rita") else {
      Issue.record("not granted")
      return
    }
    #expect(
      try await world.client.query(ExplainPermit(authorization: authorization.id, action: .issue)).first == [])
    let gone = try #require(Person.State(rawValue: state))
    try await push(PersonAttributes(externalID: "rita", state: gone), world)
    let reasons = try await world.client.query(ExplainPermit(authorization: authorization.id, action: .issue)).first
    #expect(
      reasons == (gone == .terminated ? [.authorizationVoided, .approverInactive] : [.approverInactive]),
      "\(String(describing: reasons))")
    await world.close()
  }

  @Test func anOlderRevisionIsNotApproved() async throws {
    let world = try await world()
    try await world.addIdentity()
    let request = try await world.submit()
    let newer = try await world.transaction {
      try await world.store.amend(request.id, actions: [.rotate], by: "alice", in: $0)
    }
    #expect(newer.revision == 2)
    await #expect(throws: GovernanceError.refused([.digestMismatch])) { try await world.approve(request) }
    try await world.approve(newer)
    await world.close()
  }

  /// The hour that clocks repeat and the hour they skip are moments like any other, whatever the session's time zone.
  @Test(arguments: ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"])
  func expiryIsTheSameMomentInEveryTimeZone(zone: String) async throws {
    let world = try await world()
    for (name, text) in [
      ("svc_first", "2027-10-31T00:30:00Z"), ("svc_second", "2027-10-31T01:30:00Z"),
      ("svc_skipped", "2027-03-28T01:30:00Z"),
    ] {
      let moment = try Date(text, strategy: .iso8601)
      _ = try await world.store.addIdentity(
        IdentityDraft(
          target: "db", name: name, owner: "alice", backupOwner: "carol", purpose: "t", environment: "production",
          workload: "t", policy: "p", expiresAt: moment), now: Date(), in: world.client)
      let seconds = try await world.database.withOwner { connection in
        try await connection.executeScript("SET TIME ZONE '\(zone)'")
        let rows = try await connection.query(
          "SELECT extract(epoch FROM expires_at)::float8 FROM governance.identity WHERE name = \(literal: name)")
        return try rows[0].decode(0, as: Double.self)
      }
      #expect(seconds == moment.timeIntervalSince1970)
      #expect(try await world.identity(name).expiresAt == moment)
    }
    await world.close()
  }
}
