import ArgumentParser
import Foundation
import Governance
import Lifecycle

struct RotateCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Rotate a secret now, or many by a selector, under the standing authorizations.",
    discussion: """
      One: keyturn rotate svc_orders --by alice --ticket OPS-1
      Many: keyturn rotate --selector 'target=orders-db,identity=svc_*' --by alice --ticket OPS-1 --reason '…'
      A selector is only previewed, with a digest of what it matches; --yes --expect DIGEST starts it if it still matches \
      the same. Keys, all of which must hold: target and identity (* stands for any characters), environment (the \
      target's), owner, policy.
      """)
  @Argument(help: "The identity; or use --selector.") var identity: String?
  @Option(help: "Which credentials: key=value, comma separated.") var selector: String?
  @Option(help: "Who asks.") var by: String
  @Option(help: "The helpdesk's ticket.") var ticket: String
  @Option(help: "With --selector: why, 1 to 500 characters; recorded.") var reason: String?
  @Flag(help: "With --selector: start it; needs --expect.") var yes = false
  @Option(help: "With --yes: the digest that the preview printed.") var expect: String?
  @Option(help: "Needed when the identity's name exists on several targets.") var target: String?
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard (identity == nil) != (selector == nil) else {
      throw ValidationError("give either an identity or --selector")
    }
    guard let selector else {
      guard reason == nil, !yes, expect == nil else {
        throw ValidationError("--reason, --yes and --expect go with --selector")
      }
      return
    }
    do { _ = try RotationSelector(selector) } catch { throw ValidationError("--selector: \(error.message)") }
    guard target == nil else { throw ValidationError("--target goes with an identity; write target=… in the selector") }
    guard reason != nil else { throw ValidationError("--reason is missing; a selector needs one") }
    guard yes == (expect != nil) else {
      throw ValidationError("--yes and --expect go together; without both it is previewed, with the digest to expect")
    }
    guard expect?.wholeMatch(of: /[0-9a-fA-F]{12}/) != nil || expect == nil else {
      throw ValidationError("--expect must be the 12 hexadecimal digits that the preview printed")
    }
  }

  func run(_ session: Session) async throws {
    if let selector {
      try await rotate(try RotationSelector(selector), session)
    } else if let identity {
      try await rotate(identity, session)
    }
  }

  private func rotate(_ name: String, _ session: Session) async throws {
    let identity = try await session.governance.identity(name, on: target, in: session.client)
    let person = try await session.governance.person(by, in: session.client)
    guard person.isActive else { throw GovernanceError.refused([.requesterInactive]) }
    let isNew = try await session.lifecycle.requestRotation(
      identity.id, trigger: .requested(by: person.id, ticket: ticket))
    session.output.record([
      ("identity", identity.name), ("rotation", isNew ? "started" : "already under way"),
    ])
  }

  // MARK: By selector

  private func rotate(_ selector: RotationSelector, _ session: Session) async throws {
    // A preview that the same person could not carry out would mislead.
    _ = try await session.governance.activeOperator(by, reason: reason ?? "", in: session.client)
    let ticket = try GovernanceStore.validTicket(ticket)
    guard let expect else {
      let preview = try await session.lifecycle.previewRotation(selector)
      return show(preview, of: selector, session.output)
    }
    let progress = ProgressBar("starting")
    let started = try await session.lifecycle.rotate(
      selector, expecting: expect, by: by, ticket: ticket, reason: reason ?? ""
    ) { done, total in
      if total > 500 { progress.show(done, of: total) }
    }
    session.output.record([("selector", "\(selector)"), ("started", "\(started)")])
  }

  private func show(_ preview: RotationPreview, of selector: RotationSelector, _ output: Output) {
    output.report(
      [
        ("selector", "\(selector)"), ("credentials", "\(preview.matching)"), ("would_start", "\(preview.starting)"),
        ("under_way", "\(preview.underWay)"), ("not_active", Self.counts(preview.inactive)),
        ("refused", "\(preview.refused)"),
        ("reasons", Self.counts(Dictionary(uniqueKeysWithValues: preview.reasons.map { ($0.key.rawValue, $0.value) }))),
        ("nearest_expiry", Output.time(preview.nearestExpiry)), ("digest", "\(preview.digest)"),
        ("command", preview.starting > 0 ? command(preview.digest, selector) : nil),
      ],
      [
        Output.Table(
          name: "targets", headings: ["target", "environment", "credentials", "would_start"],
          rows: preview.places.map { [$0.target, $0.environment, "\($0.matching)", "\($0.starting)"] },
          empty: "The selector matches no credential.")
      ])
    output.say("")
    output.say(
      preview.starting > 0 ? "Nothing was started. To start it, run the command above." : "Nothing would start.")
  }

  /// `pending 2, revoked 1`; 0 when there is none.
  private static func counts(_ counts: [String: Int]) -> String {
    counts.isEmpty ? "0" : counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  private func command(_ digest: SelectionDigest, _ selector: RotationSelector) -> String {
    let words = [
      "keyturn", "rotate", "--selector", "\(selector)", "--by", by, "--ticket", ticket, "--reason", reason ?? "",
      "--yes",
      "--expect", "\(digest)",
    ]
    return words.map(Self.shellWord).joined(separator: " ")
  }

  private static func shellWord(_ word: String) -> String {
    word.wholeMatch(of: /[A-Za-z0-9_.\/:=,@+-]+/) != nil ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
