import Foundation
import Governance
import Postgres
import TestSupport
import Testing

@testable import Helpdesk

/// The helpdesks that are checked against recorded contracts.
enum RecordedHelpdesk: String, CaseIterable, Sendable {
  case jira
  case servicenow

  var authorization: String {
    switch self {
    case .jira: "Basic " + Data("keyturn@example.org:t".utf8).base64EncodedString()
    case .servicenow: "Bearer t"
    }
  }

  var ticket: String { self == .jira ? "ACC-1" : "46b9490da9fe19810105ab9abe4e5a57" }

  func system(_ base: URL) -> any TicketSystem {
    switch self {
    case .jira: JiraTicketSystem(base: base, token: "keyturn@example.org:t")
    case .servicenow: ServiceNowTicketSystem(base: base, token: "t")
    }
  }

  /// A ticket as its helpdesk answers for it.
  struct Ticket: Sendable {
    enum Status: Sendable {
      case waiting
      case done
    }

    struct Decision: Sendable {
      var actor = "bob"
      var isApproval = true
      /// An account of automation, or somebody else than the approver set it.
      var isForced = false
    }

    let binding: TicketBinding
    var status = Status.waiting
    var decision: Decision?
    var decidedAt = Date()
    /// The digest field shows this instead.
    var shownDigest: String?
    /// Who last wrote a field of the binding, and when.
    var editor = "keyturn"
    var editedAt = Date()
    var version = 1
    var isDuplicate = false
    var isMoved = false
    var isDeleted = false
    var comment = "Looks right to me."
    var note = ReasonCode.closedWithoutControl.explanation

    init(_ request: Request) { binding = TicketBinding(request) }
  }

  func exchanges(_ ticket: Ticket) throws -> [ContractServer.Exchange] {
    let values = variables(ticket)
    var names =
      switch self {
      case .jira: ["open", "changelog", "account", "comments", "note", "transitions", "transition"]
      case .servicenow: ["open", "audit-decision", "audit-binding", "journal", "note", "reopen"]
      }
    names.append(ticket.isDeleted ? "deleted" : self == .jira && ticket.isDuplicate ? "read-duplicate" : "read")
    names.append(ticket.decision == nil ? "no-decision" : "decision")
    return try names.map { try ContractServer.Exchange("\(rawValue)/\($0)", values) }
  }

  private func variables(_ ticket: Ticket) -> [String: String] {
    let decision = ticket.decision ?? Ticket.Decision()
    let milliseconds = Int64((ticket.decidedAt.timeIntervalSince1970 * 1000).rounded())
    var values = [
      "request": ticket.binding.request, "revision": "\(ticket.binding.revision)",
      "digest": ticket.shownDigest ?? ticket.binding.digest, "editor": ticket.editor, "actor": decision.actor,
      "comment": ticket.comment, "note": ticket.note,
    ]
    switch self {
    case .jira:
      values["key"] = ticket.isMoved ? "OPS-9" : self.ticket
      values["status"] = ticket.status == .waiting ? "Waiting for approval" : "Done"
      values["updated"] = "2026-11-25T10:00:0\(ticket.version).000+0100"
      values["edited"] = ticket.editedAt.formatted(.iso8601).replacing("Z", with: ".000+0000")
      values["decision"] = decision.isApproval ? "approved" : "declined"
      values["millis"] = "\(milliseconds)"
      values["accountType"] = decision.isForced ? "app" : "atlassian"
    case .servicenow:
      values["class"] = ticket.isMoved ? "incident" : "change_request"
      values["status"] = ticket.status == .waiting ? "-3" : "3"
      values["approval"] = ticket.decision.map { $0.isApproval ? "approved" : "rejected" } ?? "requested"
      values["resolution"] = ticket.isDuplicate ? "Duplicate" : ""
      values["updated"] = "\(ticket.version)"
      values["edited"] = Self.utc(ticket.editedAt)
      values["decision"] = decision.isApproval ? "approved" : "rejected"
      values["decided"] = Self.utc(ticket.decidedAt)
      values["setter"] = decision.isForced ? "admin" : decision.actor
    }
    return values
  }

  private static func utc(_ time: Date) -> String {
    time.formatted(.iso8601).replacing("T", with: " ").replacing("Z", with: "")
  }
}

/// A control database with people, an identity and their logins at a helpdesk.
struct HelpdeskWorld: Sendable {
  let database: TestDatabase
  let store = GovernanceStore()

  static func make(realm: String) async throws -> HelpdeskWorld {
    let world = HelpdeskWorld(database: try await TestDatabase.make())
    let client = world.database.client
    for person in ["alice", "bob", "carol", "dave"] {
      _ = try await world.store.addPerson(person, in: client)
      if person != "carol" {
        try await world.store.addAccount(realm: realm, login: person, of: person, in: client)
      }
    }
    // As if somebody had registered the engine's account as a person's, against all advice.
    try await world.store.addAccount(realm: realm, login: "keyturn", of: "dave", in: client)
    try await world.store.addTarget(
      TargetRecord(id: .make(), name: "db", kind: "simulated", environment: "test", settings: [:], adminEnvelope: [1]),
      in: client)
    _ = try await world.store.addIdentity(
      IdentityDraft(
        target: "db", name: "svc", owner: "alice", backupOwner: "carol", purpose: "p", environment: "test",
        workload: "w", expiresAt: Date(timeIntervalSinceNow: 86_400 * 90)), now: Date(), in: client)
    return world
  }

  func submit() async throws -> Request {
    try await database.client.withTransaction { transaction in
      try await store.submit(
        [.issue, .rotate], for: try await store.identity("svc", on: nil, in: transaction), requester: "alice",
        beneficiary: nil, ticket: "T", now: Date(), in: transaction)
    }
  }

  func poller(_ system: any TicketSystem) -> TicketPoller {
    TicketPoller(system: system, store: store, client: database.client) { _, _, _ in }
  }

  func authorizations() async throws -> Int {
    try await database.count("SELECT count(*)::text FROM governance.authorization WHERE void_code IS NULL")
  }

  /// Rows of all tables that hold the text, as text or as bytes.
  func rows(with text: String) async throws -> [String] {
    try await database.withOwner { connection in
      let tables = try await connection.query(
        """
        SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname IN ('governance', 'lifecycle', 'jobs', 'evidence', 'keyturn') ORDER BY 1
        """)
      var found: [String] = []
      for table in tables {
        let name: String = try table[0]
        let hits = try await connection.query(
          .init(
            stringLiteral: """
              SELECT t::text FROM \(name) AS t
              WHERE position('\(text)' IN t::text) > 0
                OR position(encode(convert_to('\(text)', 'UTF8'), 'hex') IN t::text) > 0
              """))
        for hit in hits {
          let row: String = try hit[0]
          found.append("\(name): \(row)")
        }
      }
      return found
    }
  }
}
