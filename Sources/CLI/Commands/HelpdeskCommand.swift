import ArgumentParser
import Foundation
import Governance
import Helpdesk

struct HelpdeskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "helpdesk", abstract: "Approvals in Request Tracker 5.", subcommands: [Open.self, Poll.self])

  /// Where it is, and as whom Keyturn reads and writes there.
  struct Place: ParsableArguments {
    @Option(help: "Its address, such as https://rt.example/.") var url: String
    @Option(help: "File with the token of an account without the right to approve; only its owner may read it.")
    var tokenFile: String
    @Option(help: "The queue.") var queue = "Access"
    @Option(help: "The account's login.") var account = "keyturn"

    func system() throws -> RTTicketSystem {
      guard let base = URL(string: url), ["http", "https"].contains(base.scheme) else {
        throw ValidationError("--url must begin with https:// or http://")
      }
      var mode = stat()
      guard stat(tokenFile, &mode) == 0, mode.st_mode & 0o077 == 0 else {
        throw ValidationError("--token-file must be a file that nobody but its owner may read (chmod 600)")
      }
      let token = try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
      var settings = RTTicketSystem.Settings()
      settings.queue = queue
      settings.account = account
      return RTTicketSystem(base: base, token: token, settings: settings)
    }

    func poller(_ session: Session) throws -> TicketPoller {
      TicketPoller(system: try system(), store: session.governance, client: session.client) {
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
      let system = try place.system()
      let poller = try place.poller(session)
      repeat {
        for id in try await session.governance.boundTickets(helpdesk: system.name, in: session.client) {
          let outcome = try await poller.look(at: id)
          guard outcome != TicketPoller.Outcome() else { continue }
          let refused = outcome.refused.values.flatMap { $0 }.map(\.rawValue).joined(separator: ", ")
          session.output.record([
            ("ticket", id),
            (
              "result", outcome.granted ? "granted" : outcome.denied ? "denied" : outcome.reopened ? "reopened" : "none"
            ),
            ("problem", outcome.problem?.rawValue), ("refused", refused.isEmpty ? nil : refused),
          ])
        }
        if !once { try await Task.sleep(for: .seconds(every)) }
      } while !once
    }
  }
}
