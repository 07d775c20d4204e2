import Foundation
import Lifecycle
import Postgres
import Secrets

/// What a target lets this machine do at best, with as many at once as the rotations that are compared with it.
///
/// Three measures: new logins alone, passwords set alone, and by hand the very logins and role changes that a proven rotation
/// is made of: the new login is made with its password; a random secret is refused, the new one accepted; the login is
/// blocked, its secret refused; the login is dropped. Nothing is looked at, written down or waited for in between.
///
/// From the first two follows a limit that no rotation of any kind comes past on a machine that is busy all the time:
/// 1 / (3 / logins per second + 1 / passwords per second).
struct TargetLimitBench {
  let world: DemoWorld
  /// Whose secrets log in.
  let names: [String]
  let concurrency: Int
  /// Of each of the three measures.
  let seconds: Double

  struct Figures {
    /// Per second.
    var logins = Sample()
    var passwords = Sample()
    var rounds = Sample()
    /// Processor milliseconds of a round.
    var target = Sample()
    var client = Sample()

    var leastRate: Double { 1 / (3 / logins.mean + 1 / passwords.mean) }
  }

  func run(_ figures: inout Figures) async throws {
    figures.logins.add(try await logins())
    figures.passwords.add(try await passwords())
    let before = UsedTime(world)
    let rounds = try await rounds()
    let used = UsedTime(world) - before
    figures.rounds.add(rounds.perSecond)
    figures.target.add(used.target * 1000 / Double(rounds.count))
    figures.client.add(used.own * 1000 / Double(rounds.count))
  }

  private func logins() async throws -> Double {
    var configurations: [PostgresConfiguration] = []
    for name in names.prefix(concurrency) {
      let secret = try await world.currentSecret(name)
      var configuration = world.inspector
      configuration.user = secret.login
      configuration.password = secret.secret.withBytes(PostgresPassword.init(copying:))
      configurations.append(configuration)
    }
    return try await rate { [configurations] number, _ in
      try await PostgresConnection.connect(
        configurations[number % configurations.count], logger: world.composition.logger
      ).close()
    }.perSecond
  }

  /// As a driver does it: the verifier is computed on our side.
  private func passwords() async throws -> Double {
    try await withAdmins { client in
      for number in 0..<concurrency { try await client.withConnection { try await $0.execute(Self.make(number)) } }
      let rate = try await rate { number, _ in
        try await client.withConnection { connection in
          let verifier = try await connection.scramVerifier(user: Self.role(number), password: try Self.makePassword())
          try await connection.execute("ALTER ROLE \(identifier: Self.role(number)) PASSWORD \(literal: verifier)")
        }
      }
      for number in 0..<concurrency {
        try await client.withConnection { try await $0.execute("DROP ROLE \(identifier: Self.role(number))") }
      }
      return rate.perSecond
    }
  }

  private func rounds() async throws -> Rate {
    try await withAdmins { client in try await rate { number, _ in try await round(number, client) } }
  }

  private func round(_ number: Int, _ admin: PostgresClient) async throws {
    let (role, secret) = (Self.role(number), try Self.makePassword())
    try await admin.withConnection { connection in
      let verifier = try await connection.scramVerifier(user: role, password: secret)
      try await connection.execute("CREATE ROLE \(identifier: role) LOGIN PASSWORD \(literal: verifier)")
    }
    try await mustRefuse(role, try Self.makePassword())
    try await PostgresConnection.connect(login(role, secret), logger: world.composition.logger).close()
    try await admin.withConnection { try await $0.execute("ALTER ROLE \(identifier: role) NOLOGIN") }
    try await mustRefuse(role, secret)
    try await admin.withConnection { try await $0.execute("DROP ROLE \(identifier: role)") }
  }

  private func mustRefuse(_ role: String, _ secret: PostgresPassword) async throws {
    do {
      try await PostgresConnection.connect(login(role, secret), logger: world.composition.logger).close()
    } catch let error as PostgresError where error.code == .authenticationFailed {
      return
    }
    throw BenchError(description: "the target accepted what it had to refuse")
  }

  private func login(_ role: String, _ secret: PostgresPassword) -> PostgresConfiguration {
    var configuration = world.inspector
    configuration.user = role
    configuration.password = secret
    return configuration
  }

  private func withAdmins<Result>(_ body: (PostgresClient) async throws -> Result) async throws -> Result {
    var configuration = world.inspector
    configuration.pool.maximumConnections = min(concurrency, 16)
    let client = PostgresClient(configuration, logger: world.composition.logger)
    do {
      let result = try await body(client)
      await client.close()
      return result
    } catch {
      await client.close()
      throw error
    }
  }

  private static func role(_ number: Int) -> String { "bench_limit_\(number)" }
  private static func make(_ number: Int) -> UtilityStatement { "CREATE ROLE \(identifier: role(number)) LOGIN" }

  private static func makePassword() throws -> PostgresPassword {
    guard let password = SecretGenerator().makeSecret(.standard).withBytes(PostgresPassword.init(copying:)) else {
      throw BenchError(description: "a generated secret cannot be used as a password")
    }
    return password
  }

  private struct Rate {
    let count: Int
    let seconds: Double
    var perSecond: Double { Double(count) / seconds }
  }

  /// Of `body`, each of `concurrency` tasks one after the other.
  private func rate(_ body: @escaping @Sendable (_ task: Int, _ round: Int) async throws -> Void) async throws -> Rate {
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<concurrency {
        group.addTask {
          var rounds = 0
          while ContinuousClock.now < end {
            try await body(task, rounds)
            rounds += 1
          }
          return rounds
        }
      }
      return try await group.reduce(0, +)
    }
    return Rate(count: count, seconds: (ContinuousClock.now - start).seconds)
  }
}
