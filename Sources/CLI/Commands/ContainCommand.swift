import ArgumentParser
import Foundation
import Governance
import Lifecycle
import Postgres

struct ContainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "contain", abstract: "Cut off everything a leak concerns, then rotate or revoke it.",
    subcommands: [Start.self, Status.self, List.self], defaultSubcommand: Start.self)

  struct Start: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Preview what a selector would cut off, or cut it off.",
      discussion: """
        keyturn contain --selector 'target=orders-db' --by alice --ticket INC-1 --reason 'dump was published'
        It is only previewed, with a digest of what matches; --yes --expect DIGEST orders it if it still matches the same. \
        Every login is blocked and every session ended before anything is rotated: the outage is accepted. Workers do it; \
        the command shows the progress and may be ended at any time. Needs the permission `contain` for every environment \
        concerned, or --break-glass with the id that `keyturn break-glass open` printed.
        """)
    @Option(help: "Which credentials: key=value, comma separated; as for `keyturn rotate`.") var selector: String
    @Option(help: "Who orders it.") var by: String
    @Option(help: "The helpdesk's ticket.") var ticket: String
    @Option(help: "Why, 1 to 500 characters; recorded.") var reason: String
    @Option(name: .customLong("then"), help: "What follows: rotate or revoke.")
    var followUp = ContainmentFollowUp.rotate
    @Option(help: "On the authority of this emergency access.") var breakGlass: String?
    @Flag(help: "Order it; needs --expect.") var yes = false
    @Option(help: "With --yes: the digest that the preview printed.") var expect: String?
    @Flag(inversion: .prefixedNo, help: "With --yes: show the progress until all is cut off and rotated.") var follow =
      true
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      do { _ = try RotationSelector(selector) } catch { throw ValidationError("--selector: \(error.message)") }
      guard yes == (expect != nil) else {
        throw ValidationError("--yes and --expect go together; without both it is previewed, with the digest to expect")
      }
      guard expect?.wholeMatch(of: /[0-9a-fA-F]{12}/) != nil || expect == nil else {
        throw ValidationError("--expect must be the 12 hexadecimal digits that the preview printed")
      }
      if let breakGlass, UUID(uuidString: breakGlass) == nil {
        throw ValidationError("--break-glass must be the id that `keyturn break-glass open` printed")
      }
    }

    func run(_ session: Session) async throws {
      let selector = try RotationSelector(selector)
      guard let expect else {
        return show(try await session.lifecycle.previewContainment(selector), of: selector, session.output)
      }
      let id = try await session.lifecycle.contain(
        selector, expecting: expect, followUp: followUp,
        authority: breakGlass.flatMap(UUID.init(uuidString:)).map(ContainmentAuthority.breakGlass) ?? .permission,
        by: by,
        ticket: ticket, reason: reason)
      session.output.say("containment \(id); it goes on without this command: keyturn contain status \(id) --follow")
      let status =
        follow
        ? try await ContainmentDisplay.follow("\(id)", session)
        : try await session.lifecycle.containment("\(id)")
      ContainmentDisplay.show(status, session.output)
    }

    private func show(_ preview: ContainmentPreview, of selector: RotationSelector, _ output: Output) {
      output.report(
        [
          ("selector", "\(selector)"), ("would_contain", "\(preview.containing)"), ("then", followUp.rawValue),
          ("under_way", "\(preview.underWay)"), ("revoked_already", "\(preview.over)"),
          ("consumers", "\(preview.consumers)"), ("digest", "\(preview.digest)"),
          ("command", preview.containing > 0 ? command(preview.digest, selector) : nil),
        ],
        [
          Output.Table(
            name: "targets", headings: ["target", "environment", "would_contain", "consumers", "state"],
            rows: preview.places.map {
              [
                $0.target, $0.environment, "\($0.containing)", ContainmentDisplay.names($0.consumers),
                $0.isPaused ? "paused: nothing happens there until it is resumed" : "ready",
              ]
            }, empty: "The selector matches no credential.")
        ])
      output.say("")
      output.say(
        preview.containing > 0
          ? "Nothing was cut off. To cut it off, run the command above: every client of these logins stops until it reads a "
            + "new secret."
          : "Nothing is left to cut off.")
    }

    private func command(_ digest: SelectionDigest, _ selector: RotationSelector) -> String {
      var words = [
        "keyturn", "contain", "--selector", "\(selector)", "--by", by, "--ticket", ticket, "--reason", reason, "--then",
        followUp.rawValue,
      ]
      if let breakGlass { words += ["--break-glass", breakGlass] }
      return (words + ["--yes", "--expect", "\(digest)"]).map(ContainmentDisplay.shellWord).joined(separator: " ")
    }
  }

  struct Status: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "How far a containment is, and how long it took.")
    @Argument(help: "The containment's id, or its first digits.") var id: String
    @Flag(help: "Show the progress until all is over.") var follow = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let status =
        follow
        ? try await ContainmentDisplay.follow(id, session) : try await session.lifecycle.containment(id)
      ContainmentDisplay.show(status, session.output)
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List containments, the newest first.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let rows = try await session.client.query(ListContainments())
      session.output.table(
        [
          "containment", "selector", "then", "by", "authority", "at", "credentials", "contained", "refused",
          "remaining",
          "follow_ups_open", "seconds_to_contain",
        ], rows, empty: "Nothing was ever contained.")
    }
  }
}

