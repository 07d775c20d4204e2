package import Foundation

/// Our record of a ticket. Its clock runs from the cause to the proof; only a proof, a compensation, a denial, an expiry or a
/// dated and owned exception ends it.
package struct Ticket: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    case request
    case reapproval
    case leaver
    case leak
    case vendorEnd = "vendor_end"
    case expired
    case breakGlass = "break_glass"
    case review
  }

  package enum Resolution: String, Sendable, CaseIterable {
    case proven
    case compensated
    case denied
    case expired
    /// Needs an exception: until when, and who owns it.
    case unverifiable
  }

  package let id: UUID
  package let number: Int64
  package let helpdesk: String
  package let remoteID: String?
  package let kind: Kind
  package let isOpen: Bool
  package let resolution: Resolution?
  package let identity: IdentityID?
  package let request: RequestID?
  package let subject: String
  package let body: String
  package let causeAt: Date
  package let openedAt: Date
  package let dueAt: Date?
  package let provenAt: Date?
  package let closedWithoutControl: Int32

  /// As people name it.
  package var name: String { remoteID.map { "\(helpdesk):\($0)" } ?? "KT-\(number)" }
}

/// A change of people in words, and what every text must keep to.
enum TicketText {
  /// Longest text of a ticket that is looked at; the rest of a longer one is never stored.
  static let maximum = 20_000

  /// Refuses a text with a secret in it by its field; the text itself appears nowhere.
  static func check(_ text: String, field: String) throws(GovernanceError) {
    guard SecretScan.find(in: text).isEmpty else {
      throw GovernanceError(
        code: .refused, message: "\(field): \(ReasonCode.secretInTicket.explanation)", reasons: [.secretInTicket])
    }
  }

  static func order(
    _ trigger: ReapprovalTrigger, identity: IdentityID, name: String, words: String,
    levels: PolicyDocument.ServiceLevels?, isOwner: Bool = false
  ) -> OpenTickets.Order {
    let levels = levels ?? PolicyDocument.ServiceLevels()
    let (kind, seconds): (Ticket.Kind, Double) =
      switch trigger {
      case .leakSignal: (.leak, levels.leakContain)
      case .personLeft where isOwner: (.leaver, levels.leaverDisable)
      default: (.reapproval, levels.reapproval)
      }
    return OpenTickets.Order(
      identity: identity, kind: kind, subject: clipped("\(name): \(trigger.reason.explanation)", 300),
      body: clipped("What changed: \(words).\nWhat is needed: \(trigger.remedy)", maximum), dueSeconds: seconds,
      proofSeconds: kind == .leaver ? levels.leaverRotate : nil)
  }

  static func order(_ reason: ReasonCode, identity: IdentityID, name: String, words: String) -> OpenTickets.Order {
    OpenTickets.Order(
      identity: identity, kind: .reapproval, subject: clipped("\(name): \(reason.explanation)", 300),
      body: clipped("What changed: \(words).\nWhat is needed: \(reason.explanation).", maximum),
      dueSeconds: PolicyDocument.ServiceLevels().reapproval)
  }

  /// One line of at most 400 characters; what looks like a secret is not repeated.
  static func observed(_ words: String) -> String {
    guard SecretScan.find(in: words).isEmpty else { return "what was seen looks like a secret and is not repeated" }
    return clipped(String(words.map { $0.isNewline || $0 == "\0" ? " " : $0 }), 400)
  }

  static func clipped(_ text: String, _ scalars: Int) -> String {
    text.utf8.count <= scalars ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(scalars)))
  }
}
