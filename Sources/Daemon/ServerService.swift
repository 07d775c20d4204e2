import Foundation
package import Lifecycle
package import Postgres
package import Web

/// The HTTP server with what it needs beside it, ended by SIGTERM or SIGINT. SIGHUP has it read its certificate again.
package struct ServerService: Sendable {
  let server: WebServer
  let incarnation: IncarnationKeeper
  let client: PostgresClient

  package init(server: WebServer, incarnation: IncarnationKeeper, client: PostgresClient) {
    self.server = server
    self.incarnation = incarnation
    self.client = client
  }

  /// Returns when the server has drained. Upkeep of the pool ends with it; closing the client is part of that.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { services in
      services.addTask { await incarnation.run() }
      services.addTask { await client.run() }
      services.addTask {
        for await _ in StopSignals.stream() { server.stop() }
      }
      services.addTask { await Self.reloadCertificate(of: server) }
      do {
        try await server.run()
      } catch {
        services.cancelAll()
        throw error
      }
      services.cancelAll()
    }
  }

  /// At each SIGHUP, until cancelled. Returns at once without a certificate.
  package static func reloadCertificate(of server: WebServer) async {
    guard server.isSecure else { return }
    for await _ in StopSignals.stream(of: [SIGHUP]) { server.reloadCertificate() }
  }
}
