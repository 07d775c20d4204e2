/// What of a log line's metadata is written. The last net, not the first: secrets do not belong in metadata at all.
package struct RedactionPolicy: Sendable {
  package static let mask = "***"

  /// Metadata whose key has one of these words as a part is masked, whatever its case.
  package var words: [String]
  /// UTF-8 bytes of a value; longer ones are cut. Default 2048.
  package var maximumValueLength: Int

  package init(
    words: [String] = ["password", "passwd", "secret", "token", "verifier", "envelope", "authorization", "cookie"],
    maximumValueLength: Int = 2048
  ) {
    self.words = words.map { $0.lowercased() }
    self.maximumValueLength = maximumValueLength
  }

  /// - Parameter key: the whole dotted key, so that everything below `secret` is masked as well.
  func value(_ value: String, of key: String) -> String {
    let key = key.lowercased()
    return words.contains { key.contains($0) } ? Self.mask : cut(value)
  }

  /// Cut between characters, with the number of bytes left out.
  func cut(_ text: String) -> String {
    guard text.utf8.count > maximumValueLength else { return text }
    var kept = ""
    var count = 0
    for scalar in text.unicodeScalars {
      let length = UTF8.width(scalar)
      guard count + length <= maximumValueLength else { break }
      kept.unicodeScalars.append(scalar)
      count += length
    }
    return "\(kept)… (\(text.utf8.count - count) bytes left out)"
  }
}
