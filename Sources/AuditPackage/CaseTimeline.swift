import Foundation
package import MerkleLog

/// What happened in one rotation, read from its leaves. Pure; the leaves are in order.
package struct CaseTimeline: Sendable {
  package struct Line: Sendable, Equatable {
    /// Microseconds since 1970.
    package let at: Int64
    package let sequence: Int64
    package let text: String
  }

  package private(set) var lines: [Line] = []
  package private(set) var action: String?
  package private(set) var trigger: String?
  package private(set) var openedAt: Int64?
  /// When it was proven done.
  package private(set) var finishedAt: Int64?
  /// Where it stands.
  package private(set) var state: String?

  package init(_ leaves: [EvidenceLeaf]) {
    for leaf in leaves { add(leaf) }
  }

  private mutating func add(_ leaf: EvidenceLeaf) {
    func line(_ text: String) {
      lines.append(Line(at: leaf.at, sequence: leaf.sequence, text: text))
    }
    let detail = leaf.detail
    switch leaf.type {
    case .rotationOpened:
      action = detail["action"]?.string
      trigger = detail["trigger"]?.string
      openedAt = leaf.at
      state = "planned"
      line("opened: \(action ?? "?"), because \(trigger ?? "?")")
    case .rotationStep: addStep(leaf)
    case .rotationCancelled:
      state = "cancelled"
      line("cancelled")
    case .approvalDecided:
      line("\(detail["decision"]?.string ?? "?") by \(leaf.actor)")
    case .decisionMade:
      let reasons = (detail["reasons"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
      line(
        "rules at \(detail["moment"]?.string ?? "?"): \(detail["outcome"]?.string ?? "?")"
          + (reasons.isEmpty ? "" : " (\(reasons))"))
    case .ticketRead:
      line(
        "ticket \(detail["kind"]?.string ?? "?"): \(detail["state"]?.string ?? "?")"
          + (detail["resolution"]?.string.map { ", \($0)" } ?? "")
          + (detail["operation"]?.string == "delete" ? ", deleted here" : ""))
    case .proofObserved:
      line("look at the target: \(detail["result"]?.string ?? "?")")
    case .recordChanged:
      let words = ["state", "phase", "result", "trigger", "code", "decision"].compactMap { detail[$0]?.string }
      line(
        "\(detail["operation"]?.string ?? "change") of \(detail["record"]?.string ?? "a record")"
          + (words.isEmpty ? "" : ": " + words.joined(separator: ", ")) + " by \(leaf.actor)")
    default:
      line(leaf.type.rawValue + " by \(leaf.actor)")
    }
  }

  /// One commit of a saga may hold several outcomes, proofs and moves: in the order in which they happened.
  private mutating func addStep(_ leaf: EvidenceLeaf) {
    let detail = leaf.detail
    var found: [Line] = []
    func line(_ text: String, at: Int64?) {
      found.append(Line(at: at ?? leaf.at, sequence: leaf.sequence, text: text))
    }
    for effect in detail["effects"]?.array ?? [] {
      guard let parts = effect.array, parts.count == 4, let outcome = parts[1].string else { continue }
      line("effect \(outcome)", at: parts[3].integer)
    }
    for proof in detail["proofs"]?.array ?? [] {
      guard let parts = proof.array, parts.count == 4, let kind = parts[0].string, let result = parts[1].string else {
        continue
      }
      line("proof \(kind): \(result)", at: parts[3].integer)
    }
    for move in detail["moves"]?.array ?? [] {
      guard let parts = move.array, parts.count == 2, let to = parts[0].string else { continue }
      state = to
      if to == "done" { finishedAt = parts[1].integer ?? leaf.at }
      line("→ \(to)", at: parts[1].integer)
    }
    if let verb = detail["intent"]?["verb"]?.string { line("permitted and intended: \(verb)", at: nil) }
    if let reason = detail["reason"]?.string { line("reason: \(reason)", at: nil) }
    lines += found.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
  }
}
