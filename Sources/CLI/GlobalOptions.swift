import ArgumentParser
import Daemon
import Foundation
import Logging
import Observability

/// Options that every command takes.
struct GlobalOptions: ParsableArguments {
  @Option(
    help: "PostgreSQL server for Keyturn's own rows: postgresql://user@host/database. [env: KEYTURN_DATABASE_URL]")
  var databaseURL: String?

  @Option(help: "Folder of the embedded cluster and the key file. [env: KEYTURN_DATA_DIR]")
  var dataDir: String?

  @Option(help: "Key file; default: vault.keys in the data folder. [env: KEYTURN_KEY_FILE]")
  var keyFile: String?

  @Option(
    help: "What this host remembers of the database; default: beside the key file. [env: KEYTURN_INCARNATION_FILE]")
  var incarnationFile: String?

  @Flag(help: "Print JSON instead of tables.")
  var json = false

  @Option(help: "trace, debug, info, notice, warning or error. [env: KEYTURN_LOG_LEVEL]", transform: parseLevel)
  var logLevel: Logger.Level?

  @Option(help: "Log to the standard error output as text or json.")
  var logFormat: LogFormat = .text

  enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
  }

  private func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  var daemon: DaemonConfiguration {
    var configuration = DaemonConfiguration(
      databaseURL: databaseURL ?? environment("KEYTURN_DATABASE_URL"),
      dataDirectory: dataDir ?? environment("KEYTURN_DATA_DIR") ?? DaemonConfiguration.defaultDataDirectory,
      keyFile: keyFile ?? environment("KEYTURN_KEY_FILE"),
      incarnationFile: incarnationFile ?? environment("KEYTURN_INCARNATION_FILE"))
    configuration.evidenceKeyFile = environment("KEYTURN_EVIDENCE_KEY_FILE")
    configuration.evidenceStore = environment("KEYTURN_EVIDENCE_STORE")
    configuration.evidenceOrigin = environment("KEYTURN_EVIDENCE_ORIGIN")
    configuration.evidenceTimestampURL = environment("KEYTURN_EVIDENCE_TIMESTAMP_URL")
    configuration.evidenceWitnesses =
      environment("KEYTURN_EVIDENCE_WITNESSES").map { $0.split(separator: " ").map(String.init) } ?? []
    return configuration
  }

  func makeLogger(_ label: String, default level: Logger.Level = .warning) -> Logger {
    let format = logFormat
    var logger = Logger(label: label) { label in
      switch format {
      case .text: TerminalLogHandler(label: label)
      case .json: JSONLogHandler(label: label)
      }
    }
    logger.logLevel = logLevel ?? environment("KEYTURN_LOG_LEVEL").flatMap(Logger.Level.init(rawValue:)) ?? level
    return logger
  }

  var output: Output { Output(json: json) }
}

private func parseLevel(_ text: String) throws -> Logger.Level {
  guard let level = Logger.Level(rawValue: text) else {
    throw ValidationError("--log-level must be trace, debug, info, notice, warning or error")
  }
  return level
}
