import Foundation

/// Which credentials an operator means: `target=orders-db,identity=svc_*`. Comma separated, all must hold. Pure.
///
/// Keys: `target` and `identity` (a `*` stands for any characters), `environment` (the target's), `owner` (the external id of
/// the person), `policy`. Case counts. A value can hold no comma.
package struct RotationSelector: Sendable, Equatable, CustomStringConvertible {
  package private(set) var target: Glob?
  package private(set) var environment: String?
  package private(set) var owner: String?
  package private(set) var policy: String?
  package private(set) var identity: Glob?

  enum Key: String, CaseIterable {
    case target
    case environment
    case owner
    case policy
    case identity
  }

  /// Characters of the whole selector.
  package static let maximumLength = 500

  /// Throws `invalidField` with what is wrong and what would be right.
  package init(_ text: String) throws(LifecycleError) {
    guard text.utf8.count <= Self.maximumLength * 4, text.unicodeScalars.count <= Self.maximumLength else {
      throw Self.invalid("must have at most \(Self.maximumLength) characters")
    }
    guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw Self.invalid("must not hold control characters")
    }
    guard !text.allSatisfy(\.isWhitespace) else {
      throw Self.invalid("is empty; name what to rotate, for example target=orders-db or identity=svc_*")
    }
    var seen: Set<Key> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let (key, value) = try Self.pair(String(part))
      guard seen.insert(key).inserted else { throw Self.invalid("names \(key.rawValue) twice; give each key once") }
      switch key {
      case .target: target = Glob(value)
      case .environment: environment = value
      case .owner: owner = value
      case .policy: policy = value
      case .identity: identity = Glob(value)
      }
    }
  }

  private static func pair(_ part: String) throws(LifecycleError) -> (Key, String) {
    let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard sides.count == 2 else {
      throw invalid(
        part.allSatisfy(\.isWhitespace)
          ? "has an empty part; take the extra comma away"
          : "has a part without \"=\"; write key=value, comma separated")
    }
    guard let key = Key(rawValue: sides[0]) else {
      let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
      throw invalid("has the unknown key \"\(sides[0].prefix(40))\"; known are \(known)")
    }
    guard !sides[1].isEmpty else { throw invalid("has no value for \(key.rawValue); write \(key.rawValue)=…") }
    let takesGlob = key == .target || key == .identity
    guard takesGlob || !sides[1].contains("*") else {
      throw invalid("has a * in \(key.rawValue); only target and identity take one")
    }
    return (key, sides[1])
  }

  private static func invalid(_ what: String) -> LifecycleError {
    LifecycleError(code: .invalidField, message: "the selector " + what)
  }

  /// In the order of the keys: equal selectors read the same.
  package var description: String {
    let pairs: [(Key, String?)] = [
      (.target, target?.text), (.environment, environment), (.owner, owner), (.policy, policy),
      (.identity, identity?.text),
    ]
    return pairs.compactMap { key, value in value.map { "\(key.rawValue)=\($0)" } }.joined(separator: ",")
  }
}

/// A name in which `*` stands for any characters.
package struct Glob: Sendable, Equatable {
  package let text: String

  package init(_ text: String) { self.text = text }

  /// For `LIKE` with its standard escape character, the backslash.
  var likePattern: String {
    var pattern = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "*": pattern.append("%")
      case "%", "_", "\\": pattern.append(contentsOf: ["\\", scalar])
      default: pattern.append(scalar)
      }
    }
    return String(pattern)
  }
}
