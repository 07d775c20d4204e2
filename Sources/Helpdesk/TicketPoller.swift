import Foundation
package import Governance
package import Postgres
import Synchronization

/// Reads bound tickets and brings what people decided there to the rules. Polling is the truth; a webhook only makes it sooner.
///
/// Calls to the helpdesk are made with no transaction open; each ticket is then settled in one transaction of its own.
package struct TicketPoller: Sendable {
  private let system: any TicketSystem
  private let store: GovernanceStore
  private let client: PostgresClient
  /// Starts what an authorization grants, in the transaction that grants it.
  private let start: @Sendable (Authorization, Request, Transaction) async throws -> Void
  private let seen = SeenTexts()

  package init(
    system: any TicketSystem, store: GovernanceStore, client: PostgresClient,
    start: @escaping @Sendable (Authorization, Request, Transaction) async throws -> Void
  ) {
    self.system = system
    self.store = store
    self.client = client
    self.start = start
  }

  /// How far the helpdesk's clock may be ahead of ours, in seconds.
  private static let clockTolerance = 120.0

  /// What one look at one ticket led to.
  package struct Outcome: Sendable, Equatable {
    package var granted = false
    package var denied = false
    /// Decisions that do not count, with the reasons.
    package var refused: [String: [ReasonCode]] = [:]
    package var reopened = false
    /// Places where a secret was found for the first time.
    package var leaks: [String] = []
    package var problem: ReasonCode?

    package init(problem: ReasonCode? = nil) { self.problem = problem }
  }

  /// Opens a ticket for a request, binds both ways, and returns its id. The request exists already; when the helpdesk fails,
  /// nothing is bound and the call can be made again. A text with a secret is refused before it is sent.
  package func open(_ request: Request, subject: String, body: String) async throws -> String {
    guard SecretScan.find(in: subject + "\n" + body).isEmpty else { throw GovernanceError.refused([.secretInTicket]) }
    let binding = TicketBinding(request)
    let id = try await system.open(TicketDraft(subject: subject, body: body, binding: binding))
    try await client.withTransaction { transaction in
      let ticket = try await store.importTicket(helpdesk: system.name, remoteID: id, subject: subject, in: transaction)
      try await store.bind(ticket, to: request, in: transaction)
    }
    return id
  }

  package func look(at id: String) async throws -> Outcome {
    let remote: RemoteTicket?
    let decisions: [RemoteDecision]
    let texts: [RemoteText]
    do {
      remote = try await system.read(id)
      texts = remote == nil ? [] : try await system.texts(of: id, except: seen.places(of: id))
      decisions = remote == nil ? [] : try await system.decisions(of: id)
    } catch let error as HelpdeskError where error.code == .unreachable {
      return Outcome(problem: .ticketUnreadable)
    }
    let ticket = try await store.remoteTicket(helpdesk: system.name, remoteID: id, in: client)
    guard let requestID = ticket.request else { return Outcome(problem: .ticketDigestMismatch) }
    var outcome = Outcome()
    try await scan(texts, of: ticket, &outcome)
    if !ticket.isOpen {
      try await end(ticket, remote)
      return outcome
    }
    guard let remote, !remote.isMerged else {
      outcome.problem = .ticketNotOpen
      try await note(ticket, .ticketNotOpen)
      return outcome
    }
    let request = try await store.request(requestID, in: client)
    if remote.binding != TicketBinding(request) {
      outcome.problem = .ticketDigestMismatch
      try await note(ticket, .ticketDigestMismatch)
      return outcome
    }
    for decision in decisions where request.decision == "waiting" {
      try await take(decision, request, &outcome)
    }
    try await keepOpen(ticket, remote, request, &outcome)
    return outcome
  }

  /// A secret opens a leak case, and whoever reads the ticket is asked to remove it.
  private func scan(_ texts: [RemoteText], of ticket: Ticket, _ outcome: inout Outcome) async throws {
    for text in texts {
      guard !SecretScan.find(in: text.text).isEmpty else {
        seen.add(text.place, of: ticket.remoteID ?? "")
        continue
      }
      let isNews = try await client.withTransaction { transaction in
        let before = try await store.notes(of: ticket, in: transaction).count
        _ = try await store.reportLeak(in: text.text, at: text.place, of: ticket, in: transaction)
        return try await store.notes(of: ticket, in: transaction).count > before
      }
      if isNews {
        outcome.leaks.append(text.place)
        do {
          try await system.note(ticket.remoteID ?? "", ReasonCode.secretInTicket.explanation)
        } catch is HelpdeskError {
          // The case is open; the note was only a courtesy.
        }
      }
      seen.add(text.place, of: ticket.remoteID ?? "")
    }
  }

  private func take(_ decision: RemoteDecision, _ request: Request, _ outcome: inout Outcome) async throws {
    do {
      guard !decision.isAfterTampering else { throw GovernanceError.refused([.ticketDigestMismatch]) }
      // RT's clock has whole seconds: within the second of the submission is after it, since the ticket came after.
      guard decision.at >= request.submittedAt.addingTimeInterval(-1) else {
        throw GovernanceError.refused([.approvalBeforeSubmission])
      }
      guard decision.at <= Date(timeIntervalSinceNow: Self.clockTolerance) else {
        throw GovernanceError.refused([.approvalInFuture])
      }
      let result = try await client.withTransaction { transaction in
        let person = try await store.person(realm: system.name, login: decision.login, in: transaction)
        let result = try await store.decide(
          request.id,
          ApprovalInput(
            verdict: decision.isApproval ? .approve : .deny, approver: person.externalID, digest: request.digest,
            isHuman: decision.isHuman, remoteTransaction: decision.transaction, decidedAt: decision.at),
          in: transaction)
        if let authorization = result.authorization { try await start(authorization, request, transaction) }
        return result
      }
      switch result {
      case .granted: outcome.granted = true
      case .denied: outcome.denied = true
      case .waiting: break
      }
    } catch let error as GovernanceError where error.code == .refused {
      // Taken before, or a stage that others fill: no news.
      if !error.reasons.contains(.alreadyDecided) && !error.reasons.contains(.denied) {
        outcome.refused[decision.transaction] = error.reasons
      }
    }
  }

  /// The result is proven: the helpdesk's ticket may end, and says so.
  private func end(_ ticket: Ticket, _ remote: RemoteTicket?) async throws {
    guard let provenAt = ticket.provenAt, let id = ticket.remoteID else { return }
    if let remote, !remote.isMerged, remote.state == .waiting || remote.state == .approved {
      do {
        try await system.setState(id, .resolved, version: remote.version)
      } catch let error as HelpdeskError where error.code == .changedMeanwhile {
        // The next look sees what it is now.
        return
      }
      try await system.note(id, "The result was proven at \(provenAt.formatted(.iso8601)).")
    }
    try await store.markEndedRemotely(ticket, in: client)
  }

  /// A ticket that was ended before anything was proven is opened again.
  private func keepOpen(
    _ ticket: Ticket, _ remote: RemoteTicket, _ request: Request, _ outcome: inout Outcome
  ) async throws {
    guard remote.state == .resolved || remote.state == .closed, ticket.provenAt == nil, request.decision != "denied"
    else {
      return
    }
    do {
      try await system.setState(
        ticket.remoteID ?? "", request.decision == "approved" ? .approved : .waiting, version: remote.version)
    } catch let error as HelpdeskError where error.code == .changedMeanwhile {
      // The next look sees what it is now.
      return
    } catch let error as HelpdeskError where error.code == .unreachable {
      outcome.problem = .ticketUnreadable
      return
    }
    outcome.reopened = true
    try await client.withTransaction { _ = try await store.close(ticket.number, by: system.name, in: $0) }
    try await system.note(ticket.remoteID ?? "", ReasonCode.closedWithoutControl.explanation)
  }

  /// Said once, however often it is seen. What the ticket's request granted is void: nobody can see any more what was approved.
  private func note(_ ticket: Ticket, _ reason: ReasonCode) async throws {
    try await client.withTransaction { try await store.distrust(ticket, because: reason, by: system.name, in: $0) }
  }
}

/// Texts that were looked at already, in this process; a lock around a dictionary.
private final class SeenTexts: Sendable {
  private let places = Mutex<[String: Set<String>]>([:])

  func places(of ticket: String) -> Set<String> { places.withLock { $0[ticket] ?? [] } }
  func add(_ place: String, of ticket: String) { places.withLock { _ = $0[ticket, default: []].insert(place) } }
}
