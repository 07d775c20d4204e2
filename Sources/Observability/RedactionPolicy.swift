package import Logging

/// What never reaches a log, whatever the caller passes.
package struct RedactionPolicy: Sendable {
  /// Values longer than this many bytes are cut.
  package static let maximumValueLength = 2048
  private static let secretWords = ["password", "secret", "token", "verifier", "envelope", "private_key"]

  package static let standard = RedactionPolicy()

  package init() {}

  package func isSecret(_ key: String) -> Bool {
    let key = key.lowercased()
    return Self.secretWords.contains { key.contains($0) }
  }

  /// Key and printable value of every leaf; nested dictionaries become dotted keys.
  package func flatten(_ metadata: Logger.Metadata) -> [(key: String, value: String)] {
    metadata.sorted { $0.key < $1.key }.flatMap { flatten($0.key, $0.value) }
  }

  private func flatten(_ key: String, _ value: Logger.MetadataValue) -> [(key: String, value: String)] {
    if isSecret(key) { return [(key, "***")] }
    switch value {
    case .dictionary(let inner):
      return inner.sorted { $0.key < $1.key }.flatMap { flatten("\(key).\($0.key)", $0.value) }
    case .array(let items): return [(key, cut(items.map(\.description).joined(separator: ", ")))]
    case .string(let text): return [(key, cut(text))]
    case .stringConvertible(let value): return [(key, cut(value.description))]
    }
  }

  package func cut(_ text: String) -> String {
    guard text.utf8.count > Self.maximumValueLength else { return text }
    return String(decoding: text.utf8.prefix(Self.maximumValueLength), as: UTF8.self) + "…"
  }
}
