package import Jobs
package import Logging
package import Secrets
package import Targets
package import Vault

/// The real runner on sagas in memory and one driver, for schedules.
package struct SagaHarness: Sendable {
  package let store: MemorySagaStore
  private let runner: RotationRunner
  private let candidates: CandidateFactory

  package init(
    store: MemorySagaStore, vault: EnvelopeVault, driver: any TargetDriver, logger: Logger,
    observer: @escaping CrashPointObserver
  ) {
    self.store = store
    candidates = CandidateFactory(vault: vault)
    runner = RotationRunner(
      store: store, effects: EffectExecutor(store: store, logger: logger), candidates: candidates,
      driver: { _ in driver }, logger: logger, observer: observer)
  }

  /// As a worker would carry the saga with that lease; `.abandon` when it was interrupted or had lost the lease.
  package func run(_ lease: Lease, term: LeaseTerm) async -> JobOutcome {
    await runner.resume(lease, term: term)
  }

  /// Out of its envelope.
  package func secret(of version: CredentialVersion) async throws -> SecretBytes {
    try await candidates.open(version, of: store.credential)
  }
}
