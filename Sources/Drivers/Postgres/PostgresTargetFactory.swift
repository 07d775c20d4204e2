package import Logging
package import Targets

/// Makes drivers for targets of kind `postgresql`.
package struct PostgresTargetFactory: TargetDriverFactory {
  package static let kind = "postgresql"

  private let logger: Logger

  package init(logger: Logger) {
    self.logger = logger
  }

  /// Connects to nothing. Throws `.invalidSetting` naming the setting and the remedy.
  package func makeDriver(for endpoint: TargetEndpoint) throws(TargetError) -> any TargetDriver {
    PostgresTargetDriver(settings: try PostgresTargetSettings(endpoint), logger: logger)
  }
}
