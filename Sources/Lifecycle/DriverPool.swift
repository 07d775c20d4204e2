import Foundation
package import Governance
package import Secrets
import Synchronization
package import Targets
package import Vault

/// One driver per target and admin version, made on first use.
package final class DriverPool: Sendable {
  private struct Key: Hashable {
    let target: TargetID
    let adminVersion: Int32
  }

  private let registry: DriverRegistry
  private let vault: EnvelopeVault
  private let drivers = Mutex<[Key: any TargetDriver]>([:])

  package init(registry: DriverRegistry, vault: EnvelopeVault) {
    self.registry = registry
    self.vault = vault
  }

  /// Asks for the record only when there is no driver yet.
  func driver(
    for target: TargetID, adminVersion: Int32, record: () async throws -> TargetRecord
  ) async throws -> any TargetDriver {
    if let driver = drivers.withLock({ $0[Key(target: target, adminVersion: adminVersion)] }) { return driver }
    return try await driver(for: record())
  }

  package func driver(for target: TargetRecord) async throws -> any TargetDriver {
    let key = Key(target: target.id, adminVersion: target.adminVersion)
    if let driver = drivers.withLock({ $0[key] }) { return driver }
    let secret = try await vault.open(
      Envelope(bytes: target.adminEnvelope), context: .admin(target.adminVersion, of: target.id))
    let made = try makeDriver(kind: target.kind, settings: target.settings, adminSecret: secret)
    let (winner, loser) = drivers.withLock { drivers -> (any TargetDriver, (any TargetDriver)?) in
      if let first = drivers[key] { return (first, made) }
      drivers[key] = made
      return (made, nil)
    }
    await loser?.close()
    return winner
  }

  package func makeDriver(
    kind: String, settings: [String: String], adminSecret: SecretBytes
  ) throws(TargetError) -> any TargetDriver {
    try registry.makeDriver(kind: kind, endpoint: TargetEndpoint(settings: settings, adminSecret: adminSecret))
  }

  package func close() async {
    let all = drivers.withLock { drivers in
      defer { drivers = [:] }
      return Array(drivers.values)
    }
    for driver in all { await driver.close() }
  }
}

extension SealContext {
  package static func admin(_ version: Int32, of target: TargetID) -> SealContext {
    SealContext(record: target.rawValue, version: Int(version), purpose: "target-admin")
  }
}
