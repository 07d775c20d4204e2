import Foundation

/// A path to an attribute: an optional schema, a name, an optional sub-attribute.
package struct SCIMPath: Sendable, Equatable {
  package let schema: String?
  package let name: String
  package let sub: String?

  /// `userName`, `name.givenName`, `urn:…:User:manager.value`.
  package init(_ text: Substring) throws(SCIMError) {
    var rest = text
    var schema: String?
    // The whole of an extension.
    if text.lowercased().hasPrefix("urn:"), text.hasSuffix(":User") || text.hasSuffix(":Group") {
      self.schema = nil
      name = String(text)
      sub = nil
      return
    }
    if rest.lowercased().hasPrefix("urn:") {
      guard let colon = rest.lastIndex(of: ":") else {
        throw SCIMError(.invalidPath, "the path is not one of RFC 7644")
      }
      // A dot within the version of a schema (2.0) is no sub-attribute.
      schema = String(rest[..<colon])
      rest = rest[rest.index(after: colon)...]
    }
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ $0.wholeMatch(of: /[A-Za-z$][A-Za-z0-9_$-]*/) != nil })
    else {
      throw SCIMError(.invalidPath, "the path is not one of RFC 7644")
    }
    self.schema = schema
    name = String(parts[0])
    sub = parts.count == 2 ? String(parts[1]) : nil
  }

  /// What it names in a resource.
  package func value(in resource: SCIMValue) -> SCIMValue? {
    let container = schema.flatMap { resource[$0] } ?? (isExtension ? nil : resource)
    guard let found = container?[name] else { return nil }
    guard let sub else { return found }
    if case .array(let values) = found { return .array(values.compactMap { $0[sub] }) }
    return found[sub]
  }

  private var isExtension: Bool { schema?.lowercased().contains(":extension:") ?? false }
}

/// A filter (RFC 7644, section 3.4.2.2), parsed once and asked for each resource. Pure.
package indirect enum SCIMFilter: Sendable, Equatable {
  case compare(SCIMPath, Comparison, SCIMValue)
  case present(SCIMPath)
  case and(SCIMFilter, SCIMFilter)
  case or(SCIMFilter, SCIMFilter)
  case not(SCIMFilter)
  /// `emails[type eq "work"]`: one value for which the inner filter holds.
  case any(SCIMPath, SCIMFilter)

  package enum Comparison: String, Sendable {
    case eq, ne, co, sw, ew, gt, ge, lt, le
  }

  /// At most 4,000 characters and 50 levels: a filter costs no more than it should.
  package init(_ text: String) throws(SCIMError) {
    guard text.utf8.count <= 4000 else { throw SCIMError(.invalidFilter, "the filter is longer than 4000 characters") }
    var parser = SCIMFilterParser(text: text[...])
    self = try parser.whole()
  }

  package func matches(_ resource: SCIMValue) -> Bool {
    switch self {
    case .and(let left, let right): left.matches(resource) && right.matches(resource)
    case .or(let left, let right): left.matches(resource) || right.matches(resource)
    case .not(let inner): !inner.matches(resource)
    case .present(let path): path.value(in: resource).map { !$0.isEmpty } ?? false
    case .any(let path, let inner):
      switch path.value(in: resource) {
      case .array(let values): values.contains { inner.matches($0) }
      case let value?: inner.matches(value)
      case nil: false
      }
    case .compare(let path, let comparison, let wanted):
      Self.compare(path.value(in: resource), comparison, wanted, isExact: path.isCaseExact)
    }
  }

  private static func compare(
    _ found: SCIMValue?, _ comparison: Comparison, _ wanted: SCIMValue, isExact: Bool
  ) -> Bool {
    if case .array(let values) = found {
      // A value of several matches when one of them does (the primary sub-attribute of an object is `value`).
      return values.contains { compare($0["value"] ?? $0, comparison, wanted, isExact: isExact) }
    }
    guard let found, found != .null else {
      return comparison == .ne ? wanted != .null : comparison == .eq && wanted == .null
    }
    switch (found, wanted) {
    case (.string(let left), .string(let right)):
      return compare(isExact ? left : left.lowercased(), comparison, isExact ? right : right.lowercased())
    case (.number(let left), .number(let right)): return order(left, comparison, right)
    case (.bool(let left), .bool(let right)):
      return comparison == .eq ? left == right : comparison == .ne && left != right
    default: return comparison == .ne
    }
  }

  private static func compare(_ left: String, _ comparison: Comparison, _ right: String) -> Bool {
    switch comparison {
    case .co: left.contains(right)
    case .sw: left.hasPrefix(right)
    case .ew: left.hasSuffix(right)
    default: order(left, comparison, right)
    }
  }

  private static func order<T: Comparable>(_ left: T, _ comparison: Comparison, _ right: T) -> Bool {
    switch comparison {
    case .eq: left == right
    case .ne: left != right
    case .gt: left > right
    case .ge: left >= right
    case .lt: left < right
    case .le: left <= right
    case .co, .sw, .ew: false
    }
  }
}