extension ContainmentFollowUp: ExpressibleByArgument {}

enum ContainmentDisplay {
  /// Until all is over; the last status.
  static func follow(_ id: String, _ session: Session) async throws -> ContainmentStatus {
    let progress = ProgressBar("contained")
    let following = ProgressBar("followed up")
    while true {
      let status = try await session.lifecycle.containment(id)
      if status.remaining > 0 {
        let seconds = status.now.timeIntervalSince(status.requestedAt)
        let problem = status.places.compactMap(\.problem).first.map { "(\($0))" } ?? ""
        progress.show(
          status.credentials - status.remaining, of: status.credentials,
          note: String(format: "%.1f s ", seconds) + problem)
      } else {
        following.show(
          status.followUpsDone, of: status.followUpsDone + status.followUpsOpen,
          note: String(format: "all cut off after %.1f s", status.secondsToContain ?? 0))
      }
      if status.isOver {
        following.finish()
        return status
      }
      try await Task.sleep(for: .milliseconds(300))
    }
  }

  static func show(_ status: ContainmentStatus, _ output: Output) {
    output.report(
      [
        ("containment", "\(status.id)"), ("selector", status.selector), ("then", status.followUp.rawValue),
        ("by", status.requestedBy), ("at", Output.time(status.requestedAt)), ("credentials", "\(status.credentials)"),
        ("contained", "\(status.contained)"), ("refused", "\(status.refused)"), ("remaining", "\(status.remaining)"),
        ("seconds_to_contain", status.secondsToContain.map { String(format: "%.2f", $0) }),
        ("follow_ups_open", "\(status.followUpsOpen)"), ("follow_ups_done", "\(status.followUpsDone)"),
        ("follow_ups_not_allowed", "\(status.notAllowed)"), ("over", status.isOver ? "yes" : "no"),
      ],
      [
        Output.Table(
          name: "targets",
          headings: [
            "target", "credentials", "contained", "refused", "remaining", "seconds", "follow_ups_open",
            "follow_ups_done", "not_allowed", "problem",
          ],
          rows: status.places.map {
            [
              $0.target, "\($0.credentials)", "\($0.contained)", "\($0.refused)", "\($0.remaining)",
              $0.secondsToContain.map { String(format: "%.2f", $0) }, "\($0.followUpsOpen)", "\($0.followUpsDone)",
              "\($0.notAllowed)", $0.problem,
            ]
          }, empty: "")
      ])
  }

  /// The first five and how many more.
  static func names(_ names: [String]) -> String {
    guard !names.isEmpty else { return "none" }
    let first = names.prefix(5).joined(separator: ", ")
    return names.count > 5 ? "\(first) and \(names.count - 5) more" : first
  }

  static func shellWord(_ word: String) -> String {
    word.wholeMatch(of: /[A-Za-z0-9_.\/:=,@+-]+/) != nil ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}

struct ListContainments: Statement {
  static let sql = """
    SELECT containment_id::text, selector, follow_up, requested_by, authority,
      to_char(requested_at, 'YYYY-MM-DD HH24:MI:SS'), credentials::text, contained::text, refused::text, remaining::text,
      follow_ups_open::text, round(seconds_to_contain::numeric, 2)::text
    FROM keyturn.v_containment
    ORDER BY requested_at DESC
    LIMIT 100
    """

  static func decode(_ row: PostgresRow) throws -> [String?] { try row.texts(12) }
}
