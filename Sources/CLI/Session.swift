import Daemon
import Foundation
import Governance
import Jobs
import Lifecycle
import Postgres

/// What one operator command holds while it runs. An embedded cluster that this command had to start is stopped again.
struct Session {
  let composition: Composition
  let output: Output
  private let stopsCluster: Bool

  var client: PostgresClient { composition.client }
  var governance: GovernanceStore { composition.governance }
  var lifecycle: CredentialLifecycle { composition.lifecycle }

  static func open(_ global: GlobalOptions, _ preparation: Composition.Preparation = .requireSchema) async throws
    -> Session
  {
    let composition = try await Composition.open(
      global.daemon, preparation, logger: global.makeLogger("keyturn"))
    return Session(
      composition: composition, output: global.output,
      stopsCluster: composition.database.running?.startedHere ?? false)
  }

  func close() async {
    await composition.close()
    if stopsCluster {
      do {
        try await composition.database.embedded?.stop()
      } catch {
        FileHandle.standardError.write(Data("warning: the embedded cluster was not stopped: \(error)\n".utf8))
      }
    }
  }
}
