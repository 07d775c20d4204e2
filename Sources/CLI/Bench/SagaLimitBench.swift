import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres

/// The rows of a rotation, written by plain array SQL in a loop: no guards, no permits asked, no loads, no target, no
/// worker. What this machine's PostgreSQL can do with the same tables and indexes, in as many transactions per batch as a
/// saga has commits.
struct SagaLimitBench {
  let server: BenchServer
  let world: SagaWorld
  let accounts: [SagaWorld.Account]
  let connections: Int
  /// Sagas per batch.
  let batch: Int

  struct Figures {
    let seconds: Double
    let rowWrites: Int
    /// Seconds of processor time.
    let database: Double
  }

  func run() async throws -> Figures {
    try await world.requestRotations(of: accounts)
    try await server.run("VACUUM (ANALYZE)", "CHECKPOINT")
    let rotations = try await rotations()
    let before = try await server.written()
    let database = ProcessorTime.seconds(ofServer: server.running)
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for part in 0..<connections {
        let (first, last) = (accounts.count * part / connections, accounts.count * (part + 1) / connections)
        tasks.addTask { try await loop(Array(accounts[first..<last]), rotations) }
      }
      try await tasks.waitForAll()
    }
    let seconds = (ContinuousClock.now - start).seconds
    let used = ProcessorTime.seconds(ofServer: server.running) - database
    let after = try await server.written()
    return Figures(seconds: seconds, rowWrites: after.rows - before.rows, database: used)
  }

  private func rotations() async throws -> [UUID: UUID] {
    let rows = try await server.owner.query(FindRotations(credentials: accounts.map(\.credential.rawValue)))
    return Dictionary(rows.map { ($0.credential, $0.rotation) }, uniquingKeysWith: { $1 })
  }

  private func loop(_ accounts: [SagaWorld.Account], _ rotations: [UUID: UUID]) async throws {
    for start in stride(from: 0, to: accounts.count, by: batch) {
      let accounts = accounts[start..<min(start + batch, accounts.count)]
        .sorted { $0.credential.description < $1.credential.description }
      let rows = PlainRows(
        rotations: accounts.map { rotations[$0.credential.rawValue] ?? UUID() },
        credentials: accounts.map(\.credential.rawValue), authorizations: accounts.map(\.authorization.rawValue),
        logins: accounts.map { "\($0.name)_b" })
      for statements in rows.transactions {
        try await server.client.withTransaction { transaction in
          _ = try await transaction.pipeline([AnyStatement(PreferKeys())] + statements)
        }
      }
    }
  }
}

/// The rows of some sagas, in the transactions of a saga.
private struct PlainRows {
  let rotations: [UUID]
  let credentials: [UUID]
  let authorizations: [UUID]
  let logins: [String]

  var transactions: [[AnyStatement]] {
    let effects = (0..<4).map { _ in credentials.map { _ in UUID.ordered() } }
    return [
      [AnyStatement(PlainLease(subjects: credentials))],
      commit(["planned", "claimed", "prepared", "applying"], []) + [
        AnyStatement(PlainFence(credentials: credentials)),
        AnyStatement(PlainCandidates(credentials: credentials, logins: logins)),
      ] + intend("set_secret", effects[0]),
      commit(
        ["applying", "applied", "verified", "rights_equal", "published", "overlap", "retiring"],
        ["negative_control", "login", "identity", "rights"]) + [
          AnyStatement(PlainVersions(credentials: credentials, number: 1, state: "retiring")),
          AnyStatement(PlainVersions(credentials: credentials, number: 2, state: "current")),
          AnyStatement(PlainPublish(credentials: credentials)),
          AnyStatement(PlainSettle(rotations: rotations, effects: effects[0])),
        ] + intend("block_logins", effects[1]),
      [AnyStatement(PlainSettle(rotations: rotations, effects: effects[1]))] + intend("end_sessions", effects[2]),
      commit(["retiring", "sessions_ended", "old_refused"], ["sessions_ended", "old_refused"]) + [
        AnyStatement(PlainVersions(credentials: credentials, number: 1, state: "revoked")),
        AnyStatement(PlainSettle(rotations: rotations, effects: effects[2])),
      ] + intend("drop", effects[3]),
      commit(["old_refused", "done"], ["residue"]) + [
        AnyStatement(PlainSettle(rotations: rotations, effects: effects[3]))
      ],
      [AnyStatement(PlainArchive(subjects: credentials))],
    ]
  }

  private func commit(_ states: [String], _ kinds: [String]) -> [AnyStatement] {
    [
      AnyStatement(PlainMove(rotations: rotations, state: states[states.count - 1])),
      AnyStatement(
        PlainCommit(
          rotations: rotations, commits: rotations.map { _ in UUID.ordered() }, credentials: credentials,
          states: states,
          kinds: kinds)),
    ]
  }

  private func intend(_ verb: String, _ effects: [UUID]) -> [AnyStatement] {
    let permits = credentials.map { _ in UUID.ordered() }
    return [
      AnyStatement(PlainPermits(permits: permits, authorizations: authorizations, subjects: credentials)),
      AnyStatement(
        PlainEffects(effects: effects, rotations: rotations, credentials: credentials, permits: permits, verb: verb)),
    ]
  }
}
