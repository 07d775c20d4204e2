import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Lifecycle
package import Logging
import NIOCore
package import Secrets
import ServiceLifecycle
import Synchronization

/// The HTTP face: consumers read their secret and acknowledge it; provisioning clients write people; helpdesks send signed
/// events; probes ask for health.
///
/// A class because it is one running thing; its state is behind a lock.
package final class WebServer: Sendable {
  private struct State {
    var group: ServiceGroup?
    var isStopping = false
    var port: Int?
    var running: [CheckedContinuation<Int?, Never>] = []
    var hasEnded = false
  }

  private let configuration: WebConfiguration
  private let lifecycle: CredentialLifecycle
  private let helpdesks: [String: WebhookSignature]
  private let watch: VersionWatch
  /// Nil: without TLS.
  private let certificate: ServerCertificate?
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter helpdesks: by name, the keys of helpdesks that send signed events.
  package init(
    _ configuration: WebConfiguration, lifecycle: CredentialLifecycle, helpdesks: [String: WebhookSignature] = [:],
    logger: Logger
  ) throws(WebError) {
    try configuration.validate()
    if let certificatePath = configuration.certificatePath, let keyPath = configuration.keyPath {
      certificate = try ServerCertificate(certificatePath: certificatePath, keyPath: keyPath, logger: logger)
    } else {
      certificate = nil
    }
    self.helpdesks = helpdesks
    self.configuration = configuration
    self.lifecycle = lifecycle
    watch = VersionWatch(lifecycle: lifecycle, listens: configuration.listens)
    self.logger = logger
  }

  /// The port, once the server listens; nil when it ended before.
  package func port() async -> Int? {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> Int?? in
        if let port = state.port { return port }
        if state.hasEnded { return .some(nil) }
        state.running.append(continuation)
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Long polls that wait now.
  package var waiting: Int { watch.waiting }

  /// Serves until `stop`. Requests under way have the grace time to end.
  package func run() async throws {
    defer { ended() }
    let application = Application(
      responder: routes().buildResponder(), server: try server(),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: "keyturn", backlog: 4096,
        availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
      onServerRunning: { channel in self.listens(on: channel.localAddress?.port ?? 0) }, logger: quiet(logger))
    let group = ServiceGroup(
      configuration: .init(services: [application], gracefulShutdownSignals: [], logger: quiet(logger)))
    let mayRun = state.withLock { state in
      state.group = group
      return !state.isStopping
    }
    guard mayRun else { return }
    do {
      try await withThrowingTaskGroup(of: Bool.self) { tasks in
        tasks.addTask {
          await self.watch.run()
          return false
        }
        tasks.addTask { try await self.enforceGrace() }
        if let certificate = self.certificate {
          tasks.addTask {
            try await certificate.watch()
            return false
          }
        }
        tasks.addTask {
          try await group.run()
          return true
        }
        // Whichever ends the server: its own end, or the end of its grace.
        while let isEnd = try await tasks.next(), !isEnd {}
        tasks.cancelAll()
      }
    } catch is CancellationError {
    } catch let error as IOError {
      throw WebError(
        code: .cannotListen,
        message: "cannot listen on \(configuration.host):\(configuration.port): \(error.description); choose another "
          + "address or port")
    }
  }

  /// Accepts no more, answers those who wait, and lets the rest end. Returns at once.
  package func stop() {
    let group = state.withLock { state in
      state.isStopping = true
      return state.group
    }
    watch.drain()
    // Owned by the group it ends.
    if let group { Task { await group.triggerGracefulShutdown() } }
  }

  /// Reads certificate and key again; connections from then on see them. What cannot be used is said in the log, and the one
  /// before stays. Nil: there is none.
  @discardableResult
  package func reloadCertificate() -> Bool? { certificate?.reload(.told) }

  package var isSecure: Bool { certificate != nil }

  package var isStopping: Bool { state.withLock { $0.isStopping } }

  /// True when the time is over.
  private func enforceGrace() async throws -> Bool {
    while !isStopping { try await Task.sleep(for: .milliseconds(50)) }
    try await Task.sleep(for: .seconds(configuration.grace))
    return true
  }

  private func listens(on port: Int) {
    logger.info("server listens", metadata: ["address": "\(configuration.host):\(port)"])
    let waiting = state.withLock { state in
      state.port = port
      defer { state.running = [] }
      return state.running
    }
    for continuation in waiting { continuation.resume(returning: port) }
  }

  private func ended() {
    let waiting = state.withLock { state in
      state.hasEnded = true
      defer { state.running = [] }
      return state.running
    }
    for continuation in waiting { continuation.resume(returning: nil) }
  }

  private func routes() -> Router<WebContext> {
    let router = Router(context: WebContext.self)
    router.add(middleware: ProblemMiddleware(logger: logger))
    HealthRoutes(lifecycle: lifecycle, isStopping: { self.isStopping }, waiting: { self.waiting }).add(to: router)
    let gate = TokenGate(lifecycle: lifecycle)
    SecretRoutes(
      lifecycle: lifecycle, reader: SecretReader(lifecycle: lifecycle), watch: watch, gate: gate,
      patience: .seconds(configuration.patience)
    ).add(to: router)
    SCIMRoutes(
      store: lifecycle.governance, client: lifecycle.client,
      gate: SCIMGate(store: lifecycle.governance, client: lifecycle.client), patience: .seconds(configuration.patience),
      scheme: configuration.isSecure ? "https" : "http", logger: logger
    ).add(to: router)
    HelpdeskEventRoutes(
      store: lifecycle.governance, client: lifecycle.client, helpdesks: helpdesks,
      patience: .seconds(configuration.patience)
    ).add(to: router)
    return router
  }

  private func server() throws(WebError) -> HTTPServerBuilder {
    let http = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [
          ConnectionLimits(patience: .milliseconds(Int64(self.configuration.patience * 1000)))
        ],
        // Twice, so that what stops in its middle is answered before the connection is cut.
        idleTimeout: .milliseconds(Int64(configuration.patience * 2000)),
        httpDecoderConfiguration: .init(maxHeaderFieldSize: 8192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 100)))
    guard let certificate else { return http }
    do {
      return try .tls(http, tlsConfiguration: certificate.configuration)
    } catch {
      throw WebError(code: .unusableCertificate, message: "the certificate cannot be used: \(error)")
    }
  }

  private func quiet(_ logger: Logger) -> Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .warning)
    return logger
  }
}
