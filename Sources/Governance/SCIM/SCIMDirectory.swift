package import Foundation
package import Postgres

/// SCIM 2.0 without its transport: what a client wants goes in, resources come out, people change in the same transaction.
/// `active: false` suspends; deleting terminates, and the person stays as a tombstone.
package struct SCIMDirectory: Sendable {
  let store: GovernanceStore
  /// Whose people these are.
  let source: String
  /// Scheme and authority of this server, for locations; empty: relative ones.
  let base: String

  package init(store: GovernanceStore, source: String, base: String = "") {
    self.store = store
    self.source = source
    self.base = base
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
    return try row.resource(base: base)
  }

  /// Resources of the kinds, by default in the order of their creation.
  package func list(_ kinds: [Kind], _ query: SCIMQuery, in runner: some StatementRunner) async throws -> SCIMValue {
    if kinds.count == 1, query.isPlain {
      let kind = kinds[0].rawValue
      let rows = try await runner.query(
        ListSCIMResources(
          kind: kind, source: source, limit: Int64(query.page.count), offset: Int64(query.page.start - 1)))
      let total = try await runner.queryFirst(CountSCIMResources(kind: kind, source: source)) ?? 0
      let shown = try rows.map { query.projection.apply(to: try $0.resource(base: base).body) }
      return query.page.response(shown, total: Int(total))
    }
    var resources: [SCIMValue] = []
    for kind in kinds {
      let rows =
        if let name = query.name {
          try await runner.query(FindSCIMResourceNamed(kind: kind.rawValue, source: source, name: name))
        } else {
          try await runner.query(ListSCIMResources(kind: kind.rawValue, source: source))
        }
      for row in rows { resources.append(try row.resource(base: base).body) }
    }
    return query.apply(to: resources)
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
      try await refuseTaken(group.name, kind, except: nil, in: transaction)
      try await insert(id, kind, name: group.name, person: nil, body: group.body, in: transaction)
      try await setMembers(from: nil, to: group, in: transaction)
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
      try await refuseTaken(group.name, kind, except: id, in: transaction)
      try await transaction.execute(UpdateSCIMResource(id: id, name: group.name, body: try group.body.jsonText()))
      try await setMembers(from: try SCIMGroup(row.stored), to: group, in: transaction)
    }
    return try await get(kind, id, in: transaction)
  }

  package func patch(
    _ kind: Kind, _ id: UUID, _ body: SCIMValue, ifMatch header: String? = nil, in transaction: Transaction
  ) async throws -> Resource {
    let patch = try SCIMPatch(body)
    // Locked before it is read: of two patches at once the second one sees the first one's.
    guard let row = try await transaction.queryFirst(LockSCIMResource(kind: kind.rawValue, id: id, source: source))
    else {
      throw SCIMError(.notFound, "there is no such resource")
    }
    let current = try row.resource(base: base)
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
      for group in try await transaction.query(FindSCIMGroupsOf(user: id, source: source)) {
        try await leave(group, user: id, externalID: externalID, in: transaction)
      }
      try await translating { try await store.setState(.terminated, of: externalID, in: transaction) }
    } else {
      try await setMembers(from: try SCIMGroup(row.stored), to: nil, in: transaction)
    }
  }

  /// After a write that was refused with `massChange`, in a transaction of its own: see `quarantinePushes`.
  package func quarantine(in client: PostgresClient) async throws -> UUID {
    try await client.withTransaction { try await store.quarantinePushes(of: source, in: $0) }
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
    try await translating {
      try await store.put(user.attributes(externalID: externalID, manager: manager), source: source, in: transaction)
    }
  }

  private func translating<T>(_ body: () async throws -> T) async throws {
    do {
      _ = try await body()
    } catch let error as GovernanceError {
      let isTaken = error.code == .alreadyExists || error.reasons == [.feedDuplicateEmail]
      let kind: SCIMError.Kind =
        error.reasons == [.feedMassChange] ? .massChange : isTaken ? .uniqueness : .invalidValue
      throw SCIMError(kind, error.message)
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

  /// Members of a group hold the role of its name, and no longer when they leave it. Nil: no such group.
  private func setMembers(from old: SCIMGroup?, to new: SCIMGroup?, in transaction: Transaction) async throws {
    let isSameRole = old?.role == new?.role
    for id in new?.members ?? [] where !(isSameRole && old?.members.contains(id) ?? false) {
      guard let name = try await key(of: id, in: transaction) else {
        throw SCIMError(.invalidValue, "a member is not a user of this directory")
      }
      if let role = new?.role { try await store.hold(role: role, by: name, in: transaction) }
    }
    guard let role = old?.role else { return }
    for id in old?.members ?? [] where !(isSameRole && new?.members.contains(id) ?? false) {
      guard let name = try await key(of: id, in: transaction) else { continue }
      try await end(role, of: name, in: transaction)
    }
  }

  private func end(_ role: String, of name: String, in transaction: Transaction) async throws {
    do {
      try await store.unassign(role: role, from: name, on: nil, in: transaction)
    } catch let error as GovernanceError where error.code == .unknownRecord {
      // Taken away by hand before.
      return
    }
  }

  /// A user who is deleted is in no group.
  private func leave(_ row: SCIMRow, user: UUID, externalID: String, in transaction: Transaction) async throws {
    guard case .object(var object) = row.stored, case .array(let members)? = object["members"] else { return }
    let group = try SCIMGroup(row.stored)
    let id = SCIMValue.string(user.uuidString.lowercased())
    let left = members.filter { $0["value"] != id }
    object["members"] = left.isEmpty ? nil : .array(left)
    try await transaction.execute(
      UpdateSCIMResource(id: row.id, name: group.name, body: try SCIMValue.object(object).jsonText()))
    if let role = group.role { try await end(role, of: externalID, in: transaction) }
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

/// A group resource (RFC 7643, section 4.2). Its members hold the role of its name; a name that is no role's grants nothing. Pure.
struct SCIMGroup: Sendable, Equatable {
  static let schema = "urn:ietf:params:scim:schemas:core:2.0:Group"

  let name: String
  let members: [UUID]
  let body: SCIMValue

  init(_ resource: SCIMValue) throws(SCIMError) {
    guard case .object(var object) = resource, let name = resource["displayName"]?.text,
      !name.allSatisfy(\.isWhitespace), name.unicodeScalars.count <= 200
    else {
      throw SCIMError(.invalidValue, "displayName must be a text of 1 to 200 characters")
    }
    self.name = name
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

  /// `Access Reviewers` is `access-reviewers`. Nil when that is no name of a role: letters of other alphabets are never
  /// taken for Latin ones.
  var role: String? {
    let role = String(name.lowercased().map { $0 == " " ? "-" : $0 })
    guard role.utf8.count <= 60, role.wholeMatch(of: /[a-z][a-z0-9_-]*/) != nil,
      !PolicyDocument.Stage.relations.contains(role)
    else { return nil }
    return role
  }
}
