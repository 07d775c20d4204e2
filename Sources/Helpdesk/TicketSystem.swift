package import Foundation
package import Governance

/// A helpdesk, as Keyturn needs it. One implementation per product; all calls are made with no transaction open.
///
/// What people wrote in a ticket is a hint. Decisions are read from the helpdesk's own record of who did what.
package protocol TicketSystem: Sendable {
  /// In `governance.ticket.helpdesk`, and the realm of its logins.
  var name: String { get }

  /// Opens a ticket that is bound to the request; returns its id.
  func open(_ draft: TicketDraft) async throws -> String
  /// Nil: deleted, or moved where we may not look.
  func read(_ id: String) async throws -> RemoteTicket?
  /// In the order in which they were made.
  func decisions(of id: String) async throws -> [RemoteDecision]
  /// Binds a ticket again; `version` is the one that was read. Throws `.changedMeanwhile`.
  func bind(_ id: String, to binding: TicketBinding, version: String) async throws
  /// Never holds a secret.
  func note(_ id: String, _ text: String) async throws
  /// Ends it, or opens it again when it was ended too early.
  func setState(_ id: String, _ state: RemoteTicket.State, version: String) async throws
  /// What people wrote in it, without the places that were seen before. Looked at for secrets, and never stored.
  func texts(of id: String, except seen: Set<String>) async throws -> [RemoteText]
}

/// One text of a ticket.
package struct RemoteText: Sendable {
  /// Such as "comment 17"; unique within the ticket, and no text of people.
  package let place: String
  package let text: String

  package init(place: String, text: String) {
    self.place = place
    self.text = text
  }
}

/// What a ticket says about the request it is for, in fields that only Keyturn writes.
package struct TicketBinding: Sendable, Equatable {
  package let request: String
  package let revision: Int
  /// Lower-case hexadecimal.
  package let digest: String

  package init(request: String, revision: Int, digest: String) {
    self.request = request
    self.revision = revision
    self.digest = digest
  }

  package init(_ request: Request) {
    self.init(request: "\(request.id)", revision: Int(request.revision), digest: "\(request.digest)")
  }
}

package struct TicketDraft: Sendable {
  package let subject: String
  package let body: String
  package let binding: TicketBinding

  package init(subject: String, body: String, binding: TicketBinding) {
    self.subject = subject
    self.body = body
    self.binding = binding
  }
}

package struct RemoteTicket: Sendable, Equatable {
  package enum State: String, Sendable {
    case waiting
    case approved
    case rejected
    case resolved
    /// Closed in another way.
    case closed
  }

  package let id: String
  package let state: State
  /// Nil when a field is missing.
  package let binding: TicketBinding?
  /// What a write must name, so that it changes what was read.
  package let version: String
  /// It answers under another id now.
  package let isMerged: Bool

  package init(id: String, state: State, binding: TicketBinding?, version: String, isMerged: Bool) {
    self.id = id
    self.state = state
    self.binding = binding
    self.version = version
    self.isMerged = isMerged
  }
}

/// One person's decision as the helpdesk recorded it.
package struct RemoteDecision: Sendable, Equatable {
  /// Unique within the helpdesk, for ever.
  package let transaction: String
  package let login: String
  package let isApproval: Bool
  package let at: Date
  /// A person did it in the helpdesk, by the step that is meant for it.
  package let isHuman: Bool
  /// Somebody else than Keyturn changed the binding before it.
  package let isAfterTampering: Bool

  package init(
    transaction: String, login: String, isApproval: Bool, at: Date, isHuman: Bool, isAfterTampering: Bool
  ) {
    self.transaction = transaction
    self.login = login
    self.isApproval = isApproval
    self.at = at
    self.isHuman = isHuman
    self.isAfterTampering = isAfterTampering
  }
}

/// A helpdesk that does not do what it should, in words without its own.
package struct HelpdeskError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// No answer, or one of 500 and above: granting waits, removing goes on.
    case unreachable
    /// The token is refused, or may not do this.
    case forbidden
    /// Somebody wrote in between; read again.
    case changedMeanwhile = "changed_meanwhile"
    /// An answer that cannot be understood.
    case unexpectedAnswer = "unexpected_answer"
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
