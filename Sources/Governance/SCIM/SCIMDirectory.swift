package import Foundation
package import Postgres

/// SCIM 2.0 without its transport: what a client wants goes in, resources come out, people change in the same transaction.
/// `active: false` suspends; deleting terminates, and the person stays as a tombstone.
package struct SCIMDirectory: Sendable {
  let store: GovernanceStore
  /// Whose people these are.
  let source: String

  package init(store: GovernanceStore, source: String) {
    self.store = store
    self.source = source
  }

  package enum Kind: String, Sendable {
    case user = "User"
    case group = "Group"
  }

  package struct Resource: Sendable, Equatable {
    package let id: UUID
    package let kind: Kind
    package let version: Int64
    /// With id and meta, as it goes to the client.
    package let body: SCIMValue

    package var tag: String { SCIMTag.text(version) }
  }

  // MARK: Reading

  package func get(_ kind: Kind, _ id: UUID, in runner: some StatementRunner) async throws -> Resource {
    guard let row = try await runner.queryFirst(FindSCIMResource(kind: kind.rawValue, id: id, source: source)) else {
      throw SCIMError(.notFound, "there is no such resource")
    }
    return try row.resource
  }

  /// Filters and pages over all resources of the kind, in the order of their creation.
  package func list(
    _ kind: Kind, filter: String?, page: SCIMPage, in runner: some StatementRunner
  ) async throws -> SCIMValue {
    let filter = try filter.map { (text) throws(SCIMError) in try SCIMFilter(text) }
    var matching: [SCIMValue] = []
    for row in try await runner.query(ListSCIMResources(kind: kind.rawValue, source: source)) {
      let body = try row.resource.body
      if filter?.matches(body) ?? true { matching.append(body) }
    }
    let shown = matching.dropFirst(page.start - 1).prefix(page.count)
    return page.response(Array(shown), total: matching.count)
  }

  // MARK: Writing

  package func create(_ kind: Kind, _ body: SCIMValue, in transaction: Transaction) async throws -> Resource {
    let id = UUID.ordered()
    switch kind {
    case .user:
      let user = try SCIMUser(body)
      try await refuseTaken(user.userName, kind, except: nil, in: transaction)
      try await put(user, externalID: user.userName, in: transaction)
      let person = try await store.person(user.userName, in: transaction)
      try await insert(id, kind, name: user.userName, person: person.id, body: user.body, in: transaction)
    case .group:
      let group = try SCIMGroup(body)
      try await refuseTaken(group.role, kind, except: nil, in: transaction)
      try await insert(id, kind, name: group.role, person: nil, body: group.body, in: transaction)
      try await setMembers(of: group, from: [], in: transaction)
    }
    return try await get(kind, id, in: transaction)
  }

  package func replace(
    _ kind: Kind, _ id: UUID, _ body: SCIMValue, ifMatch header: String? = nil, in transaction: Transaction
  ) async throws -> Resource {
    guard let row = try await transaction.queryFirst(LockSCIMResource(kind: kind.rawValue, id: id, source: source))
    else {
      throw SCIMError(.notFound, "there is no such resource")
    }
    guard SCIMTag.allows(header, version: row.version) else {
      throw SCIMError(.versionMismatch, "the resource has changed since it was read; read it again")
    }
    switch kind {
    case .user:
      let user = try SCIMUser(body)
      try await refuseTaken(user.userName, kind, except: id, in: transaction)
      guard let person = row.person else { throw SCIMError(.notFound, "there is no such user") }
      try await put(
        user, externalID: try await store.person(PersonID(person), in: transaction).externalID, in: transaction)
      try await transaction.execute(
        UpdateSCIMResource(id: id, name: user.userName, body: try user.body.jsonText()))
    case .group:
      let group = try SCIMGroup(body)
      try await refuseTaken(group.role, kind, except: id, in: transaction)
      let old = try SCIMGroup(row.stored)
      guard old.role == group.role else { throw SCIMError(.mutability, "the displayName is the role's name and stays") }
      try await transaction.execute(UpdateSCIMResource(id: id, name: group.role, body: try group.body.jsonText()))
      try await setMembers(of: group, from: old.members, in: transaction)
    }
    return try await get(kind, id, in: transaction)
  }

  package func patch(
    _ kind: Kind, _ id: UUID, _ body: SCIMValue, ifMatch header: String? = nil, in transaction: Transaction
  ) async throws -> Resource {
    let patch = try SCIMPatch(body)
    let current = try await get(kind, id, in: transaction)
    return try await replace(kind, id, try patch.applied(to: current.body), ifMatch: header, in: transaction)
  }

  package func delete(
    _ kind: Kind, _ id: UUID, ifMatch header: String? = nil, in transaction: Transaction
  ) async throws {
    guard let row = try await transaction.queryFirst(LockSCIMResource(kind: kind.rawValue, id: id, source: source))
    else {
      throw SCIMError(.notFound, "there is no such resource")
    }
    guard SCIMTag.allows(header, version: row.version) else {
      throw SCIMError(.versionMismatch, "the resource has changed since it was read; read it again")
    }
    try await transaction.execute(DeleteSCIMResource(id: id))
    if let person = row.person {
      let externalID = try await store.person(PersonID(person), in: transaction).externalID
      try await store.setState(.terminated, of: externalID, in: transaction)
    } else {
      let old = try SCIMGroup(row.stored)
      try await setMembers(of: SCIMGroup(role: old.role, members: []), from: old.members, in: transaction)
    }
  }

  // MARK: Effects

  private func put(_ user: SCIMUser, externalID: String, in transaction: Transaction) async throws {
    var manager: String?
    if let id = user.managerID,
      let row = try await transaction.queryFirst(FindSCIMResource(kind: Kind.user.rawValue, id: id, source: source)),
      let person = row.person
    {
      manager = try await store.person(PersonID(person), in: transaction).externalID
    }
    do {
      try await store.put(user.attributes(externalID: externalID, manager: manager), source: source, in: transaction)
    } catch let error as GovernanceError {
      let isTaken = error.code == .alreadyExists || error.reasons == [.feedDuplicateEmail]
      throw SCIMError(isTaken ? .uniqueness : .invalidValue, error.message)
    }
  }

  private func refuseTaken(_ name: String, _ kind: Kind, except id: UUID?, in transaction: Transaction) async throws {
    let holder = try await transaction.queryFirst(FindSCIMName(kind: kind.rawValue, name: name))
    guard holder == nil || holder == id else { throw SCIMError(.uniqueness, "the name is taken") }
  }

  private func insert(
    _ id: UUID, _ kind: Kind, name: String, person: PersonID?, body: SCIMValue, in transaction: Transaction
  ) async throws {
    try await transaction.execute(
      InsertSCIMResource(
        id: id, source: source, kind: kind.rawValue, name: name, person: person, body: try body.jsonText()))
  }

  /// Members of a group hold the role of its name.
  private func setMembers(of group: SCIMGroup, from old: [UUID], in transaction: Transaction) async throws {
    for id in group.members where !old.contains(id) {
      guard let name = try await key(of: id, in: transaction) else {
        throw SCIMError(.invalidValue, "a member is not a user of this directory")
      }
      do {
        try await store.assign(role: group.role, to: name, on: nil, in: transaction)
      } catch let error as GovernanceError where error.code == .alreadyExists {
        // Given by hand before: held all the same.
        continue
      } catch let error as GovernanceError {
        throw SCIMError(.invalidValue, error.message)
      }
    }
    for id in old where !group.members.contains(id) {
      guard let name = try await key(of: id, in: transaction) else { continue }
      try await store.unassign(role: group.role, from: name, on: nil, in: transaction)
    }
  }

  private func key(of id: UUID, in transaction: Transaction) async throws -> String? {
    guard
      let row = try await transaction.queryFirst(FindSCIMResource(kind: Kind.user.rawValue, id: id, source: source)),
      let person = row.person
    else { return nil }
    return try await store.person(PersonID(person), in: transaction).externalID
  }
}

