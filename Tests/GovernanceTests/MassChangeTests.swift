import Foundation
import Postgres
import TestSupport
import Testing

@testable import Governance

/// Two changes that concern thousands would each wait for what the other one recorded. So each waits for the other before it
/// records anything.
@Suite struct MassChangeTests {
  enum Change: CaseIterable {
    case policy, criticality, vendor, incident, role, delegation, person

    func make(_ world: GovernanceWorld, _ made: Made) async throws {
      let store = world.store
      switch self {
      case .policy:
        try await world.transaction {
          _ = try await store.decidePolicy(
            "p", version: made.policy.version, approve: true, by: "frank", sawDigest: made.policy.digest, in: $0)
        }
      case .criticality:
        try await world.transaction { _ = try await store.describeTarget("db", owner: nil, criticality: 4, in: $0) }
      case .vendor:
        var vendor = made.vendor
        vendor.scopes.append("member:writers")
        try await world.transaction { [vendor] in _ = try await store.setVendor(vendor, in: $0) }
      case .incident:
        try await world.transaction {
          _ = try await store.flagVendor("acme", incident: true, reason: "breach", in: $0)
        }
      case .role:
        try await world.transaction { _ = try await store.unassign(role: "security", from: "bob", on: nil, in: $0) }
      case .delegation: try await world.transaction { _ = try await store.endDelegation(made.delegation, in: $0) }
      case .person: _ = try await store.setState(.terminated, of: "carol", in: world.client)
      }
    }
  }

  struct Made: Sendable {
    let vendor: Vendor
    let delegation: UUID
    let policy: PolicyVersion
  }

  private func make(_ world: GovernanceWorld) async throws -> Made {
    let vendor = Vendor(
      name: "acme", sponsor: "dave", contractFrom: Date(timeIntervalSinceNow: -60),
      contractUntil: Date(timeIntervalSinceNow: 86_400), reviewValidUntil: Date(timeIntervalSinceNow: 86_400),
      allowedTargets: ["db"], scopes: ["member:readers"])
    return try await world.transaction { transaction in
      _ = try await world.store.setVendor(vendor, in: transaction)
      try await world.store.assign(role: "security", to: "bob", on: nil, in: transaction)
      let delegation = try await world.store.delegate(
        from: "dave", to: "erin", role: nil, target: nil, validFrom: nil, validUntil: Date(timeIntervalSinceNow: 3600),
        registeredBy: "dave", in: transaction)
      let policy = try await world.store.propose(
        "policy: p\nlifetimes: {rotation_period: 7d}\n", by: "erin", ticket: "T-0", in: transaction)
      return Made(vendor: vendor, delegation: delegation, policy: policy)
    }
  }

  @Test(arguments: Change.allCases)
  func itWaitsBeforeItRecords(change: Change) async throws {
    let world = try await GovernanceWorld.make()
    let made = try await make(world)
    try await world.authorized()
    try await world.database.withOwner { connection in
      try await connection.executeScript("BEGIN; " + LockMassChange.sql)
      async let other: Void = change.make(world, made)
      try await world.database.eventually {
        try await world.database.count(
          """
          SELECT count(*) FROM pg_locks
          WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          """) == 1
      }
      // It holds no case of the log while it waits.
      #expect(
        try await world.database.count(
          """
          SELECT count(*) FROM pg_locks
          WHERE locktype = 'advisory' AND granted AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted)
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          """) == 0)
      try await connection.executeScript("COMMIT")
      try await other
    }
    await world.close()
  }
}
