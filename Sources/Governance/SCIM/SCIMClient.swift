package import Foundation
package import Postgres
package import Secrets

/// A provisioning client: whoever shows its token speaks for one source.
package struct SCIMClient: Sendable, Equatable {
  package let source: String
  package let name: String
  package let createdAt: Date
  package let expiresAt: Date?

  /// Of its `BearerToken`.
  package static let prefix = "kts_"

  /// Why a token lets nobody in.
  package enum Refusal: String, Error, Sendable {
    case unknown = "unknown_token"
    case expired = "expired_token"
    case removed = "removed_client"
  }
}

extension GovernanceStore {
  /// Registers a client of a source of the kind `scim`. The token is returned once and kept as a hash.
  package func addSCIMClient(
    _ name: String, of source: String, expiresAt: Date?, by actor: String, reason: String, in transaction: Transaction
  ) async throws -> SecretBytes {
    let who = try await activeOperator(actor, reason: reason, in: transaction)
    let name = try FieldRule.text(name, field: "name", maximum: 100)
    guard let record = try await transaction.queryFirst(LockSource(name: source)) else {
      throw GovernanceError.unknown("source", source)
    }
    guard record.kind == .scim else { throw FieldRule.invalid("source", "one of the kind scim") }
    let now = try await transaction.queryFirst(ReadClock()) ?? Date()
    if let expiresAt, expiresAt <= now { throw FieldRule.invalid("expires", "a time in the future") }
    let id = UUID.ordered()
    let (token, hash) = BearerToken.make(prefix: SCIMClient.prefix, for: id)
    let insert = InsertSCIMClient(
      id: id, source: source, name: name, hash: hash, by: who.person.id, reason: who.reason, expiresAt: expiresAt)
    guard try await transaction.execute(insert) == 1 else {
      throw GovernanceError(
        code: .alreadyExists, message: "client \"\(name)\" exists already; remove it first to change its token")
    }
    return token
  }

  /// Its token is refused from now on. What it wrote stays.
  package func removeSCIMClient(
    _ name: String, of source: String, by actor: String, reason: String, in transaction: Transaction
  ) async throws {
    let who = try await activeOperator(actor, reason: reason, in: transaction)
    guard try await transaction.execute(RemoveSCIMClient(source: source, name: name, by: who.person.id)) == 1 else {
      throw GovernanceError.unknown("client of \(source)", name)
    }
  }

  package func scimClients(in runner: some StatementRunner) async throws -> [SCIMClient] {
    try await runner.query(ListSCIMClients())
  }

  /// The source that the bearer speaks for. The comparison takes the same time wherever the first difference is.
  package func scimSource(
    showing token: BearerToken, in runner: some StatementRunner
  ) async throws -> Result<String, SCIMClient.Refusal> {
    guard let row = try await runner.queryFirst(FindSCIMClient(id: token.bearer)),
      ConstantTime.areEqual(row.hash, token.hash)
    else { return .failure(.unknown) }
    if row.isRemoved { return .failure(.removed) }
    if row.isExpired { return .failure(.expired) }
    return .success(row.source)
  }
}