extension SCIMValue {
  func jsonText() throws -> JSONText { JSONText(text: String(decoding: try json(), as: UTF8.self)) }
}

/// A group resource (RFC 7643, section 4.2): the role of its display name. Pure.
struct SCIMGroup: Sendable, Equatable {
  static let schema = "urn:ietf:params:scim:schemas:core:2.0:Group"

  let role: String
  let members: [UUID]
  let body: SCIMValue

  init(_ resource: SCIMValue) throws(SCIMError) {
    guard case .object(var object) = resource, let name = resource["displayName"]?.text,
      name.wholeMatch(of: /[a-z][a-z0-9_-]{0,59}/) != nil
    else {
      throw SCIMError(.invalidValue, "displayName is the role's name: lower-case letters, digits, - and _")
    }
    role = name
    var members: [UUID] = []
    if case .array(let values)? = resource["members"] {
      for value in values {
        guard let id = value["value"]?.text.flatMap(UUID.init(uuidString:)) else {
          throw SCIMError(.invalidValue, "a member needs the id of a user as value")
        }
        if !members.contains(id) { members.append(id) }
      }
    }
    self.members = members
    for key in object.keys where ["id", "meta"].contains(key.lowercased()) { object[key] = nil }
    object["schemas"] = .array([.string(Self.schema)])
    body = .object(object)
  }

  init(role: String, members: [UUID]) {
    self.role = role
    self.members = members
    body = .object([:])
  }
}
