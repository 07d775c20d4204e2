package import Logging

/// A short line per event on the standard error output, for people.
package struct TerminalLogHandler: LogHandler {
  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let redaction: RedactionPolicy
  private let write: @Sendable (String) -> Void

  package init(
    label: String, redaction: RedactionPolicy = .standard, write: @escaping @Sendable (String) -> Void = LogOutput.write
  ) {
    self.redaction = redaction
    self.write = write
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
    let details = redaction.flatten(all).map { "\($0.key)=\($0.value)" }
    let words = ["\(LogOutput.now())", "\(event.level)", redaction.cut(event.message.description)] + details
    // Control characters could rewrite the terminal.
    let line = words.joined(separator: " ").unicodeScalars.map { $0.value < 0x20 ? " " : String($0) }.joined()
    write(line + "\n")
  }
}
