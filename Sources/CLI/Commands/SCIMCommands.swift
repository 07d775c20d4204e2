import ArgumentParser
import Foundation
import Governance

extension PersonCommand {
  struct SCIM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "scim", abstract: "Directories that write their people over SCIM 2.0.",
      discussion: """
        `keyturn server` answers at /scim/v2. Register a source with `keyturn person feed source NAME --kind scim` first. \
        Users become people, their groups' names roles; active: false suspends, deleting terminates.
        """, subcommands: [Add.self, Remove.self, List.self])

    struct Add: StoreCommand {
      static let configuration = CommandConfiguration(
        abstract: "Register a client of a source and print its token, which is shown once.")
      @Argument(help: "The source of people it speaks for.") var source: String
      @Option(help: "The client's name; unique per source.") var name: String
      @Option(help: "When the token ends: 2027-01-31, or +90d; default: never.") var expires: Instant?
      @Flag(help: "Print only the token, for use in a pipe.") var onlyToken = false
      @OptionGroup var order: OperatorOptions
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        let token = try await session.client.withTransaction {
          try await session.governance.addSCIMClient(
            name, of: source, expiresAt: expires?.date, by: order.by, reason: order.reason, in: $0)
        }
        if onlyToken {
          token.withBytes { FileHandle.standardOutput.write(Data($0)) }
          return
        }
        session.output.record([
          ("source", source), ("client", name), ("token", token.withBytes { String(decoding: $0, as: UTF8.self) }),
        ])
        session.output.say("Keep it now: it is stored as a hash, and never shown again.")
      }
    }

    struct Remove: StoreCommand {
      static let configuration = CommandConfiguration(abstract: "Refuse a client's token from now on.")
      @Argument(help: "The source of people it speaks for.") var source: String
      @Option(help: "The client's name.") var name: String
      @OptionGroup var order: OperatorOptions
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        try await session.client.withTransaction {
          try await session.governance.removeSCIMClient(
            name, of: source, by: order.by, reason: order.reason, in: $0)
        }
        session.output.record([("source", source), ("client", name), ("state", "removed")])
      }
    }

    struct List: StoreCommand {
      static let configuration = CommandConfiguration(abstract: "List clients and when their tokens end.")
      @OptionGroup var global: GlobalOptions

      func run(_ session: Session) async throws {
        let clients = try await session.governance.scimClients(in: session.client)
        session.output.table(
          ["source", "client", "added", "expires"],
          clients.map { [$0.source, $0.name, Output.time($0.createdAt), Output.time($0.expiresAt)] },
          empty: "No client.")
      }
    }
  }
}
