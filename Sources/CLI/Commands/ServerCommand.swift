import ArgumentParser
import Daemon
import Foundation
import Lifecycle
import Secrets
import Web

struct ServerOptions: ParsableArguments {
  @Option(help: "Address and port to listen on; other addresses than this host's need TLS.")
  var listen = "127.0.0.1:8440"

  @Option(help: "PEM file with the certificate chain.") var tlsCertificate: String?
  @Option(help: "PEM file with the certificate's key.") var tlsKey: String?
  @Option(help: "HTTP connections at once, 1 to 1000000.") var httpConnections = 10_000
  @Option(
    help: ArgumentHelp(
      "A helpdesk that sends signed events, and the file with its whsec_… key; only its owner may read it. Repeatable.",
      valueName: "name=file"))
  var helpdeskWebhook: [String] = []

  func helpdesks() throws -> [String: WebhookSignature] {
    var keys: [String: WebhookSignature] = [:]
    for pair in helpdeskWebhook {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].count <= 60, keys[String(parts[0])] == nil else {
        throw ValidationError("--helpdesk-webhook must be NAME=FILE, each name once")
      }
      keys[String(parts[0])] = try OwnersFile.signature(String(parts[1]), option: "--helpdesk-webhook")
    }
    return keys
  }

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
      POST /v1/helpdesks/NAME/events                   what was decided on a ticket, signed as Standard Webhooks says
      /scim/v2                                         people, from a directory; see keyturn person scim
      GET  /health/live, /health/ready
      SIGHUP: read certificate and key again; files that changed are also noticed within seconds. What cannot be used is said in
      the log, and the certificate before stays.
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
    _ = try server.helpdesks()
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
          server: WebServer(
            configuration, lifecycle: composition.lifecycle, helpdesks: server.helpdesks(), logger: logger),
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

/// Files with a secret that is given to a command.
enum OwnersFile {
  static func text(_ path: String, option: String) throws -> String {
    var mode = stat()
    guard stat(path, &mode) == 0, mode.st_mode & 0o077 == 0 else {
      throw ValidationError("\(option) must be a file that nobody but its owner may read (chmod 600)")
    }
    return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  static func signature(_ path: String, option: String) throws -> WebhookSignature {
    guard let signature = WebhookSignature(secret: try text(path, option: option)) else {
      throw ValidationError("\(option): the file must hold whsec_ and the base64 of at least 24 bytes")
    }
    return signature
  }
}
