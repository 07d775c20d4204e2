package import Foundation
package import Governance
import Jobs
import Postgres
import Secrets
import Vault

extension SealContext {
  static func webhook(of consumer: ConsumerID) -> SealContext {
    SealContext(record: consumer.rawValue, version: 1, purpose: "webhook")
  }
}

extension CredentialLifecycle {
  // MARK: Registering

  /// Registers a reader of the identity's credential. Its token, and the secret that signs its webhooks, are returned and can
  /// never be shown again.
  package func addConsumer(
    _ name: String, of identity: IdentityID, webhook: String?, expiresAt: Date?, by actor: String, reason: String
  ) async throws -> NewConsumer {
    let name = try ConsumerRules.name(name)
    let webhook = try webhook.map(ConsumerRules.webhookURL)
    if let expiresAt, expiresAt <= Date() {
      throw LifecycleError(code: .invalidField, message: "expires is not valid; it must be a time in the future")
    }
    let id = ConsumerID.make()
    let (token, hash) = ConsumerToken.make(for: id)
    let secret = webhook == nil ? nil : SecretBytes.random(count: 32)
    let envelope: Envelope? =
      if let secret { try await vault.seal(secret, context: .webhook(of: id)) } else { nil }
    let voided = try await client.withTransaction { transaction in
      let who = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let credential = try await credential(of: identity, in: transaction)
      guard ![.revoked, .revoking, .waived].contains(credential.state) else {
        throw LifecycleError(
          code: .wrongState, message: "the credential is \(credential.state.rawValue); nobody can read it")
      }
      let added = try await transaction.execute(
        InsertConsumer(
          id: id, credential: credential.id, name: name, tokenHash: hash, by: who.person.id, expiresAt: expiresAt,
          webhookURL: webhook, envelope: envelope?.bytes, keyID: envelope?.keyID))
      guard added == 1 else {
        throw GovernanceError(
          code: .alreadyExists, message: "consumer \"\(name)\" exists already; remove it first to give it a new token")
      }
      // One message at a time, and a dead receiver holds up nobody else.
      if webhook != nil {
        try await queue.setLimit(LimitGroupID(id.rawValue), GroupLimit(maximumRunning: 1), in: transaction)
      }
      // A recipient that the approvers did not know of.
      return try await governance.signal(
        .newConsumer, about: [identity], observed: "\(who.person.externalID) registered the consumer \(name)",
        in: transaction)
    }
    return NewConsumer(id: id, token: token, webhookSecret: secret, needsApproval: !voided.isEmpty)
  }

  /// Its token is refused from now on, and no rotation waits for it.
  package func removeConsumer(
    _ name: String, of identity: IdentityID, by actor: String, reason: String
  ) async throws {
    try await client.withTransaction { transaction in
      _ = try await governance.activeOperator(actor, reason: reason, in: transaction)
      let credential = try await credential(of: identity, in: transaction)
      guard let id = try await transaction.queryFirst(RemoveConsumer(credential: credential.id, name: name)) else {
        throw GovernanceError.unknown("consumer", name)
      }
      try await transaction.execute(ExpireDeliveries(consumer: id))
      try await wakeOverlap(of: credential.id, in: transaction)
    }
  }

  /// What the policy does when the overlap is over and a consumer has not moved.
  package func setOnUnacknowledged(_ policy: String, _ word: String, by actor: String, reason: String) async throws {
    guard OverlapRule.OnUnacknowledged(rawValue: word) != nil else {
      throw LifecycleError(code: .invalidField, message: "unacknowledged is not valid; it must be retire or extend")
    }
    try await client.withTransaction { transaction in
      _ = try await governance.activeOperator(actor, reason: reason, in: transaction)
      guard try await transaction.execute(SetOnUnacknowledged(policy: policy, word: word)) == 1 else {
        throw GovernanceError.unknown("policy", policy)
      }
    }
  }

  // MARK: What consumers do

