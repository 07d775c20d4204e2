import Foundation

/// A JSON value, with the order of objects given up and everything else kept. What SCIM's resources are made of.
package enum SCIMValue: Sendable, Equatable, Codable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([SCIMValue])
  case object([String: SCIMValue])

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // Texts first: most values are, and each wrong guess costs an error.
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode([SCIMValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: SCIMValue].self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value) where value == value.rounded() && abs(value) < 1e15: try container.encode(Int64(value))
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  package init(json: [UInt8]) throws(SCIMError) {
    guard json.count <= 1_048_576 else { throw SCIMError(.tooLarge, "the body is larger than 1 MiB") }
    do {
      self = try JSONDecoder().decode(SCIMValue.self, from: Data(json))
    } catch {
      throw SCIMError(.invalidSyntax, "the body is not JSON")
    }
  }

  /// Keys sorted.
  package func json() throws -> [UInt8] { try SortedJSON.bytes(self) }

  var isEmpty: Bool {
    switch self {
    case .null: true
    case .array(let values): values.isEmpty
    default: false
    }
  }

  package var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  /// Attribute names are compared without case (RFC 7643, section 2.1).
  package subscript(_ name: String) -> SCIMValue? {
    guard case .object(let object) = self else { return nil }
    return object.first { $0.key.caseInsensitiveCompare(name) == .orderedSame }?.value
  }
}

/// An error response (RFC 7644, section 3.12).
package struct SCIMError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    case invalidFilter
    case invalidSyntax
    case invalidPath
    case noTarget
    case invalidValue
    case mutability
    case uniqueness
    case tooMany
    case tooLarge
    case notFound
    /// The entity tag does not match.
    case versionMismatch
    case unauthorized
    case forbidden
    case tooManyRequests
    case methodNotAllowed
    case unsupportedMediaType
    case notImplemented
    case tooSlow
    /// More people would stop being active than the source's breaker lets pass; nothing was changed.
    case massChange
    case unavailable
    case internalError
  }

  package let kind: Kind
  /// Never holds a value of the request.
  package let detail: String

  package init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    self.detail = detail
  }

  package var status: Int {
    switch kind {
    case .unauthorized: 401
    case .forbidden: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .tooSlow: 408
    case .uniqueness: 409
    case .versionMismatch: 412
    case .tooLarge: 413
    case .unsupportedMediaType: 415
    case .tooManyRequests: 429
    case .internalError: 500
    case .notImplemented: 501
    case .massChange, .unavailable: 503
    case .invalidFilter, .invalidSyntax, .invalidPath, .noTarget, .invalidValue, .mutability, .tooMany: 400
    }
  }

  package var description: String { detail }

  package var body: SCIMValue {
    var object: [String: SCIMValue] = [
      "schemas": .array([.string("urn:ietf:params:scim:api:messages:2.0:Error")]), "status": .string("\(status)"),
      "detail": .string(detail),
    ]
    if status == 400 || status == 409 { object["scimType"] = .string(kind.rawValue) }
    return .object(object)
  }
}
