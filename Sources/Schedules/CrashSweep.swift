package import Logging
package import Vault

/// A worker that ends at the first crash point of a saga, then one at the second, and so on: each leaves rows and a target from
/// which the next worker comes to the same end.
package struct CrashSweep: Sendable {
  package enum Scenario: String, Sendable, CaseIterable {
    case issue
    case rotate
    case leak
    case narrow
    case revoke
  }

  package enum Interruption: String, Sendable, CaseIterable {
    /// The process ends there.
    case ended
    /// It sleeps there past its lease, while another one works, and goes on.
    case replaced
  }

  package let landscape: Landscape
  package let scenario: Scenario
  package let interruption: Interruption
  private let vault: EnvelopeVault
  private let logger: Logger

  package init(
    _ landscape: Landscape, _ scenario: Scenario, _ interruption: Interruption, vault: EnvelopeVault, logger: Logger
  ) {
    self.landscape = landscape
    self.scenario = scenario
    self.interruption = interruption
    self.vault = vault
    self.logger = logger
  }

  /// - Returns: how many crash points there are, and what the oracle found, with the number of the point.
  package func run() async -> (points: Int, violations: [String]) {
    var violations: [String] = []
    for point in 1...500 {
      let play = SchedulePlay(
        dice: Dice(seed: UInt64(point)), landscape: landscape, vault: vault, sabotage: nil, keepsTrace: false,
        logger: logger)
      let isReached = await play.interrupt(scenario, at: point, interruption)
      violations += play.outcome.violations.map { "at point \(point): \($0)" }
      if !isReached { return (point - 1, violations) }
    }
    return (500, violations + ["it does not end"])
  }
}
