package import Foundation

/// ServiceNow through its Table API. Checked against recorded contracts of the published interface, not against a live instance.
///
/// The binding stands in three fields of the record. Approvals are rows of `sysapproval_approver`; who set one to approved or
/// rejected, and when, is read from `sys_audit`, the instance's own record, so both tables must be audited: an approval without
/// an audit row, or set by somebody else than its approver, is no human decision. Times are in UTC with whole seconds. There
/// are no conditional writes: the record is read again right before one, which leaves a gap of one round trip.
package struct ServiceNowTicketSystem: TicketSystem {
  package struct Settings: BindingFields, Sendable {
    package var table = "change_request"
    package var requestField = "u_keyturn_request"
    package var revisionField = "u_keyturn_revision"
    package var digestField = "u_keyturn_digest"
    /// Values of the field `state`.
    package var waiting = "-3"
    package var approved = "-2"
    package var resolved = "3"
    package var closed = "4"
    /// Keyturn's own user name.
    package var account = "keyturn"

    package init() {}
  }

  package let name: String
  private let settings: Settings
  private let client: HelpdeskClient

  /// - Parameter token: an OAuth access token of Keyturn's account.
  package init(name: String = "servicenow", base: URL, token: String, settings: Settings = Settings()) {
    self.name = name
    self.settings = settings
    client = HelpdeskClient(base: base, authorization: "Bearer \(token)")
  }

  private struct Result<T: Decodable>: Decodable { let result: T }

  // MARK: Writing

  package func open(_ draft: TicketDraft) async throws -> String {
    let values = settings.values(of: draft.binding).merging([
      "short_description": draft.subject, "description": draft.body,
    ]) { $1 }
    let answer = try await client.send(
      "POST", "api/now/table/\(settings.table)", query: [("sysparm_fields", "sys_id")], json: values)
    let created = try answer.decode(Result<[String: String]>.self).result
    return try checked(created["sys_id"] ?? "")
  }

  package func bind(_ id: String, to binding: TicketBinding, version: String) async throws {
    try await requireUnchanged(id, version)
    try await patch(id, settings.values(of: binding))
  }

  package func note(_ id: String, _ text: String) async throws { try await patch(id, ["work_notes": text]) }

  package func setState(_ id: String, _ state: RemoteTicket.State, version: String) async throws {
    try await requireUnchanged(id, version)
    let word =
      switch state {
      case .waiting: settings.waiting
      case .approved: settings.approved
      case .resolved: settings.resolved
      case .rejected, .closed: settings.closed
      }
    try await patch(id, ["state": word])
  }

  private func patch(_ id: String, _ values: [String: String]) async throws {
    let answer = try await client.send(
      "PATCH", "api/now/table/\(settings.table)/\(try checked(id))", query: [("sysparm_fields", "sys_id")], json: values
    )
    guard answer.isFound else {
      throw HelpdeskError(.changedMeanwhile, "the ticket was removed meanwhile; it is read again")
    }
  }

  // MARK: Reading

  package func read(_ id: String) async throws -> RemoteTicket? {
    let wanted = [
      "sys_id", "sys_class_name", "sys_mod_count", "state", "approval", "close_code", settings.requestField,
      settings.revisionField, settings.digestField,
    ]
    let answer = try await client.send(
      "GET", "api/now/table/\(settings.table)/\(try checked(id))",
      query: [("sysparm_fields", wanted.joined(separator: ",")), ("sysparm_exclude_reference_link", "true")])
    guard answer.isFound else { return nil }
    let found = try answer.decode(Result<[String: String]>.self).result
    guard let state = found["state"], let version = found["sys_mod_count"], let actual = found["sys_id"] else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's record lacks its state or its count of changes")
    }
    let binding = settings.binding { found[$0] }
    let isMoved = (found["sys_class_name"] ?? settings.table) != settings.table
    let isDuplicate = found["close_code"]?.lowercased().contains("duplicate") ?? false
    return RemoteTicket(
      id: actual, state: self.state(state, approval: found["approval"] ?? ""), binding: binding, version: version,
      isMerged: actual != id || isMoved || isDuplicate)
  }

  private func state(_ state: String, approval: String) -> RemoteTicket.State {
    switch (state, approval) {
    case (settings.resolved, _): .resolved
    case (settings.closed, "rejected"): .rejected
    case (settings.closed, _): .closed
    case (_, "approved"): .approved
    case (_, "rejected"): .rejected
    default: .waiting
    }
  }

  private func rows(_ table: String, _ query: String, _ fields: [String]) async throws -> [[String: String]] {
    var rows: [[String: String]] = []
    for page in 0..<100 {
      let answer = try await client.send(
        "GET", "api/now/table/\(table)",
        query: [
          ("sysparm_query", query), ("sysparm_fields", fields.joined(separator: ",")),
          ("sysparm_exclude_reference_link", "true"), ("sysparm_limit", "100"), ("sysparm_offset", "\(page * 100)"),
        ])
      guard answer.isFound else { break }
      let found = try answer.decode(Result<[[String: String]]>.self).result
      rows += found
      if found.count < 100 { break }
    }
    return rows
  }

  package func decisions(of id: String) async throws -> [RemoteDecision] {
    let id = try checked(id)
    let approvals = try await rows(
      "sysapproval_approver", "sysapproval=\(id)^ORDERBYsys_created_on",
      ["sys_id", "approver.user_name", "state", "sys_updated_on", "sys_updated_by"])
    let decided = approvals.filter { ["approved", "rejected"].contains($0["state"]) }
    guard !decided.isEmpty else { return [] }
    let keys = try decided.map { try checked($0["sys_id"] ?? "") }
    let audits = try await rows(
      "sys_audit",
      "tablename=sysapproval_approver^documentkeyIN\(keys.joined(separator: ","))^fieldname=state^ORDERBYsys_created_on",
      ["sys_id", "documentkey", "newvalue", "user", "sys_created_on"])
    let bound = [settings.requestField, settings.revisionField, settings.digestField].joined(separator: ",")
    let writes = try await rows(
      "sys_audit", "tablename=\(settings.table)^documentkey=\(id)^fieldnameIN\(bound)^ORDERBYsys_created_on",
      ["sys_id", "user", "sys_created_on"])
    let tampered = try writes.filter { $0["user"] != settings.account }.map { try time($0["sys_created_on"]) }.min()
    var decisions: [RemoteDecision] = []
    for row in decided {
      let key = row["sys_id"] ?? ""
      let audit = audits.last { $0["documentkey"] == key && $0["newvalue"] == row["state"] }
      let approver = row["approver.user_name"] ?? ""
      let actor = audit?["user"] ?? row["sys_updated_by"] ?? approver
      let at = try time(audit?["sys_created_on"] ?? row["sys_updated_on"])
      decisions.append(
        RemoteDecision(
          transaction: "\(name):\(audit?["sys_id"] ?? key)", login: actor, isApproval: row["state"] == "approved",
          at: at,
          isHuman: audit != nil && actor == approver && ![settings.account, "system", "guest"].contains(actor),
          isAfterTampering: tampered.map { $0 <= at } ?? false))
    }
    return decisions.sorted { $0.at < $1.at }
  }

  private func time(_ text: String?) throws -> Date {
    guard let time = text.flatMap(RemoteTime.parseUTC) else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's time is not one of UTC with whole seconds")
    }
    return time
  }

  package func texts(of id: String, except seen: Set<String>) async throws -> [RemoteText] {
    let rows = try await rows(
      "sys_journal_field", "element_id=\(try checked(id))^elementINcomments,work_notes^ORDERBYsys_created_on",
      ["sys_id", "element", "value"])
    return rows.compactMap { row in
      guard let key = row["sys_id"], let text = row["value"], !seen.contains("journal entry \(key)") else { return nil }
      return RemoteText(place: "journal entry \(key)", text: text)
    }
  }

  /// A `sys_id`.
  private func checked(_ id: String) throws -> String {
    try RemoteID.checked(id, "a sys_id of letters and digits") {
      (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
    }
  }
}
