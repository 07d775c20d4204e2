package import Logging

/// One JSON object per line: `time`, `level`, `label`, `message`, then metadata under dotted keys, then `error`. Metadata
/// with one of these names is written as `metadata.<name>`.
package struct JSONLogHandler: LogHandler {
  private static let ownKeys: Set = ["time", "level", "label", "message", "error"]

  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let policy: RedactionPolicy
  private let sink: LogSink

  package init(label: String, policy: RedactionPolicy = RedactionPolicy(), sink: LogSink = .standardError) {
    self.label = label
    self.policy = policy
    self.sink = sink
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let flat = FlatMetadata([metadata, metadataProvider?.get(), event.metadata], policy: policy)
    var fields = [
      ("time", Timestamp.now()), ("level", event.level.rawValue), ("label", label),
      ("message", policy.cut(event.message.description)),
    ]
    fields += flat.pairs.map { (Self.ownKeys.contains($0.key) ? "metadata.\($0.key)" : $0.key, $0.value) }
    if let error = event.error { fields.append(("error", policy.cut("\(error)"))) }
    let members = fields.map { "\(JSONText.quoted($0.0)):\(JSONText.quoted($0.1))" }
    sink.write("{\(members.joined(separator: ","))}\n")
  }
}
