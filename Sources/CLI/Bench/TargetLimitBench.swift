import Foundation
import Lifecycle
import Postgres
import Secrets

/// What a target lets this machine do at best: new logins, and passwords set, each alone and with as many at once as the
/// rotations that are compared with it.
///
/// A proven rotation is at least three logins (a random secret is refused, the new one accepted, the old one refused) and one
/// `ALTER ROLE … PASSWORD`. On a machine that is busy all the time they cost what they cost alone:
/// limit = 1 / (3 / logins per second + 1 / passwords per second).
struct TargetLimitBench {
  let world: DemoWorld
  /// Whose secrets log in.
  let names: [String]
  let concurrency: Int
  /// Of each of the two measures.
  let seconds: Double

  struct Figures {
    var logins = Sample()
    var passwords = Sample()

    var loginRate: Double { logins.mean }
    var passwordRate: Double { passwords.mean }
    var rotationRate: Double { 1 / (3 / loginRate + 1 / passwordRate) }
  }

  func run(_ figures: inout Figures) async throws {
    figures.logins.add(try await logins())
    figures.passwords.add(try await passwords())
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
    }
  }

  /// As a driver does it: the verifier is computed on our side.
  private func passwords() async throws -> Double {
    var configuration = world.inspector
    configuration.pool.maximumConnections = min(concurrency, 16)
    let client = PostgresClient(configuration, logger: world.composition.logger)
    for number in 0..<concurrency { try await client.withConnection { try await $0.execute(Self.make(number)) } }
    let rate = try await rate { number, _ in
      try await client.withConnection { connection in
        guard let password = SecretGenerator().makeSecret(.standard).withBytes(PostgresPassword.init(copying:)) else {
          throw BenchError(description: "a generated secret cannot be used as a password")
        }
        let verifier = try await connection.scramVerifier(user: Self.role(number), password: password)
        try await connection.execute("ALTER ROLE \(identifier: Self.role(number)) PASSWORD \(literal: verifier)")
      }
    }
    for number in 0..<concurrency {
      try await client.withConnection { try await $0.execute("DROP ROLE \(identifier: Self.role(number))") }
    }
    await client.close()
    return rate
  }

  private static func role(_ number: Int) -> String { "bench_limit_\(number)" }
  private static func make(_ number: Int) -> UtilityStatement { "CREATE ROLE \(identifier: role(number)) LOGIN" }

  /// Of `body`, per second, each of `concurrency` tasks one after the other.
  private func rate(_ body: @escaping @Sendable (_ task: Int, _ round: Int) async throws -> Void) async throws -> Double
  {
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
    return Double(count) / (ContinuousClock.now - start).seconds
  }
}
