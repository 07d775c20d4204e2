import ArgumentParser
import Foundation
import Governance
import Helpdesk

struct HelpdeskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "helpdesk",
    abstract:
      "Approvals in Request Tracker 5, Jira Service Management, ServiceNow, or any helpdesk with signed webhooks.",
    discussion: """
      Request Tracker 5 is tested against a real one. Jira Service Management and ServiceNow are checked against recorded \
      contracts of their published interfaces, not against a live server.
      """, subcommands: [Open.self, Poll.self])

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case rt
    case jira
    case servicenow
    case webhook
  }

  /// Where it is, and as whom Keyturn reads and writes there.
  struct Place: ParsableArguments {
    @Option(help: "rt, jira, servicenow or webhook.") var kind = Kind.rt
    @Option(help: "Its name here, and the realm of its logins; default: the kind.") var name: String?
    @Option(help: "Its address, such as https://rt.example/.") var url: String
    @Option(
      help: """
        File that only its owner may read. rt, servicenow: the token of an account without the right to approve; jira: \
        address:token; webhook: the whsec_… key.
        """)
    var tokenFile: String
    @Option(help: "rt: the queue.") var queue = "Access"
    @Option(help: "jira: the service desk's id.") var serviceDesk = "1"
    @Option(help: "jira: the request type's id.") var requestType = "1"
    @Option(help: "servicenow: the table.") var table = "change_request"
    @Option(help: "jira, servicenow: the fields for request, revision and digest, with commas between.")
    var fields: String?
    @Option(help: "The account's login, user name or account id.") var account = "keyturn"

    func system(_ session: Session) throws -> any TicketSystem {
      guard let base = URL(string: url), ["http", "https"].contains(base.scheme) else {
        throw ValidationError("--url must begin with https:// or http://")
      }
      let name = name ?? kind.rawValue
      guard (1...60).contains(name.count) else { throw ValidationError("--name must have 1 to 60 characters") }
      let names = fields.map { $0.split(separator: ",").map(String.init) }
      guard names == nil || names?.count == 3 else {
        throw ValidationError("--fields must name three fields: request,revision,digest")
      }
      if kind == .webhook {
        return WebhookTicketSystem(
          name: name, url: base, signature: try OwnersFile.signature(tokenFile, option: "--token-file"),
          account: account, store: session.governance, database: session.client)
      }
      let token = try OwnersFile.text(tokenFile, option: "--token-file")
      switch kind {
      case .jira:
        var settings = JiraTicketSystem.Settings()
        settings.serviceDesk = serviceDesk
        settings.requestType = requestType
        settings.account = account
        if let names {
          (settings.requestField, settings.revisionField, settings.digestField) = (names[0], names[1], names[2])
        }
        return JiraTicketSystem(name: name, base: base, token: token, settings: settings)
      case .servicenow:
        var settings = ServiceNowTicketSystem.Settings()
        settings.table = table
        settings.account = account
        if let names {
          (settings.requestField, settings.revisionField, settings.digestField) = (names[0], names[1], names[2])
        }
        return ServiceNowTicketSystem(name: name, base: base, token: token, settings: settings)
      case .rt, .webhook:
        var settings = RTTicketSystem.Settings()
        settings.queue = queue
        settings.account = account
        return RTTicketSystem(name: name, base: base, token: token, settings: settings)
      }
    }

    func poller(_ session: Session) throws -> TicketPoller {
      TicketPoller(system: try system(session), store: session.governance, client: session.client) {
        authorization, request, transaction in
        _ = try await session.lifecycle.start(authorization, for: request, in: transaction)
      }
    }
  }

  struct Open: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Open a ticket for a request, bound to its digest.")
    @Argument(transform: parseID) var request: UUID
    @OptionGroup var place: Place
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let request = try await session.governance.request(RequestID(request), in: session.client)
      let change = String(decoding: request.core, as: UTF8.self)
      let id = try await place.poller(session).open(
        request, subject: "Keyturn: \(request.actions.map(\.rawValue).joined(separator: " and "))",
        body: "Approve exactly this:\n\n\(change)\n\nSHA-256 \(request.digest)")
      session.output.record([("ticket", id), ("request", "\(request.id)"), ("digest", "\(request.digest)")])
    }
  }

  struct Poll: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read what was decided, until interrupted: the truth, whatever webhooks say.")
    @Option(help: "Seconds between looks, 1 to 3600.") var every = 15.0
    @Flag(help: "Look once.") var once = false
    @OptionGroup var place: Place
    @OptionGroup var global: GlobalOptions

    func validate() throws {
      guard (1...3600).contains(every) else { throw ValidationError("--every must be 1 to 3600") }
    }

    func run(_ session: Session) async throws {
      let poller = try place.poller(session)
      let name = try place.system(session).name
      repeat {
        for id in try await session.governance.boundTickets(helpdesk: name, in: session.client) {
          let outcome: TicketPoller.Outcome
          do {
            outcome = try await poller.look(at: id)
          } catch let error as HelpdeskError {
            // One ticket that cannot be read must not hold up the decisions on all others.
            session.output.record([
              ("ticket", id), ("result", "none"), ("problem", error.code.rawValue), ("detail", error.message),
            ])
            continue
          }
          guard outcome != TicketPoller.Outcome() else { continue }
          let refused = outcome.refused.values.flatMap { $0 }.map(\.rawValue).joined(separator: ", ")
          session.output.record([
            ("ticket", id),
            (
              "result", outcome.granted ? "granted" : outcome.denied ? "denied" : outcome.reopened ? "reopened" : "none"
            ),
            ("secrets", outcome.leaks.isEmpty ? nil : outcome.leaks.joined(separator: ", ")),
            ("problem", outcome.problem?.rawValue), ("refused", refused.isEmpty ? nil : refused),
          ])
        }
        if !once { try await Task.sleep(for: .seconds(every)) }
      } while !once
    }
  }
}
