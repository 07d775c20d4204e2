import Logging

/// Metadata as pairs of dotted keys and text, sorted by key, after redaction.
struct FlatMetadata {
  private(set) var pairs: [(key: String, value: String)] = []
  private let policy: RedactionPolicy

  /// Of equal keys the later source wins: the handler's, the provider's, the line's.
  init(_ sources: [Logger.Metadata?], policy: RedactionPolicy) {
    self.policy = policy
    var merged: Logger.Metadata = [:]
    for case let source? in sources { merged.merge(source) { _, later in later } }
    for (key, value) in merged { append(value, key) }
    pairs.sort { $0.key < $1.key }
  }

  private mutating func append(_ value: Logger.MetadataValue, _ key: String) {
    switch value {
    case .string(let text): pairs.append((key, policy.value(text, of: key)))
    case .stringConvertible(let convertible): pairs.append((key, policy.value("\(convertible)", of: key)))
    case .dictionary(let dictionary): for (name, value) in dictionary { append(value, "\(key).\(name)") }
    case .array(let values): for (index, value) in values.enumerated() { append(value, "\(key).\(index)") }
    }
  }
}
