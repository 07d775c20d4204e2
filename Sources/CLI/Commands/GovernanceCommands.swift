import ArgumentParser
import Foundation
import Governance
import Lifecycle

extension IdentityCommand {
  struct Change: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change who owns an identity, its privilege tier or its vendor.",
      discussion:
        "Other owners, a higher tier and another vendor void what was approved before; a ticket says what is needed.")
    @OptionGroup var subject: IdentityOptions
    @Option(help: "The new owner.") var owner: String?
    @Option(help: "The new backup owner.") var backup: String?
    @Option(help: "standard, elevated or privileged.") var tier: PrivilegeTier?
    @Option(help: "The vendor that connects with it.") var vendor: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard owner != nil || backup != nil || tier != nil || vendor != nil else {
        throw ValidationError("give at least one of --owner, --backup, --tier and --vendor")
      }
    }

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      let voided = try await session.client.withTransaction { transaction in
        var voided = try await session.governance.changeOwners(
          of: identity, owner: owner, backup: backup, in: transaction)
        if let tier { voided += try await session.governance.setTier(tier, of: identity, in: transaction) }
        if let vendor { try await session.governance.setVendor(of: identity, to: vendor, in: transaction) }
        return voided.count
      }
      session.output.record([("identity", identity.name), ("voided", "\(voided)")])
    }
  }

  struct Attest: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Confirm as owner that an identity is needed as it is.")
    @OptionGroup var subject: IdentityOptions
    @Option(help: "The owner or backup owner.") var by: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      try await session.client.withTransaction { try await session.governance.attest(identity, by: by, in: $0) }
      session.output.record([("identity", identity.name), ("attested", "now")])
    }
  }

  struct Signal: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Report what the approval did not know of: a leak, drift, a mismatch or a new consumer.")
    @OptionGroup var subject: IdentityOptions
    @Argument(help: "leak_signal, target_drifted, attempt_mismatched or new_consumer.") var trigger: ReapprovalTrigger
    @Option(help: "What was seen, 1 to 400 characters, without the secret.") var reason: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await subject.identity(session)
      let voided = try await session.client.withTransaction {
        try await session.governance.signal(trigger, about: identity, words: reason, in: $0)
      }
      session.output.record([("identity", identity.name), ("voided", "\(voided.count)")])
    }
  }
}

extension PrivilegeTier: ExpressibleByArgument {}
extension ReapprovalTrigger: ExpressibleByArgument {}

struct VendorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vendor", abstract: "Companies that connect from outside.", subcommands: [Set.self, Flag.self])

  struct Set: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a vendor or change its record; a change voids what was approved for it.")
    @Argument var vendor: String
    @Option(help: "Who answers for it inside.") var sponsor: String
    @Option(help: "When the contract begins; default: now.") var contractFrom: Instant?
    @Option(help: "When the contract ends.") var contractUntil: Instant
    @Option(help: "Until when the last security review holds.") var reviewUntil: Instant
    @Option(name: .customLong("target"), help: "A target it may connect to; may be repeated.") var targets: [String] =
      []
    @Option(name: .customLong("scope"), help: "A right it may have; may be repeated.") var scopes: [String] = []
    @Option(name: .customLong("client-id"), help: "May be repeated.") var clientIDs: [String] = []
    @Option(name: .customLong("redirect-domain"), help: "May be repeated.") var domains: [String] = []
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let record = Vendor(
        name: vendor, sponsor: sponsor, contractFrom: contractFrom?.date ?? Date(), contractUntil: contractUntil.date,
        reviewValidUntil: reviewUntil.date, allowedTargets: targets, scopes: scopes, clientIDs: clientIDs,
        redirectDomains: domains)
      let voided = try await session.client.withTransaction {
        try await session.governance.setVendor(record, in: $0)
      }
      session.output.record([("vendor", vendor), ("voided", "\(voided.count)")])
    }
  }

  struct Flag: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Flag a vendor with an incident, which voids at once; or clear it.")
    @Argument var vendor: String
    @Option(help: "What happened.") var reason: String
    @ArgumentParser.Flag(help: "The incident is over.") var clear = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let voided = try await session.client.withTransaction {
        try await session.governance.flagVendor(vendor, incident: !clear, reason: reason, in: $0)
      }
      session.output.record([("vendor", vendor), ("incident", clear ? "no" : "yes"), ("voided", "\(voided.count)")])
    }
  }
}

