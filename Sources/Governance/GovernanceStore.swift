package import Foundation
package import Postgres

/// Records of people, targets, identities, policies, requests and approvals. Rules are asked before anything is written;
/// nothing here starts work.
package struct GovernanceStore: Sendable {
  let observer: (any VoidObserver)?

  /// - Parameter observer: told of every authorization that is voided, in the same transaction.
  package init(observer: (any VoidObserver)? = nil) { self.observer = observer }

  // MARK: People

  /// Adds an active person; the same external id twice is refused.
  package func addPerson(_ externalID: String, in runner: some StatementRunner) async throws -> PersonID {
    let externalID = try FieldRule.text(externalID, field: "person", maximum: 200)
    let id = PersonID.make()
    guard try await runner.execute(InsertPerson(id: id, externalID: externalID)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "person \"\(externalID)\" exists already")
    }
    return id
  }

  package func person(_ externalID: String, in runner: some StatementRunner) async throws -> Person {
    guard let person = try await runner.queryFirst(FindPerson(externalID: externalID)) else {
      throw GovernanceError.unknown("person", externalID)
    }
    return person
  }

  package func people(in runner: some StatementRunner) async throws -> [Person] {
    try await runner.query(ListPeople())
  }

  package func person(_ id: PersonID, in runner: some StatementRunner) async throws -> Person {
    guard let person = try await runner.queryFirst(FindPersonByID(id: id)) else {
      throw GovernanceError.unknown("person", id.description)
    }
    return person
  }

  /// Who left neither owns nor approves: what rests on them is void in this transaction. Who is away pauses it. Returns the
  /// identities that lost an authorization.
  @discardableResult
  package func setState(
    _ state: Person.State, of externalID: String, in transaction: Transaction
  ) async throws -> [IdentityID] {
    let record = try await personRecord(externalID, in: transaction)
    var attributes = record.attributes
    attributes.state = state
    return try await put(attributes, source: record.source, in: transaction)
  }

  /// As above, in a transaction of its own.
  @discardableResult
  package func setState(
    _ state: Person.State, of externalID: String, in client: PostgresClient
  ) async throws -> [IdentityID] {
    try await client.withTransaction { try await setState(state, of: externalID, in: $0) }
  }

  // MARK: Policies

  package func addPolicy(_ policy: Policy, in runner: some StatementRunner) async throws {
    try policy.validate()
    guard try await runner.execute(InsertPolicy(policy: policy)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "policy \"\(policy.name)\" exists already")
    }
  }

  package func policy(_ name: String, in runner: some StatementRunner) async throws -> Policy {
    guard let policy = try await runner.queryFirst(FindPolicy(policy: name)) else {
      throw GovernanceError.unknown("policy", name)
    }
    return policy
  }

  // MARK: Targets

  package func addTarget(_ target: TargetRecord, in runner: some StatementRunner) async throws {
    _ = try FieldRule.text(target.name, field: "name", maximum: 100)
    _ = try FieldRule.text(target.environment, field: "environment", maximum: 40)
    guard try await runner.execute(InsertTarget(target: target)) == 1 else {
      throw GovernanceError(code: .alreadyExists, message: "target \"\(target.name)\" exists already")
    }
  }

  package func target(_ name: String, in runner: some StatementRunner) async throws -> TargetRecord {
    guard let target = try await runner.queryFirst(FindTarget(target: name)) else {
      throw GovernanceError.unknown("target", name)
    }
    return target
  }

  package func target(_ id: TargetID, in runner: some StatementRunner) async throws -> TargetRecord {
    guard let target = try await runner.queryFirst(FindTargetByID(id: id)) else {
      throw GovernanceError.unknown("target", id.description)
    }
    return target
  }

  // MARK: Identities

  /// Registers the identity. Nothing exists on the target until a request for it was approved.
  package func addIdentity(
    _ draft: IdentityDraft, now: Date, in runner: some StatementRunner
  ) async throws -> IdentityID {
    let complete = try draft.validated(now: now)
    let target = try await target(complete.target, in: runner)
    let owner = try await person(complete.owner, in: runner)
    let backup = try await person(complete.backupOwner, in: runner)
    let policy = try await policy(draft.policy, in: runner)
    let id = IdentityID.make()
    let insert = InsertIdentity(
      id: id, target: target.id, name: complete.name, loginMode: draft.loginMode, owner: owner.id, backup: backup.id,
      purpose: complete.purpose, environment: complete.environment, workload: complete.workload,
      rights: Set(draft.rights).sorted(), policy: policy.id, expiresAt: complete.expiresAt)
    guard try await runner.execute(insert) == 1 else {
      throw GovernanceError(
        code: .alreadyExists,
        message: "identity \"\(complete.name)\" exists already on \(target.name); names are not reused")
    }
    return id
  }

  package func identity(
    _ name: String, on target: String?, in runner: some StatementRunner
  ) async throws -> NonHumanIdentity {
    let found = try await runner.query(FindIdentity(identity: name, target: target))
    guard let identity = found.first else { throw GovernanceError.unknown("identity", name) }
    guard found.count == 1 else {
      throw GovernanceError(
        code: .invalidField, message: "identity \"\(name)\" exists on \(found.count) targets; add --target")
    }
    return identity
  }

  package func identity(_ id: IdentityID, in runner: some StatementRunner) async throws -> NonHumanIdentity {
    guard let identity = try await runner.queryFirst(FindIdentityByID(id: id)) else {
      throw GovernanceError.unknown("identity", id.description)
    }
    return identity
  }
}
