import ArgumentParser
import Foundation
import Governance

extension PersonCommand {
  struct Feed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "feed", abstract: "People from a directory or HR: sources, deliveries, quarantine.",
      subcommands: [Source.self, Import.self, Pull.self, Release.self, List.self])

    struct Source: StoreCommand {
      static let configuration = CommandConfiguration(abstract: "Register a source of people.")
      @Argument var source: String
      @Option(help: "csv, ldap or scim.") var kind: IdentitySource.Kind
      @Option(help: "Older data is stale: 36h, 2d. Stale data stops granting, never removing.") var maximumAge = "36h"
      @Option(help: "Share of active people that one delivery may remove, 0 to 1.") var breakShare = 0.05
      @Option(help: "Removals up to this number always pass.") var breakPersons = 20
      @OptionGroup var global: GlobalOptions

      func validate() throws {
        guard PolicyParser.duration(maximumAge) != nil else {
          throw ValidationError("--maximum-age must be like 36h or 2d")
        }
      }

      func run(_ session: Session) async throws {
        try await session.governance.addSource(
          IdentitySource(
            name: source, kind: kind, maximumAge: PolicyParser.duration(maximumAge),
            breaker: MassChangeBreaker(share: breakShare, persons: breakPersons)), in: session.client)
        session.output.record([("source", source), ("kind", kind.rawValue)])
      }
    }

    struct Import: StoreCommand {
      static let configuration = CommandConfiguration(
        abstract: "Take a complete CSV delivery with its manifest.",
        discussion: """
          Columns: id, state (active, suspended, terminated), and optional name, email, manager, department, title. The \
          manifest is JSON: rows, sha256, as_of (RFC 3339 in UTC), sequence.
          """)
      @Argument var source: String
      @Argument(help: "The CSV file.") var file: String
      @Option(help: "The manifest; default: the file's name with .manifest.json.") var manifest: String?
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let about = [UInt8](try Data(contentsOf: URL(fileURLWithPath: manifest ?? file + ".manifest.json")))
        let feed = try PersonFeed(csv: bytes, manifest: FeedManifest(json: about))
        let result = try await session.client.withTransaction {
          try await session.governance.take(feed, from: source, in: $0)
        }
        Feed.show(result, session)
      }
    }

    struct Pull: StoreCommand {
      static let configuration = CommandConfiguration(
        abstract: "Read all people from an LDAP directory.",
        discussion: "The bind password is read from --password-file, which only its owner may read.")
      @Argument var source: String
      @Option(help: "ldap://host:port (with StartTLS) or ldaps://host:port.") var url: String
      @Option(help: "Where people are.") var base: String
      @Option(help: "Which entries are people.") var filter = "(objectClass=inetOrgPerson)"
      @Option(help: "Who reads.") var bindDN: String
      @Option(help: "File with the password.") var passwordFile: String
      @Option(help: "Certificate of the directory's authority.") var ca: String?
      @Flag(help: "Without TLS; only for a directory on this machine.") var plaintext = false
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        let directory = LDAPDirectory(
          url: url, base: base, filter: filter, bindDN: bindDN, passwordFile: passwordFile, caFile: ca,
          encryption: plaintext ? .none : .required)
        let people = try await directory.people()
        let result = try await session.client.withTransaction {
          try await session.governance.take(people, fromDirectory: source, in: $0)
        }
        Feed.show(result, session)
      }
    }

    struct Release: StoreCommand {
      static let configuration = CommandConfiguration(
        abstract: "Say that a quarantined delivery is true; two people must.")
      @Argument(transform: parseID) var feed: UUID
      @OptionGroup var order: OperatorOptions
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        let result = try await session.client.withTransaction {
          try await session.governance.release(feed, by: order.by, reason: order.reason, in: $0)
        }
        guard let result else {
          session.output.record([("feed", feed.uuidString.lowercased()), ("state", "one more person must release it")])
          return
        }
        Feed.show(result, session)
      }
    }

    struct List: StoreCommand {
      static let configuration = CommandConfiguration(abstract: "List sources and how fresh they are.")
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        let sources = try await session.governance.sources(in: session.client)
        session.output.table(
          ["source", "kind", "as_of", "sequence", "state"],
          sources.map {
            [
              $0.name, $0.kind.rawValue, Output.time($0.asOf), "\($0.sequence)",
              $0.isQuarantined ? "quarantined" : $0.isStale(at: Date()) ? "stale" : "ok",
            ]
          }, empty: "No source.")
      }
    }

    fileprivate static func show(_ result: FeedResult, _ session: Session) {
      switch result {
      case .applied(let changed, let removed, let voided):
        session.output.record([
          ("state", "applied"), ("changed", "\(changed)"), ("removed", "\(removed)"), ("voided", "\(voided)"),
        ])
      case .quarantined(let feed, let removals, let active):
        session.output.record([
          ("state", "quarantined"), ("feed", feed.uuidString.lowercased()), ("removals", "\(removals)"),
          ("active", "\(active)"),
        ])
        session.output.say("Nothing was changed. If it is true, two people say so: keyturn person feed release …")
      }
    }
  }
}

extension IdentitySource.Kind: ExpressibleByArgument {}
