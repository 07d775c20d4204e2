import Daemon
import Drivers
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres
import Secrets
import Vault

/// Active credentials on simulated targets, each with its approval, its authorization and a sealed current version, put
/// there by plain SQL: what a benchmark finds when it begins.
struct SagaWorld {
  let server: BenchServer
  let composition: Composition
  let targets: [TargetID]
  let policy: PolicyID

  struct Account: Sendable {
    let identity = IdentityID.make()
    let credential = CredentialID.make()
    let authorization = AuthorizationID.make()
    let target: TargetID
    let name: String
  }

  private static let people = ["requester", "approver", "backup"]

  /// - Parameter latency: of each call to a target, in milliseconds.
  static func make(on server: BenchServer, targets count: Int, latency: Int) async throws -> SagaWorld {
    let composition = try await Composition.open(
      DaemonConfiguration(databaseURL: server.url, dataDirectory: server.folder), .prepare,
      extraFactories: [SimulatedTargetFactory(targets: SimulatedTargets())], logger: server.logger)
    for person in people { _ = try await composition.governance.addPerson(person, in: composition.client) }
    let policy = Policy(
      name: "bench", rotationPeriod: 86_400, rotationJitter: 3600, overlap: 0, settle: 1, retryReserve: 60)
    try await composition.governance.addPolicy(policy, in: composition.client)
    var targets: [TargetID] = []
    for number in 1...count {
      targets.append(
        try await composition.lifecycle.addTarget(
          name: "simulated-\(number)", kind: SimulatedTargetFactory.kind, environment: "bench",
          settings: ["name": "simulated-\(number)", "latency_ms": "\(latency)", "populate": "true"],
          adminSecret: SecretGenerator().makeSecret(.standard), limit: GroupLimit(maximumRunning: 10_000)))
    }
    return SagaWorld(server: server, composition: composition, targets: targets, policy: policy.id)
  }

  func addAccounts(_ count: Int, prefix: String) async throws -> [Account] {
    let accounts = (0..<count).map { number in
      Account(target: targets[number % targets.count], name: "\(prefix)_\(number)")
    }
    for start in stride(from: 0, to: count, by: 1000) {
      let batch = Array(accounts[start..<min(start + 1000, count)])
      var envelopes: [[UInt8]] = []
      for account in batch {
        let context = SealContext(record: account.credential.rawValue, version: 1, purpose: "credential")
        let envelope = try await composition.vault.seal(SecretGenerator().makeSecret(.standard), context: context)
        envelopes.append(envelope.bytes)
      }
      let (people, keyID, policy) = (try await people(), composition.vault.currentKeyID, policy)
      let requests = batch.map { InsertRequests.Wanted(account: $0) }
      // One after the other, as the product writes them: that is the order of their leaves.
      try await server.owner.withTransaction { [envelopes] transaction in
        try await transaction.execute(InsertRequests(rows: requests, policy: policy, people: people))
        try await transaction.execute(InsertApprovals(rows: requests, approver: people[1]))
        try await transaction.execute(InsertAuthorized(rows: requests))
        try await transaction.execute(InsertCredentials(accounts: batch, envelopes: envelopes, keyID: keyID))
      }
    }
    return accounts
  }

  /// Approves it anew, after a change that voided what was approved before.
  func approve(_ account: Account) async throws {
    let (governance, people) = (composition.governance, Self.people)
    let request = try await composition.client.withTransaction { transaction in
      try await governance.submit(
        [.issue, .rotate], for: try await governance.identity(account.identity, in: transaction), requester: people[0],
        beneficiary: nil, ticket: "BENCH-2", now: Date(), in: transaction)
    }
    _ = try await composition.lifecycle.decide(request.id, approve: true, by: people[1], sawDigest: request.digest)
  }

  private func people() async throws -> [UUID] {
    var ids: [UUID] = []
    for name in Self.people {
      ids.append(try await composition.governance.person(name, in: composition.client).id.rawValue)
    }
    return ids
  }

  /// Asks for a rotation of each through the product's own bulk request, on two connections.
  func requestRotations(of accounts: [Account]) async throws {
    let person = try await composition.governance.person(Self.people[0], in: composition.client).id
    try await withThrowingTaskGroup(of: Int.self) { tasks in
      for part in 0..<2 {
        tasks.addTask {
          var made = 0
          let (first, last) = (accounts.count * part / 2, accounts.count * (part + 1) / 2)
          for start in stride(from: first, to: last, by: 1000) {
            made += try await composition.lifecycle.requestRotations(
              accounts[start..<min(start + 1000, last)].map(\.identity),
              trigger: .requested(by: person, ticket: "BENCH-1"))
          }
          return made
        }
      }
      let made = try await tasks.reduce(0, +)
      guard made == accounts.count else { throw BenchError(description: "\(made) rotations of \(accounts.count)") }
    }
  }
}