  /// Who shows the token. The comparison takes the same time wherever the first difference is.
  package func consumer(showing token: ConsumerToken) async throws -> Result<AuthenticatedConsumer, TokenRefusal> {
    guard let row = try await client.queryFirst(FindConsumer(id: token.consumer)),
      ConstantTime.areEqual(row.tokenHash, token.hash)
    else { return .failure(.unknown) }
    if row.isRemoved { return .failure(.removed) }
    if row.isExpired { return .failure(.expired) }
    return .success(row.consumer)
  }

  /// The consumer has the version in use. Safe to repeat. When nobody is left to wait for, the rotation that waits goes on
  /// at once. Refused for a version that is neither current nor in its overlap.
  package func acknowledge(_ version: Int32, by consumer: AuthenticatedConsumer) async throws -> Acknowledgement {
    try await client.withTransaction { transaction in
      guard
        let before = try await transaction.queryFirst(
          FindAcknowledged(credential: consumer.credential, version: version))
      else { throw LifecycleError(code: .noSecret, message: "there is no current version: not issued yet, or revoked") }
      guard before.state == "current" || before.state == "retiring" else {
        throw LifecycleError(
          code: .refused,
          message:
            "version \(version) is \(before.state ?? "unknown"); the current one is \(before.current): read it and "
            + "acknowledge that")
      }
      try await transaction.execute(Acknowledge(consumer: consumer.id, version: version))
      try await wakeOverlap(of: consumer.credential, in: transaction)
      let after = try await transaction.queryFirst(
        FindAcknowledged(credential: consumer.credential, version: version))
      return Acknowledgement(
        version: version, current: after?.current ?? before.current, waitingFor: after?.waitingFor ?? 0)
    }
  }

  private func wakeOverlap(of credential: CredentialID, in transaction: Transaction) async throws {
    guard let now = try await transaction.queryFirst(FindAcknowledged(credential: credential, version: 0)),
      now.isOverlapping, now.waitingFor == 0
    else { return }
    try await queue.enqueue(
      JobQueue.Order(
        kind: LifecycleJobs.rotate, subject: credential.subject, group: now.target.limitGroup, lane: .operator,
        deadline: now.hardExpiresAt, fence: now.fence), in: transaction)
  }
}

/// What a consumer may be called and told at. Pure.
enum ConsumerRules {
  static func name(_ text: String) throws(LifecycleError) -> String {
    guard text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]{0,99}/) != nil else {
      throw LifecycleError(
        code: .invalidField,
        message: "name is not valid; it must be 1 to 100 letters, digits, dots, hyphens and underscores")
    }
    return text
  }

  /// `https`, or `http` to this host only. No user, no fragment.
  static func webhookURL(_ text: String) throws(LifecycleError) -> String {
    func invalid(_ what: String) -> LifecycleError {
      LifecycleError(code: .invalidField, message: "webhook is not valid; it must be " + what)
    }
    guard text.utf8.count <= 1000, let url = URLComponents(string: text), let host = url.host, !host.isEmpty else {
      throw invalid("a URL of at most 1000 characters, such as https://orders.example/keyturn")
    }
    guard url.user == nil, url.password == nil, url.fragment == nil else {
      throw invalid("without user, password and fragment: the message is signed instead")
    }
    let isLocal = ["localhost", "127.0.0.1", "[::1]", "::1"].contains(host)
    guard url.scheme == "https" || (url.scheme == "http" && isLocal) else {
      throw invalid("https; plain http only to this host")
    }
    return text
  }
}

extension CredentialLifecycle {
  /// The number of the current version; nil when there is none.
  package func currentVersion(of credential: CredentialID) async throws -> Int32? {
    try await client.queryFirst(FindCurrentNumbers(credentials: [credential]))?.number
  }

  /// Whether the database does.
  package func answers() async throws -> Bool { try await client.queryFirst(AnswerOne()) == 1 }
}

struct AnswerOne: Statement {
  static let sql = "SELECT 1"
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}
