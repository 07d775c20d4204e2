import Foundation

/// A PATCH body (RFC 7644, section 3.5.2): all of its operations or none. Pure.
package struct SCIMPatch: Sendable {
  private enum Verb: String {
    case add
    case remove
    case replace
  }

  private struct Operation {
    let verb: Verb
    let path: Path?
    let value: SCIMValue?
  }

  /// `attribute[filter].sub`.
  private struct Path {
    let attribute: SCIMPath
    let filter: SCIMFilter?
    let sub: String?
  }

  private let operations: [Operation]

  package init(_ body: SCIMValue) throws(SCIMError) {
    guard case .array(let entries)? = body["Operations"], !entries.isEmpty, entries.count <= 1000 else {
      throw SCIMError(.invalidSyntax, "Operations must be a list of 1 to 1000 entries")
    }
    var operations: [Operation] = []
    for entry in entries {
      guard let verb = entry["op"]?.text.flatMap({ Verb(rawValue: $0.lowercased()) }) else {
        throw SCIMError(.invalidSyntax, "op must be add, remove or replace")
      }
      let path = try entry["path"]?.text.map { (text) throws(SCIMError) in try Self.path(text) }
      if verb == .remove && path == nil { throw SCIMError(.noTarget, "remove needs a path") }
      if verb != .remove && entry["value"] == nil { throw SCIMError(.invalidValue, "\(verb.rawValue) needs a value") }
      operations.append(Operation(verb: verb, path: path, value: entry["value"]))
    }
    self.operations = operations
  }

  private static func path(_ text: String) throws(SCIMError) -> Path {
    guard text.utf8.count <= 4000 else { throw SCIMError(.invalidPath, "the path is longer than 4000 characters") }
    guard let open = text.firstIndex(of: "[") else {
      return Path(attribute: try SCIMPath(text[...]), filter: nil, sub: nil)
    }
    guard let close = text.lastIndex(of: "]"), open < close else {
      throw SCIMError(.invalidPath, "the path's bracket does not close")
    }
    let rest = text[text.index(after: close)...]
    guard rest.isEmpty || rest.hasPrefix(".") else { throw SCIMError(.invalidPath, "the path is not one of RFC 7644") }
    return Path(
      attribute: try SCIMPath(text[..<open]),
      filter: try SCIMFilter(String(text[text.index(after: open)..<close])),
      sub: rest.isEmpty ? nil : String(rest.dropFirst()))
  }

  /// The resource after all operations. Attributes that only the server sets are refused with `mutability`.
  package func applied(to resource: SCIMValue) throws(SCIMError) -> SCIMValue {
    guard case .object(var object) = resource else { throw SCIMError(.invalidValue, "the resource is not an object") }
    for operation in operations {
      if let path = operation.path {
        try Self.apply(operation.verb, path, operation.value, to: &object)
      } else if case .object(let values)? = operation.value {
        for (name, value) in values {
          // Some clients write whole paths as keys of a value without a path.
          let path = try Self.path(name)
          if name.lowercased().hasPrefix("urn:"), case .object = value, path.attribute.sub == nil {
            Self.merge(value, into: &object, at: name)
          } else {
            try Self.apply(operation.verb, path, value, to: &object)
          }
        }
      } else {
        throw SCIMError(.invalidValue, "an operation without a path needs an object as value")
      }
    }
    return .object(object)
  }

  private static let fixed: Set<String> = ["id", "meta", "schemas"]

  private static func apply(
    _ verb: Verb, _ path: Path, _ value: SCIMValue?, to object: inout [String: SCIMValue]
  ) throws(SCIMError) {
    if path.attribute.schema == nil, fixed.contains(path.attribute.name.lowercased()) {
      throw SCIMError(.mutability, "id, meta and schemas are set by the server")
    }
    if let schema = path.attribute.schema, schema.lowercased().contains(":extension:") {
      let key = self.key(schema, in: object)
      guard case .object(var inner) = object[key] ?? .object([:]) else {
        throw SCIMError(.invalidPath, "the extension is not an object")
      }
      try applyInside(verb, path, value, to: &inner)
      object[key] = inner.isEmpty ? nil : .object(inner)
    } else {
      try applyInside(verb, path, value, to: &object)
    }
  }

  private static func applyInside(
    _ verb: Verb, _ path: Path, _ value: SCIMValue?, to object: inout [String: SCIMValue]
  ) throws(SCIMError) {
    let key = key(path.attribute.name, in: object)
    if let filter = path.filter {
      try applyFiltered(verb, filter, path.sub, value, to: &object, at: key)
    } else if let sub = path.attribute.sub {
      guard case .object(var inner) = object[key] ?? .object([:]) else {
        throw SCIMError(.invalidPath, "the attribute has no sub-attributes")
      }
      inner[self.key(sub, in: inner)] = verb == .remove ? nil : value
      object[key] = inner.isEmpty ? nil : .object(inner)
    } else if verb == .remove, case .array(let gone)? = value, case .array(let existing)? = object[key] {
      // Some clients name the values to remove beside the path, and do not mean the others.
      let left = existing.filter { element in !gone.contains { Self.isSame($0, element) } }
      object[key] = left.isEmpty ? nil : .array(left)
    } else if verb == .remove {
      object[key] = nil
    } else if verb == .add, case .array(let existing)? = object[key] {
      var added: [SCIMValue] = []
      if case .array(let values)? = value { added = values } else if let value { added = [value] }
      object[key] = .array(existing + added.filter { !existing.contains($0) })
    } else if verb == .add, case .object? = value, case .object? = object[key] {
      merge(value!, into: &object, at: key)
    } else {
      object[key] = value
    }
  }

  private static func isSame(_ wanted: SCIMValue, _ element: SCIMValue) -> Bool {
    if let value = wanted["value"] { return element["value"] == value }
    return wanted == element
  }

  private static func applyFiltered(
    _ verb: Verb, _ filter: SCIMFilter, _ sub: String?, _ value: SCIMValue?, to object: inout [String: SCIMValue],
    at key: String
  ) throws(SCIMError) {
    guard case .array(let values)? = object[key] else {
      if verb == .remove { return }
      throw SCIMError(.noTarget, "no value matches the path's filter")
    }
    var isFound = false
    var result: [SCIMValue] = []
    for element in values {
      guard filter.matches(element) else {
        result.append(element)
        continue
      }
      isFound = true
      if verb == .remove && sub == nil { continue }
      guard case .object(var inner) = element else {
        throw SCIMError(.invalidPath, "the values have no sub-attributes")
      }
      if let sub {
        inner[self.key(sub, in: inner)] = verb == .remove ? nil : value
      } else if case .object(let new)? = value {
        inner = verb == .replace ? new : inner.merging(new) { $1 }
      }
      result.append(.object(inner))
    }
    guard isFound || verb == .remove else { throw SCIMError(.noTarget, "no value matches the path's filter") }
    object[key] = result.isEmpty ? nil : .array(result)
  }

  private static func merge(_ value: SCIMValue, into object: inout [String: SCIMValue], at name: String) {
    guard case .object(let new) = value else { return }
    let key = key(name, in: object)
    var old: [String: SCIMValue] = [:]
    if case .object(let existing)? = object[key] { old = existing }
    for (name, value) in new { old[self.key(name, in: old)] = value }
    object[key] = .object(old)
  }

  /// The key as it stands in the object, whatever its case.
  private static func key(_ name: String, in object: [String: SCIMValue]) -> String {
    object.keys.first { $0.caseInsensitiveCompare(name) == .orderedSame } ?? name
  }
}
