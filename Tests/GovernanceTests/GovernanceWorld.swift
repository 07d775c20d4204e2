import Foundation
import Postgres
import TestSupport

@testable import Governance

/// A database with people, a target and a policy document; no targets are touched.
struct GovernanceWorld: Sendable {
  let database: TestDatabase
  let store = GovernanceStore()

  var client: PostgresClient { database.client }

  static func make(policy: String = "policy: p\n") async throws -> GovernanceWorld {
    let world = GovernanceWorld(database: try await TestDatabase.make())
    for person in ["alice", "bob", "carol", "dave", "erin", "frank"] {
      _ = try await world.store.addPerson(person, in: world.client)
    }
    try await world.client.withTransaction { transaction in
      try await world.store.addTarget(
        TargetRecord(
          id: .make(), name: "db", kind: "simulated", environment: "production", settings: [:], adminEnvelope: [1]),
        in: transaction)
    }
    _ = try await world.activate(policy)
    return world
  }

  func close() async { await database.close() }

  /// Proposed by erin, approved by frank. Returns how many identities lost an authorization.
  @discardableResult
  func activate(_ policy: String) async throws -> Int {
    try await client.withTransaction { transaction in
      let version = try await store.propose(policy, by: "erin", ticket: "T-0", in: transaction)
      return try await store.decidePolicy(
        version.policy, version: version.version, approve: true, by: "frank", sawDigest: version.digest, in: transaction
      )
        ?? -1
    }
  }

  @discardableResult
  func addIdentity(
    _ name: String = "svc", owner: String = "alice", backup: String = "carol", rights: [String] = ["member:readers"]
  ) async throws -> NonHumanIdentity {
    _ = try await store.addIdentity(
      IdentityDraft(
        target: "db", name: name, owner: owner, backupOwner: backup, purpose: "test", environment: "production",
        workload: "test", rights: rights, policy: "p", expiresAt: Date(timeIntervalSinceNow: 86_400 * 30)),
      now: Date(), in: client)
    return try await identity(name)
  }

  func identity(_ name: String = "svc") async throws -> NonHumanIdentity {
    try await store.identity(name, on: nil, in: client)
  }

  func submit(
    _ actions: [GovernedAction] = [.issue, .rotate], _ name: String = "svc", by requester: String = "alice",
    for beneficiary: String? = nil, details: RequestDetails = RequestDetails()
  ) async throws -> Request {
    try await client.withTransaction { transaction in
      try await store.submit(
        actions, for: try await store.identity(name, on: nil, in: transaction), requester: requester,
        beneficiary: beneficiary, ticket: "T-1", details: details, now: Date(), in: transaction)
    }
  }

  @discardableResult
  func approve(_ request: Request, by approver: String = "bob", for delegator: String? = nil) async throws
    -> ApprovalResult
  {
    try await client.withTransaction {
      try await store.decide(
        request.id, ApprovalInput(verdict: .approve, approver: approver, actingFor: delegator, digest: request.digest),
        in: $0)
    }
  }

  /// An identity with a live authorization: alice asked, bob approved.
  @discardableResult
  func authorized(_ name: String = "svc") async throws -> NonHumanIdentity {
    try await addIdentity(name)
    try await approve(try await submit([.issue, .rotate], name))
    return try await identity(name)
  }

  /// Why the newest authorization of the identity holds no more; nil while it holds.
  func voidCode(_ name: String = "svc") async throws -> String? {
    try await database.withOwner { connection in
      let rows = try await connection.query(
        """
        SELECT a.void_code
        FROM governance.authorization AS a JOIN governance.identity AS i ON i.id = a.identity_id
        WHERE i.name = \(literal: name) ORDER BY a.valid_from DESC LIMIT 1
        """)
      return try rows.first.flatMap { try $0.decodeIfPresent(0, as: String.self) }
    }
  }

  func tickets(_ kind: Ticket.Kind? = nil) async throws -> [Ticket] {
    try await store.tickets(kind: kind, in: client)
  }

  func transaction<Result: Sendable>(
    _ body: @Sendable (Transaction) async throws -> Result
  ) async throws -> Result {
    try await client.withTransaction { try await body($0) }
  }
}