extension SCIMPath {
  /// RFC 7643, section 7: ids and references are case-exact, names of people are not.
  fileprivate var isCaseExact: Bool { ["id", "externalid", "$ref", "version"].contains((sub ?? name).lowercased()) }
}

struct SCIMFilterParser {
  var text: Substring
  private var depth = 0

  init(text: Substring) { self.text = text }

  mutating func whole() throws(SCIMError) -> SCIMFilter {
    let filter = try disjunction()
    skipSpace()
    guard text.isEmpty else { throw Self.invalid }
    return filter
  }

  private static var invalid: SCIMError {
    SCIMError(.invalidFilter, "the filter is not one of RFC 7644, section 3.4.2.2")
  }

  private mutating func disjunction() throws(SCIMError) -> SCIMFilter {
    var left = try conjunction()
    while takeWord("or") { left = .or(left, try conjunction()) }
    return left
  }

  private mutating func conjunction() throws(SCIMError) -> SCIMFilter {
    var left = try term()
    while takeWord("and") { left = .and(left, try term()) }
    return left
  }

  private mutating func term() throws(SCIMError) -> SCIMFilter {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 50 else { throw Self.invalid }
    if takeWord("not") {
      guard take("(") else { throw Self.invalid }
      return .not(try closed(")"))
    }
    if take("(") { return try closed(")") }
    let path = try path()
    if take("[") { return .any(path, try closed("]")) }
    if takeWord("pr") { return .present(path) }
    skipSpace()
    let word = text.prefix { $0.isLetter }
    guard let comparison = SCIMFilter.Comparison(rawValue: word.lowercased()) else { throw Self.invalid }
    text = text.dropFirst(word.count)
    return .compare(path, comparison, try value())
  }

  private mutating func closed(_ end: Character) throws(SCIMError) -> SCIMFilter {
    let inner = try disjunction()
    guard take(end) else { throw Self.invalid }
    return inner
  }

  mutating func path() throws(SCIMError) -> SCIMPath {
    skipSpace()
    let word = text.prefix { $0.isLetter || $0.isNumber || "_-$.:".contains($0) }
    text = text.dropFirst(word.count)
    do {
      return try SCIMPath(word)
    } catch {
      throw Self.invalid
    }
  }

  private mutating func value() throws(SCIMError) -> SCIMValue {
    skipSpace()
    guard text.first == "\"" else {
      let word = text.prefix { !" )]".contains($0) }
      text = text.dropFirst(word.count)
      switch word {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "null": return .null
      default:
        guard let number = Double(word), number.isFinite else { throw Self.invalid }
        return .number(number)
      }
    }
    var end = text.index(after: text.startIndex)
    while end < text.endIndex, text[end] != "\"" {
      end =
        text[end] == "\\"
        ? text.index(end, offsetBy: 2, limitedBy: text.endIndex) ?? text.endIndex : text.index(after: end)
    }
    guard end < text.endIndex else { throw Self.invalid }
    let literal = text[...end]
    text = text[text.index(after: end)...]
    guard let string = try? JSONDecoder().decode(String.self, from: Data(literal.utf8)) else { throw Self.invalid }
    return .string(string)
  }

  private mutating func skipSpace() { text = text.drop { $0 == " " } }

  private mutating func take(_ character: Character) -> Bool {
    skipSpace()
    guard text.first == character else { return false }
    text = text.dropFirst()
    return true
  }

  private mutating func takeWord(_ word: String) -> Bool {
    skipSpace()
    guard text.prefix(word.count).lowercased() == word else { return false }
    let rest = text.dropFirst(word.count)
    guard rest.isEmpty || " ()[".contains(rest.first!) else { return false }
    text = rest
    return true
  }
}
