import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

/// An authorization names who answers for its identity as they are at any moment, whoever changes them and when.
@Suite struct ResponsibleTests {
  private func responsible(_ world: GovernanceWorld) async throws -> [String] {
    try await world.database.withOwner { connection in
      let rows = try await connection.query(
        """
        SELECT string_agg(p.external_id, ' ' ORDER BY m.n)
        FROM governance.authorization AS a
        CROSS JOIN unnest(a.responsible) WITH ORDINALITY AS m (id, n)
        JOIN governance.person AS p ON p.id = m.id
        GROUP BY a.id ORDER BY a.valid_from
        """ as UtilityStatement)
      return try rows.map { try $0[0] }
    }
  }

  private static let daveOwns = """
    UPDATE governance.identity SET owner_id = (SELECT id FROM governance.person WHERE external_id = 'dave')
    """

  @Test func ownersAndSponsorAreFollowed() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.authorized()
    #expect(try await responsible(world) == ["alice carol"])
    // By hand: nothing of the product voids it meanwhile.
    try await world.database.withOwner { try await $0.executeScript(Self.daveOwns) }
    #expect(try await responsible(world) == ["dave carol"])
    let vendor = Vendor(
      name: "acme", sponsor: "erin", contractFrom: Date(timeIntervalSinceNow: -60),
      contractUntil: Date(timeIntervalSinceNow: 86_400), reviewValidUntil: Date(timeIntervalSinceNow: 86_400),
      allowedTargets: ["db"], scopes: ["member:readers"])
    _ = try await world.transaction { try await world.store.setVendor(vendor, in: $0) }
    try await world.database.withOwner {
      try await $0.executeScript(
        "UPDATE governance.identity SET vendor_id = (SELECT id FROM governance.vendor) WHERE name = 'svc'")
    }
    #expect(try await responsible(world) == ["dave carol erin"])
    try await world.database.withOwner {
      try await $0.executeScript(
        """
        UPDATE governance.vendor SET sponsor_id = (SELECT id FROM governance.person WHERE external_id = 'frank')
        """)
    }
    #expect(try await responsible(world) == ["dave carol frank"])
    // What ended stays as it was; what is granted then has them from the start.
    try await world.transaction { try await world.store.setVendor(of: identity, to: nil, in: $0) }
    try await world.approve(try await world.submit(by: "alice"))
    #expect(try await responsible(world) == ["dave carol", "dave carol"])
    #expect(try await world.voidCode() == nil)
    await world.close()
  }

  @Test func onlyRevocationNamesNobody() async throws {
    let world = try await GovernanceWorld.make()
    let identity = try await world.addIdentity()
    _ = try await world.transaction {
      try await world.store.openLeakRevocations(of: [identity.id], requester: "alice", ticket: "T-2", in: $0)
    }
    #expect(
      try await world.database.count("SELECT count(*) FROM governance.authorization WHERE responsible = '{}'") == 1)
    await world.close()
  }

  /// Granted while the owner changes, in both orders.
  @Test(arguments: [true, false])
  func aChangeMeanwhileIsNotMissed(isChangedFirst: Bool) async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    _ = try await world.submit()
    let grant = """
      INSERT INTO governance.authorization (id, request_id, revision, digest, approval_id, identity_id, actions, valid_until)
      SELECT gen_random_uuid(), r.id, 1, r.digest, (SELECT id FROM governance.approval), r.identity_id, r.actions, 'infinity'
      FROM governance.request AS r
      WHERE NOT EXISTS (SELECT FROM governance.authorization AS a WHERE a.request_id = r.id)
      """
    let (first, second) = isChangedFirst ? (Self.daveOwns, grant) : (grant, Self.daveOwns)
    try await meet(first, second, world)
    #expect(try await responsible(world) == ["dave carol", "dave carol"])
    await world.close()
  }

  /// An identity comes to a vendor while the vendor's sponsor changes, in both orders.
  @Test(arguments: [true, false])
  func aSponsorMeanwhileIsNotMissed(isChangedFirst: Bool) async throws {
    let world = try await GovernanceWorld.make()
    try await world.authorized()
    let vendor = Vendor(
      name: "acme", sponsor: "erin", contractFrom: Date(timeIntervalSinceNow: -60),
      contractUntil: Date(timeIntervalSinceNow: 86_400), reviewValidUntil: Date(timeIntervalSinceNow: 86_400),
      allowedTargets: ["db"], scopes: ["member:readers"])
    _ = try await world.transaction { try await world.store.setVendor(vendor, in: $0) }
    let comes = "UPDATE governance.identity SET vendor_id = (SELECT id FROM governance.vendor)"
    let changes = """
      UPDATE governance.vendor SET sponsor_id = (SELECT id FROM governance.person WHERE external_id = 'frank')
      """
    try await meet(isChangedFirst ? changes : comes, isChangedFirst ? comes : changes, world)
    #expect(try await responsible(world) == ["alice carol frank"])
    await world.close()
  }

  /// The second begins while the first is not committed, and waits for it.
  private func meet(_ first: String, _ second: String, _ world: GovernanceWorld) async throws {
    try await world.database.withOwner { connection in
      try await connection.executeScript("BEGIN")
      try await connection.executeScript(first)
      async let other: Void = world.database.withOwner { try await $0.executeScript(second) }
      try await world.database.eventually {
        try await world.database.count(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
      }
      try await connection.executeScript("COMMIT")
      try await other
    }
  }
}
