import ArgumentParser
import Daemon
import Foundation
import Governance
import Lifecycle
import Logging
import Postgres

/// An application of the demo: reads its secrets from Keyturn and logs in with them, again and again, until told to stop.
struct DemoClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "demo-client", shouldDisplay: false)

  @Argument var identities: [String]
  @Option(help: "Logins per second.") var rate = 5.0
  @OptionGroup var global: GlobalOptions

  struct Tally: Codable {
    var succeeded = 0
    var failed = 0
    var failures: [String] = []
  }

  mutating func run() async throws {
    let logger = global.makeLogger("keyturn.client")
    do {
      var daemon = global.daemon
      daemon.maximumConnections = 2
      let composition = try await Composition.open(daemon, .requireSchema, logger: logger)
      let tally = await Self.logInUntilStopped(identities, rate: rate, composition, logger: logger)
      await composition.close()
      print(String(decoding: try JSONEncoder().encode(tally), as: UTF8.self))
    } catch {
      throw Failure.exit(for: error, json: false)
    }
  }

  private static func logInUntilStopped(
    _ identities: [String], rate: Double, _ composition: Composition, logger: Logger
  ) async -> Tally {
    await withTaskGroup(of: Tally.self) { group in
      group.addTask { await logInRepeatedly(identities, rate: rate, composition, logger: logger) }
      for await _ in StopSignals.stream() { break }
      group.cancelAll()
      return await group.next() ?? Tally()
    }
  }

  /// Until cancelled. A login that was cut short by the end is no failure.
  private static func logInRepeatedly(
    _ identities: [String], rate: Double, _ composition: Composition, logger: Logger
  ) async -> Tally {
    var tally = Tally()
    var turn = 0
    while !Task.isCancelled {
      let name = identities[turn % identities.count]
      turn += 1
      do {
        let current = try await secret(of: name, composition)
        try await logIn(current, identity: name, logger: logger)
        tally.succeeded += 1
      } catch {
        if Task.isCancelled { break }
        tally.failed += 1
        tally.failures.append("\(Date().formatted(.iso8601)) \(name): \(error)")
      }
      do { try await Task.sleep(for: .seconds(1 / rate)) } catch { break }
    }
    return tally
  }

  private static func secret(of name: String, _ composition: Composition) async throws -> CurrentSecret {
    let identity = try await composition.governance.identity(
      name, on: DemoWorld.targetName, in: composition.client)
    return try await composition.lifecycle.currentSecret(of: identity.id)
  }

  static func logIn(_ current: CurrentSecret, identity: String, logger: Logger) async throws {
    let configuration = PostgresConfiguration(
      endpoints: [
        .tcp(host: current.settings["host"] ?? "127.0.0.1", port: Int(current.settings["port"] ?? "") ?? 5432)
      ],
      database: current.settings["database"] ?? "postgres", user: current.login,
      password: current.secret.withBytes(PostgresPassword.init(copying:)))
    let connection = try await PostgresConnection.connect(configuration, logger: logger)
    do {
      let user = try await connection.queryFirst(ReadMeasurement())
      await connection.close()
      guard user == identity else {
        throw LifecycleError(code: .wrongState, message: "logged in as somebody else")
      }
    } catch {
      await connection.close()
      throw error
    }
  }
}

/// Uses the approved right, and says who we are.
private struct ReadMeasurement: Statement {
  static let sql = "SELECT current_user::text FROM public.measurement LIMIT 1"
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}
