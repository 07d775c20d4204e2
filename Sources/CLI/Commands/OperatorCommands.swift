import ArgumentParser
import Foundation
import Governance
import Lifecycle

struct VoidCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "void",
    abstract: "Take back what was granted to an identity; no further effect begins.")
  @Argument(help: "The identity.") var identity: String
  @Option(help: "Why; shown to whoever meets the refusal.") var reason: String
  @Option(help: "Needed when the name exists on several targets.") var target: String?
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws {
    let identity = try await session.governance.identity(identity, on: target, in: session.client)
    let count = try await session.lifecycle.voidAuthorizations(of: identity.id, reason: reason)
    session.output.record([("identity", identity.name), ("voided", "\(count)")])
  }
}

struct StatusCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Credentials with their versions, due times and open rotations.")
  @Argument(help: "Only this identity, with its history.") var identity: String?
  @OptionGroup var global: GlobalOptions

  func run(_ session: Session) async throws {
    let rows = try await session.client.query(ListCredentials(identity: identity))
    session.output.table(
      [
        "identity", "target", "state", "version", "login", "next_due", "expires", "open", "open_state", "reason",
        "allowed",
        "last_proof", "verified", "waived",
      ],
      rows, empty: identity == nil ? "No credential yet." : "No such credential.")
    guard let identity, !rows.isEmpty, !session.output.json else { return }
    print("")
    let history = try await session.client.query(ListHistory(identity: identity))
    session.output.table(
      ["action", "trigger", "state", "effects", "proofs", "ticket", "started", "finished"], history, empty: "")
  }
}

struct SecretCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Read secrets.", subcommands: [Get.self])

  struct Get: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print login and current secret of an identity.",
      discussion: "With --only-secret nothing but the secret is printed, without a line end, for use in a pipe.")
    @Argument(help: "The identity.") var identity: String
    @Option(help: "Needed when the name exists on several targets.") var target: String?
    @Flag(help: "Print only the secret.") var onlySecret = false
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let identity = try await session.governance.identity(identity, on: target, in: session.client)
      let current = try await session.lifecycle.currentSecret(of: identity.id)
      if onlySecret {
        current.secret.withBytes { FileHandle.standardOutput.write(Data($0)) }
        return
      }
      session.output.record([
        ("identity", identity.name), ("version", "\(current.version)"), ("login", current.login),
        ("secret", current.secret.withBytes { String(decoding: $0, as: UTF8.self) }),
        ("host", current.settings["host"]), ("port", current.settings["port"]),
        ("database", current.settings["database"]),
      ])
    }
  }
}
