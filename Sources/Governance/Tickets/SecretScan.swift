import Foundation

/// Finds what looks like a secret in a text. Says what kind and where, never what.
package enum SecretScan {
  package enum Kind: String, Sendable, CaseIterable {
    case privateKey = "private_key"
    case cloudKey = "cloud_key"
    case token
    case webToken = "web_token"
    case urlWithPassword = "url_with_password"
    case assignment
  }

  package struct Finding: Sendable, Equatable {
    package let kind: Kind
    /// From 1.
    package let line: Int
  }

  /// Longest text that is looked at; a longer one is refused before.
  package static let maximumBytes = 1_048_576

  package static func find(in text: String) -> [Finding] {
    var findings: [Finding] = []
    var number = 0
    // By bytes: a line of a megabyte without a space must not cost more than its length.
    for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false) {
      number += 1
      let line = Substring(line)
      for kind in kinds(in: line) { findings.append(Finding(kind: kind, line: number)) }
      if findings.count >= 20 { break }
    }
    return findings
  }

  private static func kinds(in line: Substring) -> [Kind] {
    var kinds: [Kind] = []
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") { kinds.append(.privateKey) }
    for word in words(in: line) {
      if let kind = kind(ofWord: word), !kinds.contains(kind) { kinds.append(kind) }
    }
    if hasAssignment(line), !kinds.contains(.assignment) { kinds.append(.assignment) }
    return kinds
  }

  /// Runs of characters that keys and addresses are made of.
  private static func words(in line: Substring) -> [Substring] {
    line.split { " \t\"'`<>()[]{},;".contains($0) }
  }

  private static let prefixes: [(String, Int, Kind)] = [
    ("AKIA", 20, .cloudKey), ("ASIA", 20, .cloudKey), ("AIza", 35, .cloudKey), ("ghp_", 36, .token),
    ("gho_", 36, .token), ("ghs_", 36, .token), ("github_pat_", 40, .token), ("glpat-", 20, .token),
    ("xoxb-", 20, .token), ("xoxp-", 20, .token), ("sk_live_", 20, .token), ("npm_", 36, .token), ("hvs.", 24, .token),
    ("SCRAM-SHA-256$", 40, .token),
  ]

  private static func kind(ofWord word: Substring) -> Kind? {
    for (prefix, length, kind) in prefixes {
      guard let range = word.range(of: prefix) else { continue }
      let rest = word[range.lowerBound...]
      if rest.utf8.count >= length { return kind }
    }
    if word.hasPrefix("eyJ"), word.utf8.count >= 40, word.split(separator: ".").count == 3 { return .webToken }
    if let scheme = word.range(of: "://") {
      let rest = word[scheme.upperBound...].prefix { $0 != "/" }
      if let at = rest.lastIndex(of: "@"), let colon = rest[..<at].firstIndex(of: ":"),
        rest.distance(from: colon, to: at) > 1, !isPlaceholder(rest[rest.index(after: colon)..<at])
      {
        return .urlWithPassword
      }
    }
    return nil
  }

  private static let names = [
    "password", "passwd", "passwort", "pwd", "secret", "api_key", "apikey", "api-key", "access_token", "client_secret",
    "private_key",
  ]

  /// `password: hunter2!`, `api_key=…`; a question about a password is none.
  private static func hasAssignment(_ line: Substring) -> Bool {
    let lowered = line.lowercased()
    for name in names {
      var from = lowered.startIndex
      while let range = lowered.range(of: name, range: from..<lowered.endIndex) {
        from = range.upperBound
        let rest = lowered[range.upperBound...].drop { " \t\"'*_`".contains($0) }
        guard let sign = rest.first, sign == ":" || sign == "=" else { continue }
        let value = rest.dropFirst().drop { " \t\"'`:=*".contains($0) }.prefix { !" \t\"'`,;<>".contains($0) }
        if value.count >= 6, !isPlaceholder(value), looksRandom(value) { return true }
      }
    }
    return false
  }

  private static func isPlaceholder(_ value: Substring) -> Bool {
    value.allSatisfy { "*•xX.-_".contains($0) } || value.hasPrefix("$") || value.hasPrefix("{") || value.hasPrefix("%")
      || ["changeme", "redacted", "password", "secret", "example", "hidden"].contains(value.lowercased())
  }

  /// Words of a language have no digits or signs within; what a machine or a policy made has.
  private static func looksRandom(_ value: Substring) -> Bool {
    value.contains { $0.isNumber } || value.contains { "!@#$%^&*+=/\\|~?".contains($0) } || value.count >= 20
  }
}
