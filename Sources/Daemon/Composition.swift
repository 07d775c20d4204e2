import Drivers
import EmbeddedPostgres
package import Governance
package import Jobs
package import Lifecycle
package import Logging
package import Postgres
package import Targets
package import Vault
import Web

/// Everything is constructed here, top to bottom; nothing else knows all the parts.
package struct Composition: Sendable {
  package let database: ControlDatabase
  package let client: PostgresClient
  package let keys: LocalKeyProvider
  package let vault: EnvelopeVault
  package let evidence: EvidenceService.Configuration
  package let governance: GovernanceStore
  package let queue: JobQueue
  let notifier: JobNotifier
  package let incarnation: IncarnationKeeper
  private let webhooks: HTTPWebhookSender
  package let drivers: DriverPool
  package let lifecycle: CredentialLifecycle
  package let logger: Logger

  package enum Preparation: Sendable {
    /// Refuses a schema that does not fit.
    case requireSchema
    /// Brings the schema up to date, and makes a key file when there is none and nothing is sealed yet.
    case prepare
  }

  /// Connects, checks the schema and the keys. The caller ends with `close`.
  /// - Parameter extraFactories: kinds of target that are not part of the product, such as a simulated one.
  package static func open(
    _ configuration: DaemonConfiguration, _ preparation: Preparation,
    extraFactories: [any TargetDriverFactory] = [], logger: Logger
  ) async throws -> Composition {
    let database = try await ControlDatabase.open(configuration, logger: logger)
    if preparation == .prepare { _ = try await database.migrate(logger: logger) }
    let client = PostgresClient(database.configuration, logger: logger)
    do {
      try await ControlDatabase.migrator.requireCompatible(on: client)
      let keys = try await KeyFile(path: configuration.keyFilePath)
        .load(client: client, mayCreate: preparation == .prepare)
      let composition = Composition(
        database: database, client: client, keys: keys, evidence: configuration.evidence,
        incarnationFile: configuration.incarnationFilePath, extraFactories: extraFactories, logger: logger)
      // The first life of a new database begins with who prepares it.
      if preparation == .prepare { await composition.incarnation.refresh() }
      if preparation == .prepare { try await EvidenceService.prepare(configuration.evidence, client: client) }
      return composition
    } catch {
      await client.close()
      throw error
    }
  }

  private init(
    database: ControlDatabase, client: PostgresClient, keys: LocalKeyProvider, evidence: EvidenceService.Configuration,
    incarnationFile: String, extraFactories: [any TargetDriverFactory], logger: Logger
  ) {
    self.database = database
    self.client = client
    self.keys = keys
    self.evidence = evidence
    self.logger = logger
    vault = EnvelopeVault(keys: keys)
    notifier = JobNotifier(client: client, logger: logger)
    queue = JobQueue(notifier: notifier)
    governance = GovernanceStore(observer: HeldJobs(queue: queue))
    drivers = DriverPool(
      registry: DriverRegistry([PostgresTargetFactory(logger: logger)] + extraFactories), vault: vault)
    incarnation = IncarnationKeeper(client: client, path: incarnationFile, logger: logger)
    webhooks = HTTPWebhookSender()
    lifecycle = CredentialLifecycle(
      client: client, governance: governance, queue: queue, vault: vault, drivers: drivers, incarnation: incarnation,
      webhooks: webhooks, logger: logger)
  }

  /// A worker with the handlers and the periodic duties of the whole product.
  /// - Parameter observer: for tests, which end runs at crash points.
  package func makeWorker(
    _ configuration: WorkerConfiguration, planEvery period: Double, observer: CrashPointObserver? = nil
  ) throws -> WorkerService {
    var configuration = configuration
    configuration.longestEffect = CredentialLifecycle.longestEffect
    let writer = StepWriter(client: client, logger: logger)
    let worker = try Worker(
      client: client, configuration: configuration, handlers: lifecycle.handlers(writer: writer, observer: observer),
      writer: writer,
      logger: logger)
    let duties =
      worker.duties + lifecycle.duties(planEvery: period) + [governance.recheckDuty(), governance.owedTicketsDuty()]
    return WorkerService(
      worker: worker, maintenance: Maintenance(client: client, duties: duties, logger: logger),
      incarnation: incarnation,
      evidence: try EvidenceService.make(evidence, client: client, worker: configuration.name, logger: logger))
  }

  /// Ends connections. The embedded cluster stays up; `ControlDatabase.embedded` stops it.
  package func close() async {
    await notifier.flush()
    await drivers.close()
    await webhooks.close()
    await client.close()
  }
}
