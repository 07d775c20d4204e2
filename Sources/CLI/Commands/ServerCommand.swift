import ArgumentParser
import Daemon
import Foundation
import Lifecycle
import Web

struct ServerOptions: ParsableArguments {
  @Option(help: "Address and port to listen on; other addresses than this host's need TLS.")
  var listen = "127.0.0.1:8440"

  @Option(help: "PEM file with the certificate chain.") var tlsCertificate: String?
  @Option(help: "PEM file with the certificate's key.") var tlsKey: String?
  @Option(help: "HTTP connections at once, 1 to 1000000.") var httpConnections = 10_000

  func configuration(grace: Double, listens: Bool) throws -> WebConfiguration {
    guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
      throw ValidationError("--listen must be an address and a port, such as 127.0.0.1:8440")
    }
    let host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
    let configuration = WebConfiguration(
      host: String(host), port: port, certificatePath: tlsCertificate, keyPath: tlsKey,
      maximumConnections: httpConnections, grace: grace, listens: listens)
    do { try configuration.validate() } catch { throw ValidationError(error.message) }
    return configuration
  }
}

struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server",
    abstract: "Serve the HTTP API: consumers read their secrets and acknowledge them.",
    discussion: """
      GET  /v1/credentials/NAME/secret                 the current secret; ?after=N&wait=30s waits for the next version
      GET  /v1/credentials/NAME/secret?version=previous  the one before, during the overlap
      POST /v1/credentials/NAME/acknowledgements       {"version": N}
      GET  /health/live, /health/ready
      SIGTERM or SIGINT: accept no more, answer those who wait, end the rest within the grace time.
      """)

  @OptionGroup var server: ServerOptions
  @Option(help: "Seconds that requests have to end when the server is told to stop.") var grace = 10.0
  @Option(help: "Connections to the control database, 2 to 1000.") var connections = 8
  @Flag(inversion: .prefixedNo, help: "Wait for notifications on a connection of its own; not behind a pooler.")
  var notifications = true
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    _ = try server.configuration(grace: grace, listens: notifications)
    guard (2...1000).contains(connections) else { throw ValidationError("--connections must be 2 to 1000") }
  }

  mutating func run() async throws {
    do {
      var daemon = global.daemon
      daemon.maximumConnections = connections
      let logger = global.makeLogger("keyturn.server", default: .info)
      let configuration = try server.configuration(grace: grace, listens: notifications)
      let composition = try await Composition.open(daemon, .requireSchema, logger: logger)
      do {
        try await ServerService(
          server: WebServer(configuration, lifecycle: composition.lifecycle, logger: logger),
          incarnation: composition.incarnation, client: composition.client
        ).run()
      } catch {
        await composition.close()
        throw error
      }
      logger.info("server stopped")
      await composition.close()
    } catch {
      throw Failure.exit(for: error, json: global.json)
    }
  }
}
