package import Logging

/// Short lines for people: `09:30:00 warning message key=value …`. The label is left out; it is the program.
package struct TerminalLogHandler: LogHandler {
  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let policy: RedactionPolicy
  private let sink: LogSink

  package init(label: String, policy: RedactionPolicy = RedactionPolicy(), sink: LogSink = .standardError) {
    self.policy = policy
    self.sink = sink
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var pairs = FlatMetadata([metadata, metadataProvider?.get(), event.metadata], policy: policy).pairs
    if let error = event.error { pairs.append(("error", policy.cut("\(error)"))) }
    let clock = Timestamp.now().dropFirst(11).prefix(8)
    let words = pairs.map { " \(plain($0.key))=\(shown($0.value))" }.joined()
    sink.write("\(clock) \(event.level.rawValue) \(plain(policy.cut(event.message.description)))\(words)\n")
  }

  /// Quoted when it would not read as one word.
  private func shown(_ value: String) -> String {
    value.isEmpty || value.contains { $0.isWhitespace || $0 == "\"" || $0 == "=" }
      ? JSONText.quoted(value) : plain(value)
  }

  /// Without control characters, which could forge a line or command the terminal.
  private func plain(_ text: String) -> String { String(JSONText.quoted(text).dropFirst().dropLast()) }
}
