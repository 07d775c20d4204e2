import Drivers
import Foundation
import Governance
import Jobs
import Lifecycle
package import Logging
import Secrets
import Targets
package import Vault

/// One credential's life on one simulated target under a seed: the real state machine and runner, target and database that fail
/// as the seed says, workers that end at crash points, and workers that go on after they were replaced. Afterwards all faults
/// cease, what is open is carried to its end, and the oracle looks.
///
/// It runs in one task, so that a seed always gives the same schedule.
package struct Schedule: Sendable {
  package let seed: UInt64
  private let vault: EnvelopeVault
  private let logger: Logger
  private let landscape: Landscape?
  private let sabotage: Sabotage?

  package struct Outcome: Sendable {
    package let landscape: String
    /// Empty is what it should be.
    package let violations: [String]
    /// What happened, when it was asked for.
    package let trace: [String]
    package let runs: Int
    package let crashes: Int
    package let replacements: Int
    package let faults: Int
    /// Sagas by the state in which they ended.
    package let endings: [String: Int]
  }

  /// - Parameter landscape: nil: the seed draws one.
  package init(
    seed: UInt64, vault: EnvelopeVault, landscape: Landscape? = nil, sabotage: Sabotage? = nil, logger: Logger
  ) {
    self.seed = seed
    self.vault = vault
    self.landscape = landscape
    self.sabotage = sabotage
    self.logger = logger
  }

  package func run(keepsTrace: Bool = false) async -> Outcome {
    let dice = Dice(seed: seed)
    let drawn = dice.pick(Landscape.all)
    let play = SchedulePlay(
      dice: dice, landscape: landscape ?? drawn, vault: vault, sabotage: sabotage, keepsTrace: keepsTrace,
      logger: logger)
    await play.perform()
    return play.outcome
  }
}
