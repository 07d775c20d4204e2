import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

@Suite struct IntakeTests {
  private func feed(_ people: [PersonAttributes], sequence: Int64, asOf: Date = Date()) throws -> PersonFeed {
    try PersonFeed(people: people, asOf: asOf, sequence: sequence, digest: Array(repeating: UInt8(sequence), count: 32))
  }

  private func people(_ range: Range<Int>) -> [PersonAttributes] {
    range.map { PersonAttributes(externalID: "hr\($0)", email: "hr\($0)@example.org") }
  }

  private func world() async throws -> GovernanceWorld {
    let world = try await GovernanceWorld.make()
    try await world.store.addSource(IdentitySource(name: "hr", kind: .csv), in: world.client)
    return world
  }

  private func take(_ feed: PersonFeed, _ world: GovernanceWorld) async throws -> FeedResult {
    try await world.transaction { try await world.store.take(feed, from: "hr", in: $0) }
  }

  @Test func peopleComeChangeAndLeaveButAreNeverDeleted() async throws {
    let world = try await world()
    var staff = people(0..<10)
    staff[1].manager = "hr0"
    #expect(try await take(feed(staff, sequence: 1), world) == .applied(changed: 10, removed: 0, voided: 0))
    staff[1].manager = "hr2"
    staff.removeLast()
    #expect(try await take(feed(staff, sequence: 2), world) == .applied(changed: 1, removed: 1, voided: 0))
    #expect(try await world.store.personRecord("hr1", in: world.client).attributes.manager == "hr2")
    let gone = try await world.store.personRecord("hr9", in: world.client)
    #expect(gone.attributes.state == .terminated && gone.isRemoved)
    await #expect(throws: PostgresError.self) {
      try await world.database.withOwner { try await $0.executeScript("DELETE FROM governance.person") }
    }
    #expect(try await take(feed(staff, sequence: 3), world) == .applied(changed: 0, removed: 0, voided: 0))
    await world.close()
  }

  @Test func aReplayedFeedDoesNotRefresh() async throws {
    let world = try await world()
    let first = try feed(people(0..<3), sequence: 7)
    _ = try await take(first, world)
    await #expect(throws: GovernanceError.refused([.feedReplayed])) { _ = try await take(first, world) }
    await #expect(throws: GovernanceError.refused([.feedReplayed])) {
      _ = try await take(feed(people(0..<3), sequence: 8, asOf: first.asOf), world)
    }
    await world.close()
  }

  @Test func halfThePeopleMissingNeedsTwoPeopleToBelieveIt() async throws {
    let world = try await world()
    _ = try await take(feed(people(0..<60), sequence: 1), world)
    guard case .quarantined(let id, removals: 30, of: 60) = try await take(feed(people(0..<30), sequence: 2), world)
    else {
      Issue.record("not quarantined")
      return
    }
    #expect(try await world.store.personRecord("hr59", in: world.client).attributes.state == .active)
    #expect(try await world.store.sources(in: world.client).first { $0.name == "hr" }?.isQuarantined == true)
    func release(_ person: String) async throws -> FeedResult? {
      try await world.transaction { try await world.store.release(id, by: person, reason: "a sale", in: $0) }
    }
    #expect(try await release("alice") == nil)
    await #expect(throws: GovernanceError.refused([.releaserCountedAlready])) { _ = try await release("alice") }
    #expect(try await release("bob") == .applied(changed: 0, removed: 30, voided: 0))
    #expect(try await world.store.personRecord("hr59", in: world.client).attributes.state == .terminated)
    #expect(try await world.store.sources(in: world.client).first { $0.name == "hr" }?.isQuarantined == false)
    await world.close()
  }

  @Test func twoPeopleOfTwoSourcesWithOneAddressAreRefused() async throws {
    let world = try await world()
    try await world.transaction {
      _ = try await world.store.put(
        PersonAttributes(externalID: "alice", email: "HR1@example.org"), source: "manual", in: $0)
    }
    await #expect(throws: GovernanceError.refused([.feedDuplicateEmail])) {
      _ = try await take(feed(people(0..<3), sequence: 1), world)
    }
    await world.close()
  }

  @Test func staleDataWaitsForGrantingAndGoesOnForRemoving() async throws {
    let world = try await world()
    _ = try await take(feed(people(0..<3), sequence: 1, asOf: Date(timeIntervalSinceNow: -86_400)), world)
    try await world.addIdentity("svc_hr", owner: "hr0", backup: "hr1")
    try await world.approve(try await world.submit([.issue, .rotate], "svc_hr"))
    try await world.database.withOwner {
      try await $0.executeScript(
        "UPDATE governance.identity_source SET as_of = now() - interval '3 days' WHERE name = 'hr'")
    }
    let request = try await world.submit([.issue], "svc_hr")
    await #expect(throws: GovernanceError.refused([.identitySourceStale])) { try await world.approve(request) }
    let removal = try await world.submit([.revoke], "svc_hr")
    guard case .granted = try await world.approve(removal) else {
      Issue.record("the removal was held up")
      return
    }
    // The permit knows it too.
    let reasons = try await world.client.query(
      ExplainPermit(authorization: try await authorization("svc_hr", world), action: .rotate))
    #expect(reasons.first == [.identitySourceStale])
    await world.close()
  }

  private func authorization(_ name: String, _ world: GovernanceWorld) async throws -> AuthorizationID {
    try await world.database.withOwner { connection in
      let rows = try await connection.query(
        """
        SELECT a.id FROM governance.authorization AS a JOIN governance.identity AS i ON i.id = a.identity_id
        WHERE i.name = \(literal: name) AND 'rotate' = ANY(a.actions)
        """)
      return AuthorizationID(try rows[0].decode(0, as: UUID.self))
    }
  }

  @Test func twoLoginsOfOneHumanAreOneVote() async throws {
    let world = try await GovernanceWorld.make(
      policy: "policy: p\napprovals: {stages: [{name: two, role: any, quorum: 2}]}\n")
    try await world.addIdentity()
    for login in ["bob", "bob-admin"] {
      try await world.store.addAccount(realm: "rt", login: login, of: "bob", in: world.client)
    }
    let request = try await world.submit()
    let first = try await world.store.person(realm: "rt", login: "bob", in: world.client)
    guard case .waiting(stage: "two", missing: 1) = try await world.approve(request, by: first.externalID) else {
      Issue.record("one person was enough")
      return
    }
    let second = try await world.store.person(realm: "rt", login: "bob-admin", in: world.client)
    await #expect(throws: GovernanceError.refused([.personCountedAlready])) {
      try await world.approve(request, by: second.externalID)
    }
    await #expect(throws: GovernanceError.refused([.approverUnknown])) {
      _ = try await world.store.person(realm: "rt", login: "b\u{043E}b", in: world.client)
    }
    guard case .granted = try await world.approve(request, by: "dave") else {
      Issue.record("two people were not enough")
      return
    }
    await world.close()
  }

  /// 10,000 identities of one owner: all void with the intake, each with its ticket right after.
  @Test func aLeaversTenThousandAuthorizationsAreVoidWithTheIntake() async throws {
    let world = try await world()
    _ = try await take(feed(people(0..<30), sequence: 1), world)
    try await world.authorized()
    try await world.database.withOwner {
      try await $0.executeScript(
        """
        WITH i AS (
          INSERT INTO governance.identity (id, target_id, bucket, name, login_mode, owner_id, backup_owner_id, purpose,
            environment, workload, rights, policy_id, expires_at)
          SELECT gen_random_uuid(), s.target_id, s.bucket, 'svc_' || n, 'single', p.id, s.backup_owner_id, 'test', 'production',
            'test', s.rights, s.policy_id, s.expires_at
          FROM governance.identity AS s, governance.person AS p, generate_series(1, 10000) AS n
          WHERE s.name = 'svc' AND p.external_id = 'hr7'
          RETURNING id
        ), r AS (
          INSERT INTO governance.request (id, revision, origin, identity_id, actions, requester_id, ticket, core, digest)
          SELECT gen_random_uuid(), 1, 'person', i.id, ARRAY['issue', 'rotate'],
            (SELECT id FROM governance.person WHERE external_id = 'alice'), 'T', 'x', sha256('x')
          FROM i
          RETURNING id, identity_id
        ), a AS (
          INSERT INTO governance.approval (id, request_id, revision, digest, approver_id, decision)
          SELECT gen_random_uuid(), r.id, 1, sha256('x'), (SELECT id FROM governance.person WHERE external_id = 'bob'), 'approve'
          FROM r
          RETURNING id, request_id
        )
        INSERT INTO governance.authorization
          (id, request_id, revision, digest, approval_id, identity_id, actions, valid_until)
        SELECT gen_random_uuid(), r.id, 1, sha256('x'), a.id, r.identity_id, ARRAY['issue', 'rotate'], now() + interval '1 year'
        FROM r JOIN a ON a.request_id = r.id;
        ANALYZE governance.identity, governance.request, governance.approval, governance.authorization;
        """)
    }
    var staff = people(0..<30)
    staff[7].state = .terminated
    let result = try await take(feed(staff, sequence: 2), world)
    #expect(result == .applied(changed: 1, removed: 0, voided: 10_000))
    #expect(
      try await world.database.count(
        "SELECT count(*)::text FROM governance.authorization WHERE void_code = 'person_left'") == 10_000)
    // Its tickets are owed with the same commit, and each batch is opened with the commit that takes it away.
    let tickets = "SELECT count(*) FROM governance.ticket WHERE kind = 'leaver'"
    let owed = "SELECT COALESCE(sum(cardinality(identities)), 0) FROM governance.owed_tickets"
    #expect(try await world.database.count(tickets) == 0)
    #expect(try await world.database.count(owed) == 10_000)
    struct Crash: Error {}
    await #expect(throws: Crash.self) {
      try await world.transaction { transaction in
        #expect(try await world.store.openOwedTickets(in: transaction) == 1000)
        throw Crash()
      }
    }
    #expect(try await world.database.count(owed) == 10_000)
    async let one = openOwed(world)
    async let other = openOwed(world)
    #expect(try await one + other == 10_000)
    #expect(try await world.database.count(tickets) == 10_000)
    #expect(try await world.database.count(owed) == 0)
    #expect(
      try await world.database.count(
        "SELECT count(*) FROM governance.ticket WHERE due_at = cause_at + interval '1 hour' AND opened_at > cause_at")
        == 10_000)
    await world.close()
  }

  /// Until none are owed, as a worker does. Returns how many were opened here.
  private func openOwed(_ world: GovernanceWorld) async throws -> Int {
    var (opened, last) = (0, 0)
    repeat {
      last = try await world.transaction { try await world.store.openOwedTickets(in: $0) }
      opened += last
    } while last > 0
    return opened
  }
}
