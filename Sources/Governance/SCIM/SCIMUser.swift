package import Foundation

/// A user resource (RFC 7643, sections 4.1 and 4.3) as a person. Pure.
package struct SCIMUser: Sendable, Equatable {
  package static let schema = "urn:ietf:params:scim:schemas:core:2.0:User"
  package static let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

  /// As it is stored and returned, without what the server sets and without any password.
  package let body: SCIMValue
  package let userName: String
  package let isActive: Bool

  package init(_ resource: SCIMValue) throws(SCIMError) {
    guard case .object(var object) = resource else { throw SCIMError(.invalidValue, "a user is an object") }
    guard let userName = resource["userName"]?.text, !userName.isEmpty, userName.unicodeScalars.count <= 200 else {
      throw SCIMError(.invalidValue, "userName must be a text of 1 to 200 characters")
    }
    switch resource["active"] {
    case nil, .null?: isActive = true
    case .bool(let value)?: isActive = value
    // Some clients write it as a text.
    case .string(let text)? where ["true", "false"].contains(text.lowercased()):
      isActive = text.lowercased() == "true"
      object = object.filter { $0.key.lowercased() != "active" }
      object["active"] = .bool(isActive)
    default: throw SCIMError(.invalidValue, "active must be true or false")
    }
    for key in object.keys where ["id", "meta", "password", "groups"].contains(key.lowercased()) { object[key] = nil }
    object["schemas"] = .array(
      [.string(Self.schema)] + (resource[Self.enterprise] == nil ? [] : [.string(Self.enterprise)]))
    self.userName = userName
    body = .object(object)
  }

  /// The resource id of the manager, when the enterprise extension names one.
  package var managerID: UUID? {
    let manager = body[Self.enterprise]?["manager"]
    return (manager?["value"]?.text ?? manager?.text).flatMap(UUID.init(uuidString:))
  }

  /// - Parameter externalID: the person's key, which stays when the user name changes.
  /// - Parameter manager: the manager's key.
  package func attributes(externalID: String, manager: String?) -> PersonAttributes {
    var email: String?
    if case .array(let emails)? = body["emails"] {
      let primary = emails.first { $0["primary"] == .bool(true) } ?? emails.first
      email = primary?["value"]?.text
    }
    let name =
      body["displayName"]?.text ?? body["name"]?["formatted"]?.text
      ?? [body["name"]?["givenName"]?.text, body["name"]?["familyName"]?.text].compactMap { $0 }.joined(separator: " ")
    return PersonAttributes(
      externalID: externalID, displayName: name.isEmpty ? nil : name, email: email,
      state: isActive ? .active : .suspended, manager: manager,
      department: body[Self.enterprise]?["department"]?.text, jobTitle: body["title"]?.text)
  }
}

/// A page of a list (RFC 7644, section 3.4.2.4). Pure.
package struct SCIMPage: Sendable, Equatable {
  /// From 1.
  package let start: Int
  package let count: Int

  package static let maximum = 200

  /// Values below 1 mean the first page, and no negative count.
  package init(startIndex: Int?, count: Int?) {
    start = max(1, startIndex ?? 1)
    self.count = min(max(0, count ?? 100), Self.maximum)
  }

  package func response(_ resources: [SCIMValue], total: Int) -> SCIMValue {
    .object([
      "schemas": .array([.string("urn:ietf:params:scim:api:messages:2.0:ListResponse")]),
      "totalResults": .number(Double(total)), "startIndex": .number(Double(start)),
      "itemsPerPage": .number(Double(resources.count)), "Resources": .array(resources),
    ])
  }
}

/// An entity tag (RFC 9110, section 8.8.3): weak, from the resource's version. Pure.
package enum SCIMTag {
  package static func text(_ version: Int64) -> String { "W/\"\(version)\"" }

  /// Whether a write under `If-Match: header` may go on; without a header it may.
  package static func allows(_ header: String?, version: Int64) -> Bool {
    guard let header else { return true }
    let tags = header.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    return tags.contains("*") || tags.contains(text(version)) || tags.contains("\"\(version)\"")
  }
}
