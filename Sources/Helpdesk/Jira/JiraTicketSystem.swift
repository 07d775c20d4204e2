package import Foundation

/// Jira Service Management Cloud through its platform API (v3) and its service desk API. Checked against recorded contracts of
/// the published interface, not against a live site.
///
/// The binding stands in three custom fields; the change log says who wrote them. A decision is an answer to an approval of the
/// request: only of a completed approval, because only that has a time. Automation answers as an account of the type `app`.
/// Jira has no conditional writes: the ticket is read again right before one, which leaves a gap of one round trip.
package struct JiraTicketSystem: TicketSystem {
  package struct Settings: BindingFields, StatusWords, Sendable {
    package var serviceDesk = "1"
    package var requestType = "1"
    /// Ids of the custom fields.
    package var requestField = "customfield_10101"
    package var revisionField = "customfield_10102"
    package var digestField = "customfield_10103"
    /// Names of the statuses.
    package var waiting = "Waiting for approval"
    package var approved = "Approved"
    package var rejected = "Declined"
    package var resolved = "Done"
    /// Keyturn's own account id.
    package var account = "keyturn"

    package init() {}
  }

  package let name: String
  private let settings: Settings
  private let client: HelpdeskClient

  /// - Parameter token: `address:token` of Keyturn's account, for basic authentication.
  package init(name: String = "jira", base: URL, token: String, settings: Settings = Settings()) {
    self.name = name
    self.settings = settings
    client = HelpdeskClient(base: base, authorization: "Basic " + Data(token.utf8).base64EncodedString())
  }

  // MARK: Writing

  private struct NewRequest: Encodable, Sendable {
    let serviceDeskId: String
    let requestTypeId: String
    let requestFieldValues: [String: String]
  }

  package func open(_ draft: TicketDraft) async throws -> String {
    let values = settings.values(of: draft.binding).merging(["summary": draft.subject, "description": draft.body]) {
      $1
    }
    let answer = try await client.send(
      "POST", "rest/servicedeskapi/request",
      json: NewRequest(
        serviceDeskId: settings.serviceDesk, requestTypeId: settings.requestType, requestFieldValues: values))
    struct Created: Decodable { let issueKey: String }
    return try checked(answer.decode(Created.self).issueKey)
  }

  package func bind(_ id: String, to binding: TicketBinding, version: String) async throws {
    try await requireUnchanged(id, version)
    _ = try await client.send(
      "PUT", "rest/api/3/issue/\(try checked(id))", json: ["fields": settings.values(of: binding)])
  }

  package func note(_ id: String, _ text: String) async throws {
    struct Comment: Encodable, Sendable {
      let body: String
      let `public` = false
    }
    _ = try await client.send(
      "POST", "rest/servicedeskapi/request/\(try checked(id))/comment", json: Comment(body: text))
  }

  package func setState(_ id: String, _ state: RemoteTicket.State, version: String) async throws {
    try await requireUnchanged(id, version)
    let word = settings.word(for: state)
    struct Transitions: Decodable {
      struct Transition: Decodable {
        let id: String
        let to: Named
      }
      let transitions: [Transition]
    }
    let path = "rest/api/3/issue/\(try checked(id))/transitions"
    let found = try await client.send("GET", path).decode(Transitions.self)
    guard let transition = found.transitions.first(where: { $0.to.name == word }) else {
      throw HelpdeskError(.unexpectedAnswer, "the workflow has no transition to the status that is needed")
    }
    _ = try await client.send("POST", path, json: ["transition": ["id": transition.id]])
  }

  // MARK: Reading

  private struct Named: Decodable { let name: String }

  /// Custom fields have ids of their own, so fields are looked up by name.
  private struct Issue: Decodable {
    let id: String
    let key: String
    let fields: [String: Field]
  }

  private enum Field: Decodable {
    case text(String)
    case named(String)
    case other

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let number = try? container.decode(Double.self) {
        self = .text(number == number.rounded() ? String(Int64(number)) : "\(number)")
      } else if let named = try? container.decode(Named.self) {
        self = .named(named.name)
      } else {
        self = .other
      }
    }

    var text: String? {
      switch self {
      case .text(let text), .named(let text): text
      case .other: nil
      }
    }
  }

  package func read(_ id: String) async throws -> RemoteTicket? {
    let wanted = [
      "status", "resolution", "updated", settings.requestField, settings.revisionField, settings.digestField,
    ]
    let answer = try await client.send(
      "GET", "rest/api/3/issue/\(try checked(id))", query: [("fields", wanted.joined(separator: ","))])
    guard answer.isFound else { return nil }
    let issue = try answer.decode(Issue.self)
    guard let status = issue.fields["status"]?.text, let updated = issue.fields["updated"]?.text else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's ticket has no status or no time of its last change")
    }
    let binding = settings.binding { issue.fields[$0]?.text }
    let state = settings.state(of: status)
    // A moved ticket answers under its new key; one that was merged away is closed as a duplicate.
    let isMerged = issue.key != id || issue.fields["resolution"]?.text == "Duplicate"
    return RemoteTicket(id: issue.key, state: state, binding: binding, version: updated, isMerged: isMerged)
  }

  private struct Approvals: Decodable {
    struct Approval: Decodable {
      struct Answer: Decodable {
        struct Approver: Decodable { let accountId: String }
        let approver: Approver
        let approverDecision: String
      }
      struct Time: Decodable { let epochMillis: Double }

      let id: String
      let approvers: [Answer]
      let completedDate: Time?
    }

    let values: [Approval]
    let isLastPage: Bool
  }

  package func decisions(of id: String) async throws -> [RemoteDecision] {
    var approvals: [Approvals.Approval] = []
    for page in 0..<100 {
      let answer = try await client.send(
        "GET", "rest/servicedeskapi/request/\(try checked(id))/approval",
        query: [("start", "\(page * 50)"), ("limit", "50")])
      guard answer.isFound else { return [] }
      let found = try answer.decode(Approvals.self)
      approvals += found.values
      if found.isLastPage || found.values.isEmpty { break }
    }
    let tampered = try await firstForeignWrite(of: id)
    var humans: [String: Bool] = [:]
    var decisions: [RemoteDecision] = []
    for approval in approvals {
      guard let completed = approval.completedDate else { continue }
      let at = Date(timeIntervalSince1970: completed.epochMillis / 1000)
      for answer in approval.approvers where ["approved", "declined"].contains(answer.approverDecision) {
        let account = answer.approver.accountId
        if humans[account] == nil { humans[account] = try await isHuman(account) }
        decisions.append(
          RemoteDecision(
            transaction: "\(name):\(id):\(approval.id):\(account)", login: account,
            isApproval: answer.approverDecision == "approved", at: at,
            isHuman: humans[account] == true && account != settings.account,
            isAfterTampering: tampered.map { $0 <= at } ?? false))
      }
    }
    return decisions.sorted { $0.at < $1.at }
  }

  private func isHuman(_ account: String) async throws -> Bool {
    struct User: Decodable { let accountType: String }
    let answer = try await client.send("GET", "rest/api/3/user", query: [("accountId", account)])
    guard answer.isFound else { return false }
    return try ["atlassian", "customer"].contains(answer.decode(User.self).accountType)
  }

  private struct ChangeLog: Decodable {
    struct Change: Decodable {
      struct Author: Decodable { let accountId: String }
      struct Item: Decodable { let fieldId: String? }

      let author: Author?
      let created: String
      let items: [Item]
    }

    let values: [Change]
    let isLast: Bool?
  }

  /// When somebody else than Keyturn first wrote a field of the binding.
  private func firstForeignWrite(of id: String) async throws -> Date? {
    let bound: Set<String> = [settings.requestField, settings.revisionField, settings.digestField]
    var first: Date?
    for page in 0..<100 {
      let answer = try await client.send(
        "GET", "rest/api/3/issue/\(try checked(id))/changelog",
        query: [("startAt", "\(page * 100)"), ("maxResults", "100")])
      guard answer.isFound else { break }
      let found = try answer.decode(ChangeLog.self)
      for change in found.values
      where change.author?.accountId != settings.account
        && change.items.contains(where: { bound.contains($0.fieldId ?? "") })
      {
        guard let at = RemoteTime.parse(change.created) else {
          throw HelpdeskError(.unexpectedAnswer, "the helpdesk's time is not one of ISO 8601")
        }
        first = min(first ?? at, at)
      }
      if found.isLast ?? true || found.values.isEmpty { break }
    }
    return first
  }

  package func texts(of id: String, except seen: Set<String>) async throws -> [RemoteText] {
    struct Comments: Decodable {
      struct Comment: Decodable {
        let id: String
        let body: String
      }
      let values: [Comment]
      let isLastPage: Bool
    }
    var texts: [RemoteText] = []
    for page in 0..<100 {
      let answer = try await client.send(
        "GET", "rest/servicedeskapi/request/\(try checked(id))/comment",
        query: [("start", "\(page * 50)"), ("limit", "50")])
      guard answer.isFound else { break }
      let found = try answer.decode(Comments.self)
      for comment in found.values where !seen.contains("comment \(comment.id)") {
        texts.append(RemoteText(place: "comment \(comment.id)", text: comment.body))
      }
      if found.isLastPage || found.values.isEmpty { break }
    }
    return texts
  }

  /// `ACC-17`.
  private func checked(_ id: String) throws -> String {
    try RemoteID.checked(id, "a key such as ACC-17") {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || $0 == 0x2D || $0 == 0x5F
    }
  }
}

/// Times as helpdesks write them.
enum RemoteTime {
  /// `2026-11-25T10:00:00.000+0100`, or RFC 3339 with or without a fraction.
  static func parse(_ text: String) -> Date? {
    var text = text
    let end = text.suffix(5)
    if let sign = end.first, sign == "+" || sign == "-", end.dropFirst().allSatisfy(\.isNumber) {
      text.insert(":", at: text.index(text.endIndex, offsetBy: -2))
    }
    return (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
      ?? (try? Date(text, strategy: .iso8601))
  }

  /// `2026-11-25 10:00:00`, in UTC.
  static func parseUTC(_ text: String) -> Date? {
    guard text.utf8.count == 19 else { return nil }
    return try? Date(text.replacing(" ", with: "T") + "Z", strategy: .iso8601)
  }
}
