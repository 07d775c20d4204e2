import Governance

/// What the server can do and what its resources are made of (RFC 7643, sections 5 to 8). Pure.
struct SCIMDiscovery: Sendable {
  let base: String

  private static let messages = "urn:ietf:params:scim:schemas:core:2.0:"

  /// By the path below the endpoint's root; nil: there is no such document.
  func answer(_ parts: [String]) -> SCIMValue? {
    switch (parts.first, parts.count) {
    case ("ServiceProviderConfig", 1): return configuration
    case ("ResourceTypes", 1): return Self.list(types)
    case ("ResourceTypes", 2): return types.first { $0["id"] == .string(parts[1]) }
    case ("Schemas", 1): return Self.list(schemas)
    case ("Schemas", 2): return schemas.first { $0["id"] == .string(parts[1]) }
    default: return nil
    }
  }

  private static func list(_ values: [SCIMValue]) -> SCIMValue {
    SCIMPage(startIndex: 1, count: SCIMPage.maximum).response(values, total: values.count)
  }

  private func meta(_ type: String, _ path: String) -> SCIMValue {
    .object(["resourceType": .string(type), "location": .string("\(base)/scim/v2/\(path)")])
  }

  private static func flag(_ isSupported: Bool) -> SCIMValue { .object(["supported": .bool(isSupported)]) }

  private var configuration: SCIMValue {
    .object([
      "schemas": .array([.string(Self.messages + "ServiceProviderConfig")]), "patch": Self.flag(true),
      "bulk": .object(["supported": .bool(false), "maxOperations": .number(0), "maxPayloadSize": .number(0)]),
      "filter": .object(["supported": .bool(true), "maxResults": .number(Double(SCIMPage.maximum))]),
      "changePassword": Self.flag(false), "sort": Self.flag(true), "etag": Self.flag(true),
      "authenticationSchemes": .array([
        .object([
          "type": .string("oauthbearertoken"), "name": .string("Bearer token"), "primary": .bool(true),
          "description": .string("The token of a provisioning client, in the Authorization header"),
        ])
      ]), "meta": meta("ServiceProviderConfig", "ServiceProviderConfig"),
    ])
  }

  private var types: [SCIMValue] {
    func type(_ name: String, _ schema: String, _ extensions: [String]) -> SCIMValue {
      .object([
        "schemas": .array([.string(Self.messages + "ResourceType")]), "id": .string(name), "name": .string(name),
        "endpoint": .string("/\(name)s"), "schema": .string(schema),
        "schemaExtensions": .array(
          extensions.map { .object(["schema": .string($0), "required": .bool(false)]) }),
        "meta": meta("ResourceType", "ResourceTypes/\(name)"),
      ])
    }
    return [
      type("User", SCIMUser.schema, [SCIMUser.enterprise]), type("Group", Self.messages + "Group", []),
    ]
  }

  // MARK: Schemas

  private var schemas: [SCIMValue] {
    func schema(_ id: String, _ name: String, _ description: String, _ attributes: [SCIMAttribute]) -> SCIMValue {
      .object([
        "schemas": .array([.string(Self.messages + "Schema")]), "id": .string(id), "name": .string(name),
        "description": .string(description), "attributes": .array(attributes.map(\.value)),
        "meta": meta("Schema", "Schemas/\(id)"),
      ])
    }
    return [
      schema(SCIMUser.schema, "User", "A person", Self.user),
      schema(SCIMUser.enterprise, "EnterpriseUser", "What an employer says of a person", Self.enterprise),
      schema(Self.messages + "Group", "Group", "People who hold the role of the group's name", Self.group),
    ]
  }

  private static let user: [SCIMAttribute] = [
    SCIMAttribute("userName", "The person's key when first sent", isRequired: true, uniqueness: "server"),
    SCIMAttribute(
      "name", "The parts of the name", type: "complex",
      parts: ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"].map {
        SCIMAttribute($0, "A part of the name")
      }),
    SCIMAttribute("displayName", "The name as shown"), SCIMAttribute("nickName", "Kept, not used"),
    SCIMAttribute("profileUrl", "Kept, not used", type: "reference", references: ["external"], isExact: true),
    SCIMAttribute("title", "The job title; a change asks for approvals anew"),
    SCIMAttribute("userType", "Kept, not used"), SCIMAttribute("preferredLanguage", "Kept, not used"),
    SCIMAttribute("locale", "Kept, not used"), SCIMAttribute("timezone", "Kept, not used"),
    SCIMAttribute("active", "False: the person is suspended, and what rests on them pauses", type: "boolean"),
    SCIMAttribute(
      "emails", "The primary one is unique among people who have not left", type: "complex", isMany: true,
      parts: many(["work", "home", "other"])),
    SCIMAttribute(
      "phoneNumbers", "Kept, not used", type: "complex", isMany: true, parts: many(["work", "mobile", "other"])),
  ]

  private static func many(_ types: [String]) -> [SCIMAttribute] {
    [
      SCIMAttribute("value", "The value"), SCIMAttribute("display", "The value as shown"),
      SCIMAttribute("type", "What it is for", canonical: types),
      SCIMAttribute("primary", "True for one of them", type: "boolean"),
    ]
  }

  private static let enterprise: [SCIMAttribute] =
    ["employeeNumber", "costCenter", "organization", "division"].map { SCIMAttribute($0, "Kept, not used") } + [
      SCIMAttribute("department", "A change asks for approvals anew"),
      SCIMAttribute(
        "manager", "The person's superior; a change asks for approvals anew", type: "complex",
        parts: [
          SCIMAttribute("value", "The id of the superior's resource", isExact: true),
          SCIMAttribute("$ref", "Its location", type: "reference", references: ["User"], isExact: true),
          SCIMAttribute("displayName", "Not kept up to date", mutability: "readOnly"),
        ]),
    ]

  private static let group: [SCIMAttribute] = [
    SCIMAttribute(
      "displayName", "Its role: in lower case, with - for spaces; other names than a-z, 0-9, - and _ grant nothing",
      isRequired: true, uniqueness: "server"),
    SCIMAttribute(
      "members", "Who holds the role", type: "complex", isMany: true,
      parts: [
        SCIMAttribute("value", "The id of a user", mutability: "immutable", isExact: true),
        SCIMAttribute(
          "$ref", "The user's location", type: "reference", references: ["User"], mutability: "immutable",
          isExact: true),
        SCIMAttribute("type", "Always User", mutability: "immutable", canonical: ["User"]),
      ]),
  ]
}

/// One attribute of a schema (RFC 7643, section 7).
private struct SCIMAttribute: Sendable {
  let value: SCIMValue

  init(
    _ name: String, _ description: String, type: String = "string", references: [String] = [], isMany: Bool = false,
    isRequired: Bool = false, mutability: String = "readWrite", uniqueness: String = "none", isExact: Bool = false,
    canonical: [String] = [], parts: [SCIMAttribute] = []
  ) {
    var object: [String: SCIMValue] = [
      "name": .string(name), "description": .string(description), "type": .string(type), "multiValued": .bool(isMany),
      "required": .bool(isRequired), "caseExact": .bool(isExact), "mutability": .string(mutability),
      "returned": .string("default"), "uniqueness": .string(uniqueness),
    ]
    if !references.isEmpty { object["referenceTypes"] = .array(references.map { .string($0) }) }
    if !canonical.isEmpty { object["canonicalValues"] = .array(canonical.map { .string($0) }) }
    if !parts.isEmpty { object["subAttributes"] = .array(parts.map(\.value)) }
    value = .object(object)
  }
}
