import ArgumentParser
import Daemon
import Foundation
import Jobs
import Lifecycle
import Web

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Bring the schema of the control database up to date.",
    discussion: "Needs a login that may create roles the first time. One runner at a time; safe to repeat.")

  @OptionGroup var global: GlobalOptions

  mutating func run() async throws {
    do {
      let logger = global.makeLogger("keyturn.migrate")
      let database = try await ControlDatabase.open(global.daemon, logger: logger)
      for action in database.running?.actions ?? [] { global.output.say(action) }
      let applied: [String]
      do {
        applied = try await database.migrate(logger: logger)
      } catch {
        if database.running?.startedHere == true { try await database.embedded?.stop() }
        throw error
      }
      if database.running?.startedHere == true { try await database.embedded?.stop() }
      global.output.table(["applied"], applied.map { [$0] }, empty: "The schema is up to date.")
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }
}

struct WorkerOptions: ParsableArguments {
  @Option(help: "Shown in job lists; default: host name and process id.")
  var name: String?

  @Option(help: "Jobs in flight at once, 1 to 10000.")
  var concurrency = 64

  @Option(help: "Seconds a job is leased before another worker may take it, 20 to 3600.")
  var lease = 30.0

  @Option(help: "Seconds between heartbeats; at most a third of the lease.")
  var heartbeat = 2.0

  @Option(help: "Longest time between two looks at the queue, in seconds.")
  var poll = 0.25

  @Option(help: "Seconds that jobs have to finish when the worker is told to stop.")
  var grace = 10.0

  @Option(help: "Seconds between two looks for due credentials.")
  var planEvery = 5.0

  @Option(help: "Connections to the control database, 2 to 1000.")
  var connections = 8

  @Option(help: "Days that finished jobs are kept, 1 to 3660.")
  var archiveDays: Int32 = 30

  @Flag(inversion: .prefixedNo, help: "Wait for notifications on a connection of its own; not behind a pooler.")
  var notifications = true

  var configuration: WorkerConfiguration {
    let fallback = "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"
    var configuration = WorkerConfiguration(
      name: name ?? fallback, maximumInFlight: concurrency, lease: lease, leaseMargin: min(5, lease / 4),
      heartbeat: heartbeat, poll: poll, shutdownGrace: grace)
    configuration.archiveDays = archiveDays
    configuration.listens = notifications
    configuration.longestEffect = CredentialLifecycle.longestEffect
    return configuration
  }
}

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Run jobs until told to stop.",
    discussion:
      "SIGTERM or SIGINT: finish what fits into the grace time, give the rest back. A second signal: give back at once."
  )

  @OptionGroup var worker: WorkerOptions
  @OptionGroup var global: GlobalOptions

  mutating func run() async throws {
    do {
      var daemon = global.daemon
      daemon.maximumConnections = worker.connections
      let logger = global.makeLogger("keyturn.worker", default: .info)
      try worker.configuration.validate()
      let composition = try await Composition.open(daemon, .requireSchema, logger: logger)
      let service = try composition.makeWorker(worker.configuration, planEvery: worker.planEvery)
      logger.info("worker started", metadata: ["worker": "\(worker.configuration.name)"])
      // The pool's upkeep ends with this scope, after the worker.
      async let _ = composition.client.run()
      await service.run()
      logger.info("worker stopped")
      await composition.close()
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }
}

struct DevCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract: "Everything in one process: embedded database, schema, keys, a worker and the server, until Ctrl-C.")

  @OptionGroup var worker: WorkerOptions
  @OptionGroup var server: ServerOptions
  @OptionGroup var global: GlobalOptions

  mutating func run() async throws {
    do {
      let logger = global.makeLogger("keyturn.dev", default: .info)
      try worker.configuration.validate()
      let web = try server.configuration(grace: worker.grace, listens: worker.notifications)
      let composition = try await Composition.open(global.daemon, .prepare, logger: logger)
      for action in composition.database.running?.actions ?? [] { global.output.say(action) }
      global.output.say("key file \(global.daemon.keyFilePath), current key \(composition.keys.currentKeyID)")
      do {
        try await serve(composition, web)
      } catch {
        await composition.close()
        try await composition.database.embedded?.stop()
        throw error
      }
      await composition.close()
      if let embedded = composition.database.embedded {
        try await embedded.stop()
        global.output.say("stopped the embedded cluster; its data stays in \(global.daemon.dataDirectory)")
      }
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }

  private func serve(_ composition: Composition, _ web: WebConfiguration) async throws {
    let service = try composition.makeWorker(worker.configuration, planEvery: worker.planEvery)
    let http = try WebServer(
      web, lifecycle: composition.lifecycle, helpdesks: server.helpdesks(), logger: composition.logger)
    // The pool's upkeep ends with this scope, after the worker.
    async let _ = composition.client.run()
    async let served: Void = http.run()
    if let port = await http.port() {
      global.output.say("server listens on \(web.host):\(port)")
      global.output.say("worker runs; in another terminal: keyturn status. Ctrl-C stops everything.")
      // Both hear the same signals.
      async let stopped: Void = service.run()
      async let _: Void = ServerService.reloadCertificate(of: http)
      for await _ in StopSignals.stream().prefix(1) { http.stop() }
      await stopped
    }
    try await served
  }
}
