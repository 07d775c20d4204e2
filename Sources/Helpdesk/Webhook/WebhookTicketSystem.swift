package import Foundation
package import Governance
package import Postgres
package import Secrets

/// A helpdesk without an interface that Keyturn knows: both sides send each other messages signed as Standard Webhooks says.
/// Keyturn's are posted to one address; the helpdesk's arrive at the HTTP server, which stores who did what, and are read from
/// there. A message is the helpdesk's own record only because it is signed, not replayed, and names the digest that was shown.
package struct WebhookTicketSystem: TicketSystem {
  package let name: String
  private let client: HelpdeskClient
  private let signature: WebhookSignature
  private let store: GovernanceStore
  private let database: PostgresClient
  /// Keyturn's own login there.
  private let account: String

  /// - Parameter signature: with the key for what Keyturn sends.
  package init(
    name: String, url: URL, signature: WebhookSignature, account: String = "keyturn", store: GovernanceStore,
    database: PostgresClient
  ) {
    self.name = name
    self.signature = signature
    self.account = account
    self.store = store
    self.database = database
    client = HelpdeskClient(base: url, authorization: nil)
  }

  // MARK: Writing

  private struct Binding: Encodable, Sendable {
    let request: String
    let revision: Int
    let digest: String

    init(_ binding: TicketBinding) {
      request = binding.request
      revision = binding.revision
      digest = binding.digest
    }
  }

  private struct Message: Encodable, Sendable {
    let type: String
    var ticket: String?
    var subject: String?
    var body: String?
    var state: String?
    /// The number of the helpdesk's last event that Keyturn knew; the helpdesk answers 409 when it has sent a later one.
    var version: String?
    var binding: Binding?
  }

  private func send(_ message: Message) async throws -> HelpdeskClient.Answer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let body = try encoder.encode(message)
    let id = "msg_" + UUID().uuidString.lowercased()
    let stamp = Int64(Date().timeIntervalSince1970)
    let answer = try await client.send(
      "POST", "", body: body,
      headers: [
        ("webhook-id", id), ("webhook-timestamp", "\(stamp)"),
        ("webhook-signature", signature.sign(id: id, timestamp: stamp, body: [UInt8](body))),
      ])
    guard answer.isFound else {
      throw HelpdeskError(.changedMeanwhile, "the ticket was removed meanwhile; it is read again")
    }
    return answer
  }

  package func open(_ draft: TicketDraft) async throws -> String {
    let answer = try await send(
      Message(type: "ticket.open", subject: draft.subject, body: draft.body, binding: Binding(draft.binding)))
    struct Created: Decodable { let ticket: String }
    let id = try answer.decode(Created.self).ticket
    guard !id.isEmpty, id.unicodeScalars.count <= 200 else {
      throw HelpdeskError(.unexpectedAnswer, "a ticket of this helpdesk has an id of 1 to 200 characters")
    }
    return id
  }

  package func bind(_ id: String, to binding: TicketBinding, version: String) async throws {
    _ = try await send(Message(type: "ticket.bind", ticket: id, version: version, binding: Binding(binding)))
  }

  package func note(_ id: String, _ text: String) async throws {
    _ = try await send(Message(type: "ticket.note", ticket: id, body: text))
  }

  package func setState(_ id: String, _ state: RemoteTicket.State, version: String) async throws {
    _ = try await send(Message(type: "ticket.state", ticket: id, state: state.rawValue, version: version))
  }

  // MARK: Reading

  package func read(_ id: String) async throws -> RemoteTicket? {
    let ticket = try await store.remoteTicket(helpdesk: name, remoteID: id, in: database)
    guard let request = ticket.request else { return nil }
    guard let last = try await store.helpdeskEvents(of: ticket, in: database).last else {
      // It has said nothing yet: as it was opened.
      let binding = TicketBinding(try await store.request(request, in: database))
      return RemoteTicket(id: id, state: .waiting, binding: binding, version: "0", isMerged: false)
    }
    guard last.state != .deleted else { return nil }
    return RemoteTicket(
      id: id, state: RemoteTicket.State(rawValue: last.state.rawValue) ?? .closed, binding: TicketBinding(last),
      version: "\(last.sequence)", isMerged: last.state == .merged || last.state == .moved)
  }

  package func decisions(of id: String) async throws -> [RemoteDecision] {
    let ticket = try await store.remoteTicket(helpdesk: name, remoteID: id, in: database)
    guard let request = ticket.request else { return [] }
    let binding = TicketBinding(try await store.request(request, in: database))
    var isTampered = false
    var decisions: [RemoteDecision] = []
    for event in try await store.helpdeskEvents(of: ticket, in: database) {
      if TicketBinding(event) != binding { isTampered = true }
      guard event.kind != .changed else { continue }
      decisions.append(
        RemoteDecision(
          transaction: "\(name):\(event.message)", login: event.actor, isApproval: event.kind == .approved,
          at: event.at, isHuman: event.isHuman && event.actor != account, isAfterTampering: isTampered))
    }
    return decisions
  }

  /// Texts are looked at when a message arrives, and never stored.
  package func texts(of id: String, except seen: Set<String>) async throws -> [RemoteText] { [] }
}

extension TicketBinding {
  fileprivate init(_ event: HelpdeskEvent) {
    self.init(request: event.request, revision: Int(event.revision), digest: event.digest)
  }
}
