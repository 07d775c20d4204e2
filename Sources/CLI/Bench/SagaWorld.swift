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
      try await server.owner.execute(
        InsertAccounts(
          accounts: batch, envelopes: envelopes, keyID: composition.vault.currentKeyID, policy: policy,
          people: try await people()))
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

/// As the superuser. Everything that the product would have written by request, approval and issue.
private struct InsertAccounts: Statement {
  static let sql = """
    WITH wanted AS (
      SELECT m.*, jobs.bucket_of(m.target_id) AS bucket, convert_to('request for ' || m.name, 'UTF8') AS core
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::bytea[])
        AS m (identity_id, target_id, name, credential_id, request_id, approval_id, authorization_id, envelope)
    ), identity AS (
      INSERT INTO governance.identity (id, target_id, bucket, name, login_mode, owner_id, backup_owner_id, purpose,
        environment, workload, rights, policy_id, expires_at)
      SELECT identity_id, target_id, bucket, name, 'alternating', ($11::uuid[])[1], ($11::uuid[])[3], 'bench', 'bench', 'bench',
        ARRAY['member:readers'], $10::uuid, now() + interval '1 year'
      FROM wanted
    ), request AS (
      INSERT INTO governance.request (id, revision, origin, identity_id, actions, requester_id, beneficiary_id, ticket, core,
        digest)
      SELECT request_id, 1, 'person', identity_id, ARRAY['issue', 'rotate'], ($11::uuid[])[1], ($11::uuid[])[1], 'BENCH-0', core, sha256(core)
      FROM wanted
    ), approval AS (
      INSERT INTO governance.approval (id, request_id, revision, digest, approver_id, decision)
      SELECT approval_id, request_id, 1, sha256(core), ($11::uuid[])[2], 'approve'
      FROM wanted
    ), authorized AS (
      INSERT INTO governance.authorization (id, request_id, revision, digest, approval_id, identity_id, actions, valid_until,
        people, known_people)
      SELECT authorization_id, request_id, 1, sha256(core), approval_id, identity_id, ARRAY['issue', 'rotate'],
        now() + interval '1 year', ($11::uuid[])[1:2], ($11::uuid[])[1:2]
      FROM wanted
    ), credential AS (
      INSERT INTO lifecycle.credential (id, identity_id, target_id, bucket, state, authorization_id, fence, due_anchor,
        next_due_at, hard_expires_at)
      SELECT credential_id, identity_id, target_id, bucket, 'active', authorization_id, 1, now(), now() + interval '1 day',
        now() + interval '1 year'
      FROM wanted
    )
    INSERT INTO lifecycle.version (credential_id, number, state, login, envelope, key_id, published_at)
    SELECT credential_id, 1, 'current', name || '_a', envelope, $9::text, now()
    FROM wanted
    """

  let accounts: [SagaWorld.Account]
  let envelopes: [[UInt8]]
  let keyID: String
  let policy: PolicyID
  let people: [UUID]

  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(accounts.map(\.identity.rawValue))
    parameters.append(accounts.map(\.target.rawValue))
    parameters.append(accounts.map(\.name))
    parameters.append(accounts.map(\.credential.rawValue))
    parameters.append(accounts.map { _ in UUID() })
    parameters.append(accounts.map { _ in UUID() })
    parameters.append(accounts.map(\.authorization.rawValue))
    parameters.append(envelopes)
    parameters.append(keyID)
    parameters.append(policy.rawValue)
    parameters.append(people)
  }
}
