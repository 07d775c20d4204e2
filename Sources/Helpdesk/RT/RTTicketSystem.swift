package import Foundation

/// Request Tracker 5 through REST2.
///
/// A request's ticket has three custom fields that only Keyturn's account writes. A decision is a transaction of type `Status`
/// from the lifecycle's first state to `approved` or `rejected`; who may make it is RT's right, and Keyturn's account lacks
/// it. RT's clock is in whole seconds.
package struct RTTicketSystem: TicketSystem {
  package struct Settings: BindingFields, StatusWords, Sendable {
    package var queue = "Access"
    package var requestField = "Keyturn request"
    package var revisionField = "Keyturn revision"
    package var digestField = "Keyturn digest"
    package var waiting = "requested"
    package var approved = "approved"
    package var rejected = "rejected"
    package var resolved = "resolved"
    /// Keyturn's own login.
    package var account = "keyturn"

    package init() {}
  }

  package let name: String
  private let settings: Settings
  private let client: HelpdeskClient

  package init(name: String = "rt", base: URL, token: String, settings: Settings = Settings()) {
    self.name = name
    self.settings = settings
    client = HelpdeskClient(base: base.appendingPathComponent("REST/2.0"), authorization: "token \(token)")
  }

  // MARK: Writing

  private struct NewTicket: Encodable, Sendable {
    let queue: String
    let subject: String
    let content: String
    let customFields: [String: String]

    enum CodingKeys: String, CodingKey {
      case queue = "Queue"
      case subject = "Subject"
      case content = "Content"
      case customFields = "CustomFields"
    }
  }

  package func open(_ draft: TicketDraft) async throws -> String {
    let answer = try await client.send(
      "POST", "ticket",
      json: NewTicket(
        queue: settings.queue, subject: draft.subject, content: draft.body,
        customFields: settings.values(of: draft.binding)))
    struct Created: Decodable { let id: Identifier }
    return try answer.decode(Created.self).id.text
  }

  package func bind(_ id: String, to binding: TicketBinding, version: String) async throws {
    _ = try await client.send(
      "PUT", "ticket/\(try checked(id))", json: ["CustomFields": settings.values(of: binding)], ifMatch: version)
  }

  package func note(_ id: String, _ text: String) async throws {
    _ = try await client.send(
      "POST", "ticket/\(try checked(id))/comment", json: ["Content": text, "ContentType": "text/plain"])
  }

  package func setState(_ id: String, _ state: RemoteTicket.State, version: String) async throws {
    _ = try await client.send(
      "PUT", "ticket/\(try checked(id))", json: ["Status": settings.word(for: state)], ifMatch: version)
  }

  // MARK: Reading

  private struct Found: Decodable {
    struct Field: Decodable {
      let name: String
      let values: [String]
    }

    struct Queue: Decodable {
      let name: String?

      enum CodingKeys: String, CodingKey { case name = "Name" }
    }

    let id: Identifier
    let status: String
    let queue: Queue?
    let customFields: [Field]?

    enum CodingKeys: String, CodingKey {
      case id
      case status = "Status"
      case queue = "Queue"
      case customFields = "CustomFields"
    }
  }

  package func read(_ id: String) async throws -> RemoteTicket? {
    let answer: HelpdeskClient.Answer
    do {
      answer = try await client.send("GET", "ticket/\(try checked(id))", query: [("fields[Queue]", "Name")])
    } catch let error as HelpdeskError where error.code == .forbidden {
      // RT says the same of a ticket that was moved out of sight and of an account without rights.
      _ = try await client.send("GET", "queue/\(settings.queue)")
      return nil
    }
    guard answer.isFound else { return nil }
    let found = try answer.decode(Found.self)
    // In another queue other people have the right to approve.
    guard found.status != "deleted", found.queue?.name == settings.queue else { return nil }
    let values = Dictionary((found.customFields ?? []).map { ($0.name, $0.values.first ?? "") }) { first, _ in first }
    let binding = settings.binding { values[$0] }
    let state = settings.state(of: found.status)
    guard let version = answer.tag else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk gives no ETag; RT 5 is needed")
    }
    return RemoteTicket(
      id: found.id.text, state: state, binding: binding, version: version, isMerged: found.id.text != id)
  }

  private struct History: Decodable {
    struct Item: Decodable {
      let id: Identifier
      let type: String
      let field: String?
      let old: String?
      let new: String?
      let creator: Identifier
      let created: String

      enum CodingKeys: String, CodingKey {
        case id
        case type = "Type"
        case field = "Field"
        case old = "OldValue"
        case new = "NewValue"
        case creator = "Creator"
        case created = "Created"
      }
    }

    let items: [Item]
    let pages: Int?
  }

  package func decisions(of id: String) async throws -> [RemoteDecision] {
    var items: [History.Item] = []
    var page = 1
    repeat {
      let answer = try await client.send(
        "GET", "ticket/\(try checked(id))/history",
        query: [
          ("fields", "Type,Field,OldValue,NewValue,Creator,Created"), ("per_page", "100"), ("page", "\(page)"),
        ])
      guard answer.isFound else { return [] }
      let history = try answer.decode(History.self)
      items += history.items
      guard page < history.pages ?? 1, !history.items.isEmpty, page < 1000 else { break }
      page += 1
    } while true
    items.sort { (Int($0.id.text) ?? 0) < (Int($1.id.text) ?? 0) }
    var isTampered = false
    var decisions: [RemoteDecision] = []
    for item in items {
      if item.type == "CustomField", item.creator.text != settings.account { isTampered = true }
      guard item.type == "Status", item.old == settings.waiting,
        item.new == settings.approved || item.new == settings.rejected
      else { continue }
      guard let at = Self.time(item.created) else {
        throw HelpdeskError(.unexpectedAnswer, "the helpdesk's time is not one of RFC 3339")
      }
      let automatic = ["RT_System", "root", "Nobody", settings.account].contains(item.creator.text)
      decisions.append(
        RemoteDecision(
          transaction: "\(name):\(item.id.text)", login: item.creator.text, isApproval: item.new == settings.approved,
          at: at, isHuman: !automatic, isAfterTampering: isTampered))
    }
    return decisions
  }

  package func texts(of id: String, except seen: Set<String>) async throws -> [RemoteText] {
    struct Attachments: Decodable {
      struct Item: Decodable { let id: Identifier }
      let items: [Item]
      let pages: Int?
    }
    struct Attachment: Decodable {
      let type: String?
      /// Base64.
      let content: String?

      enum CodingKeys: String, CodingKey {
        case type = "ContentType"
        case content = "Content"
      }
    }
    var texts: [RemoteText] = []
    for page in 1...1000 {
      let answer = try await client.send(
        "GET", "ticket/\(try checked(id))/attachments", query: [("per_page", "100"), ("page", "\(page)")])
      guard answer.isFound else { break }
      let found = try answer.decode(Attachments.self)
      for item in found.items where !seen.contains("attachment \(item.id.text)") {
        let answer = try await client.send("GET", "attachment/\(try checked(item.id.text))")
        guard answer.isFound else { continue }
        let attachment = try answer.decode(Attachment.self)
        let isText = attachment.type?.hasPrefix("text/") ?? false
        let bytes = attachment.content.flatMap { Data(base64Encoded: $0, options: .ignoreUnknownCharacters) }
        texts.append(
          RemoteText(
            place: "attachment \(item.id.text)", text: isText ? String(decoding: bytes ?? Data(), as: UTF8.self) : ""))
      }
      if page >= found.pages ?? 1 || found.items.isEmpty { break }
    }
    return texts
  }

  // MARK: Answers

  /// RT writes ids as numbers, as texts, and as objects with an id.
  private struct Identifier: Decodable {
    let text: String

    private enum CodingKeys: String, CodingKey { case id }

    init(from decoder: any Decoder) throws {
      if let container = try? decoder.singleValueContainer() {
        if let number = try? container.decode(Int.self) {
          text = "\(number)"
          return
        }
        if let string = try? container.decode(String.self) {
          text = string
          return
        }
      }
      text = try decoder.container(keyedBy: CodingKeys.self).decode(Identifier.self, forKey: .id).text
    }
  }

  private func checked(_ id: String) throws -> String {
    try RemoteID.checked(id, "a number") { (0x30...0x39).contains($0) }
  }

  private static func time(_ text: String) -> Date? { try? Date(text, strategy: .iso8601) }
}