struct TicketCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ticket", abstract: "The built-in helpdesk: tickets end only with a proof.",
    subcommands: [List.self, Show.self, Open.self, Close.self, Excuse.self, Levels.self])

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "List tickets, newest first.")
    @Flag(help: "Also those that are resolved.") var all = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let tickets = try await session.governance.tickets(onlyOpen: !all, in: session.client)
      session.output.table(
        ["ticket", "kind", "state", "subject", "due", "proven"],
        tickets.map {
          [
            $0.name, $0.kind.rawValue, $0.resolution?.rawValue ?? "open", $0.subject, Output.time($0.dueAt),
            Output.time($0.provenAt),
          ]
        }, empty: "No ticket.")
    }
  }

  struct Show: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Show a ticket with its notes.")
    @Argument(help: "Its number.") var number: Int64
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let ticket = try await session.governance.ticket(number, in: session.client)
      let notes = try await session.governance.notes(of: ticket, in: session.client)
      session.output.report(
        [
          ("ticket", ticket.name), ("kind", ticket.kind.rawValue), ("state", ticket.resolution?.rawValue ?? "open"),
          ("subject", ticket.subject), ("body", ticket.body), ("cause", Output.time(ticket.causeAt)),
          ("due", Output.time(ticket.dueAt)), ("proven", Output.time(ticket.provenAt)),
          ("closed_without_control", "\(ticket.closedWithoutControl)"),
        ],
        [
          Output.Table(
            name: "notes", headings: ["at", "code", "author", "words"],
            rows: notes.map { [Output.time($0.at), $0.code, $0.author, $0.words] }, empty: "No note.")
        ])
    }
  }

  struct Open: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Open a ticket.",
      discussion: "A text with a secret in it is refused, not stored, and opens a leak case.")
    @Option(help: "The identity it is about.") var identity: String?
    @Option(help: "Needed when the name exists on several targets.") var target: String?
    @Option(help: "1 to 300 characters.") var subject: String
    @Option(help: "At most 20000 characters.") var body = ""
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      var about: NonHumanIdentity?
      if let identity { about = try await session.governance.identity(identity, on: target, in: session.client) }
      do {
        let found = about?.id
        let ticket = try await session.client.withTransaction {
          try await session.governance.openTicket(.request, about: found, subject: subject, body: body, in: $0)
        }
        session.output.record([("ticket", ticket.name)])
      } catch let error as GovernanceError where error.reasons == [.secretInTicket] {
        if let about {
          let findings = SecretScan.find(in: subject + "\n" + body)
          try await session.client.withTransaction {
            try await session.governance.reportLeak(of: about, findings: findings, place: "a ticket", in: $0)
          }
        }
        throw error
      }
    }
  }

  struct Close: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Close a ticket whose result is proven.")
    @Argument(help: "Its number.") var number: Int64
    @Option(help: "Who closes it.") var by: String
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let isClosed = try await session.client.withTransaction {
        try await session.governance.close(number, by: by, in: $0)
      }
      session.output.record([
        ("ticket", "KT-\(number)"), ("state", isClosed ? "resolved" : "open: nothing is proven yet"),
      ])
      if !isClosed { throw ExitCode(3) }
    }
  }

  struct Excuse: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "End a ticket that cannot be proven, until a date.")
    @Argument(help: "Its number.") var number: Int64
    @Option(help: "Until when the exception holds.") var until: Instant
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      try await session.client.withTransaction {
        try await session.governance.excuse(number, by: order.by, until: until.date, reason: order.reason, in: $0)
      }
      session.output.record([("ticket", "KT-\(number)"), ("until", Output.time(until.date))])
    }
  }

  struct Levels: StoreCommand {
    static let configuration = CommandConfiguration(
      commandName: "sla", abstract: "Seconds from the cause to ticket, containment and proof, per kind.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      session.output.table(
        ServiceLevelReport.headings, try await session.client.query(ServiceLevelReport()), empty: "No ticket yet.")
    }
  }
}

struct WhyCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "Say what blocks the work on an identity, and what would cure it.")
  @OptionGroup var subject: IdentityOptions
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws {
    let identity = try await subject.identity(session)
    let answer = try await session.client.withTransaction { try await session.governance.why(identity, in: $0) }
    let waiver = try await session.client.queryFirst(FindWaiver(identity: identity.id))
    session.output.report(
      [
        ("identity", identity.name), ("outcome", answer.outcome.rawValue), ("summary", answer.summary),
        (
          "waived",
          waiver.map {
            "its revocation was ended without proof by \($0.by) at \($0.at) (\($0.ticket)): \($0.reason); "
              + "request it again with `keyturn revoke`, which proves it"
          }
        ),
      ],
      [
        Output.Table(
          name: "reasons", headings: ["reason", "remedy"],
          rows: answer.reasons.map { [$0.rawValue, answer.remedy($0)] }, empty: "Nothing blocks it."),
        Output.Table(
          name: "stages", headings: ["stage", "role", "approved", "missing"],
          rows: answer.path?.steps.map { ["\($0.stage.name)", $0.stage.role, "\($0.counted.count)", "\($0.missing)"] }
            ?? [],
          empty: "No approval is asked for."),
        Output.Table(
          name: "tickets", headings: ["ticket", "kind", "subject", "needed"],
          rows: answer.tickets.map { [$0.name, $0.kind.rawValue, $0.subject, $0.body] }, empty: "No open ticket."),
      ])
  }
}

struct DecisionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decisions", abstract: "Stored decisions.", subcommands: [Replay.self, Recheck.self])

  struct Replay: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Decide every stored decision again from its stored inputs; any difference is an error.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let report = try await session.governance.replay(in: session.client)
      let permits = try await session.governance.replayPermits(in: session.client)
      session.output.record([
        ("decisions", "\(report.decisions)"), ("different", "\(report.different.count)"),
        ("first_different", report.different.first.map { $0.uuidString.lowercased() }),
        ("permits", "\(permits.decisions)"), ("not_allowed", "\(permits.different.count)"),
        ("first_not_allowed", permits.different.first.map { $0.uuidString.lowercased() }),
      ])
      if !report.different.isEmpty || !permits.different.isEmpty { throw ExitCode(1) }
    }
  }

  struct Recheck: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Decide again over all live authorizations now, as every night.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      var checked = 0
      var voided = 0
      var unexpected: [ReasonCode: Int] = [:]
      var last: UUID?
      repeat {
        let after = last
        let report = try await session.client.withTransaction {
          try await session.governance.recheck(after: after, limit: 200, in: $0)
        }
        checked += report.checked
        voided += report.voided.count
        unexpected.merge(report.unexpected, uniquingKeysWith: +)
        last = report.last
      } while last != nil
      session.output.record([
        ("checked", "\(checked)"), ("voided", "\(voided)"),
        (
          "unexpected",
          unexpected.keys.map(\.rawValue).sorted().joined(separator: ", ")
        ),
      ])
    }
  }
}
