/// What a client wants to see of resources: which, in which order, which page, and what of each. Pure.
package struct SCIMQuery: Sendable {
  package var filter: SCIMFilter?
  package var page = SCIMPage(startIndex: nil, count: nil)
  package var sortBy: SCIMPath?
  package var isDescending = false
  package var projection = SCIMProjection()

  package init() {}

  /// Query parameters of a GET (RFC 7644, section 3.4.2); names without case, unknown ones are left alone.
  package init(parameters: [(String, String)]) throws(SCIMError) {
    var object: [String: SCIMValue] = [:]
    for (name, text) in parameters {
      switch name.lowercased() {
      case "startindex", "count":
        guard let number = Int(text) else {
          throw SCIMError(.invalidValue, "startIndex and count must be whole numbers")
        }
        object[name] = .number(Double(number))
      case "attributes", "excludedattributes":
        object[name] = .array(text.split(separator: ",").map { .string($0.filter { $0 != " " }) })
      default: object[name] = .string(text)
      }
    }
    try self.init(.object(object))
  }

  /// The body of a search (section 3.4.3).
  package init(_ search: SCIMValue) throws(SCIMError) {
    guard case .object = search else { throw SCIMError(.invalidSyntax, "a search is an object") }
    if let text = search["filter"]?.text { filter = try SCIMFilter(text) }
    page = SCIMPage(startIndex: Self.number(search["startIndex"]), count: Self.number(search["count"]))
    if let text = search["sortBy"]?.text { sortBy = try SCIMPath(text[...]) }
    switch search["sortOrder"]?.text?.lowercased() {
    case nil, "ascending": break
    case "descending": isDescending = true
    default: throw SCIMError(.invalidValue, "sortOrder must be ascending or descending")
    }
    projection = try SCIMProjection(
      attributes: Self.paths(search["attributes"]), excluded: Self.paths(search["excludedAttributes"]))
  }

  private static func number(_ value: SCIMValue?) -> Int? {
    guard case .number(let number)? = value, abs(number) < 1e9 else { return nil }
    return Int(number)
  }

  private static func paths(_ value: SCIMValue?) throws(SCIMError) -> [SCIMPath] {
    guard case .array(let values)? = value else { return [] }
    guard values.count <= 100 else { throw SCIMError(.tooMany, "more than 100 attributes are named") }
    var paths: [SCIMPath] = []
    for value in values { if let text = value.text, !text.isEmpty { paths.append(try SCIMPath(text[...])) } }
    return paths
  }

  /// A page of everything, which the database can cut out.
  var isPlain: Bool { filter == nil && sortBy == nil }

  /// The name of the only resource that can match, when the filter says so: it is found by an index.
  var name: String? {
    guard case .compare(let path, .eq, .string(let text))? = filter, path.sub == nil,
      ["username", "displayname"].contains(path.name.lowercased())
    else { return nil }
    return text
  }

  package func apply(to resources: [SCIMValue]) -> SCIMValue {
    var matching = filter.map { filter in resources.filter { filter.matches($0) } } ?? resources
    if let sortBy {
      let keys = matching.map { Self.key(sortBy.value(in: $0)) }
      let order = matching.indices.sorted { left, right in
        // Without a value: last, or first when descending (section 3.4.2.3).
        guard let first = keys[left] else { return isDescending && keys[right] != nil }
        guard let second = keys[right] else { return !isDescending }
        return isDescending ? first > second : first < second
      }
      matching = order.map { matching[$0] }
    }
    let shown = matching.dropFirst(page.start - 1).prefix(page.count).map { projection.apply(to: $0) }
    return page.response(Array(shown), total: matching.count)
  }

  private static func key(_ value: SCIMValue?) -> String? {
    switch value {
    case .string(let text)?: return text.lowercased()
    case .bool(let flag)?: return flag ? "1" : "0"
    case .number(let number)?: return String(Int64(number) + 1_000_000_000_000)
    case .array(let values)?:
      let chosen = values.first { $0["primary"] == .bool(true) } ?? values.first
      return key(chosen?["value"] ?? chosen)
    case .object?: return key(value?["value"])
    case .null?, nil: return nil
    }
  }
}

/// Which attributes of a resource are returned (RFC 7644, section 3.9). Pure.
package struct SCIMProjection: Sendable, Equatable {
  private var attributes: [SCIMPath] = []
  private var excluded: [SCIMPath] = []

  package init() {}

  package init(attributes: [SCIMPath], excluded: [SCIMPath]) throws(SCIMError) {
    guard attributes.isEmpty || excluded.isEmpty else {
      throw SCIMError(.invalidValue, "attributes and excludedAttributes exclude each other; send one of them")
    }
    self.attributes = attributes
    self.excluded = excluded
  }

  private static let always: Set<String> = ["id", "schemas"]

  package func apply(to resource: SCIMValue) -> SCIMValue {
    guard case .object(let object) = resource else { return resource }
    if !attributes.isEmpty {
      var kept = object.filter { Self.always.contains($0.key.lowercased()) }
      for path in attributes { Self.copy(Self.steps(path), from: object, to: &kept) }
      return .object(kept)
    }
    var kept = object
    for path in excluded where !Self.always.contains(path.name.lowercased()) {
      Self.remove(Self.steps(path), from: &kept)
    }
    return .object(kept)
  }

  /// Attributes of an extension lie within its object.
  private static func steps(_ path: SCIMPath) -> [String] {
    let container = path.schema.flatMap { $0.lowercased().contains(":extension:") ? $0 : nil }
    return [container, path.name, path.sub].compactMap { $0 }
  }

  private static func copy(_ steps: [String], from object: [String: SCIMValue], to kept: inout [String: SCIMValue]) {
    guard let step = steps.first, let (key, value) = object.first(where: { $0.key.lowercased() == step.lowercased() })
    else { return }
    guard steps.count > 1 else {
      kept[key] = value
      return
    }
    let rest = Array(steps.dropFirst())
    switch value {
    case .object(let inner):
      var target: [String: SCIMValue] = [:]
      if case .object(let existing)? = kept[key] { target = existing }
      copy(rest, from: inner, to: &target)
      kept[key] = .object(target)
    case .array(let values):
      var targets: [SCIMValue] = []
      if case .array(let existing)? = kept[key] { targets = existing }
      kept[key] = .array(
        values.enumerated().map { index, element in
          guard case .object(let inner) = element else { return element }
          var target: [String: SCIMValue] = [:]
          if index < targets.count, case .object(let existing) = targets[index] { target = existing }
          copy(rest, from: inner, to: &target)
          return .object(target)
        })
    default: return
    }
  }

  private static func remove(_ steps: [String], from object: inout [String: SCIMValue]) {
    guard let step = steps.first, let key = object.keys.first(where: { $0.lowercased() == step.lowercased() }) else {
      return
    }
    guard steps.count > 1 else {
      object[key] = nil
      return
    }
    let rest = Array(steps.dropFirst())
    switch object[key] {
    case .object(var inner)?:
      remove(rest, from: &inner)
      object[key] = .object(inner)
    case .array(let values)?:
      object[key] = .array(
        values.map { element in
          guard case .object(var inner) = element else { return element }
          remove(rest, from: &inner)
          return .object(inner)
        })
    default: return
    }
  }
}
