import Foundation
package import Logging

/// One JSON object per line on the standard error output, for machines.
package struct JSONLogHandler: LogHandler {
  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let redaction: RedactionPolicy
  private let write: @Sendable (String) -> Void

  package init(
    label: String, redaction: RedactionPolicy = .standard, write: @escaping @Sendable (String) -> Void = LogOutput.write
  ) {
    self.label = label
    self.redaction = redaction
    self.write = write
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "{\"time\":\(JSONText.quoted(LogOutput.now()))"
    line += ",\"level\":\"\(event.level.rawValue)\",\"label\":\(JSONText.quoted(label))"
    line += ",\"message\":\(JSONText.quoted(redaction.cut(event.message.description)))"
    let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
    for (key, value) in redaction.flatten(all) { line += ",\(JSONText.quoted(key)):\(JSONText.quoted(value))" }
    write(line + "}\n")
  }
}

/// A JSON string, RFC 8259 §7.
enum JSONText {
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

package enum LogOutput {
  /// A line goes out in one write, so that processes that share the output do not mix lines.
  package static let write: @Sendable (String) -> Void = { line in
    FileHandle.standardError.write(Data(line.utf8))
  }

  /// RFC 3339, UTC, milliseconds.
  static func now() -> String {
    Date().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
  }
}
