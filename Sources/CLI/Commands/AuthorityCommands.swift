import ArgumentParser
import Foundation
import Governance

struct PermissionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "permission", abstract: "What people may do besides asking and approving.",
    subcommands: [Grant.self, Withdraw.self, List.self])

  struct Grant: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Grant a permission; nobody grants one to themselves.")
    @Argument(help: "contain: cut off many credentials at once; waive: end revocations without proof.") var permission:
      OperatorPermission.Kind
    @Argument(help: "Who gets it.") var person: String
    @Option(help: "Only for targets of this environment.") var environment: String?
    @Option(help: "When it ends: 2027-01-31, or +30d.") var until: Instant?
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let id = try await session.governance.grantPermission(
        permission, to: person, environment: environment, validUntil: until?.date, by: order.by, reason: order.reason,
        in: session.client)
      session.output.record([
        ("permission", permission.rawValue), ("person", person), ("environment", environment ?? "all"),
        ("id", id.uuidString.lowercased()),
      ])
    }
  }

  struct Withdraw: StoreCommand {
    static let configuration = CommandConfiguration(
      abstract: "Withdraw a permission; takes effect with the next order.")
    @Argument(help: "contain or waive.") var permission: OperatorPermission.Kind
    @Argument(help: "Who loses it.") var person: String
    @OptionGroup var order: OperatorOptions
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      let count = try await session.governance.withdrawPermission(
        permission, from: person, by: order.by, reason: order.reason, in: session.client)
      session.output.record([("person", person), ("withdrawn", "\(count)")])
    }
  }

  struct List: StoreCommand {
    static let configuration = CommandConfiguration(abstract: "Who holds which permission now.")
    @OptionGroup var global: GlobalOptions

    func run(_ session: Session) async throws {
      var rows: [[String?]] = []
      for kind in OperatorPermission.Kind.allCases {
        rows += try await session.governance.permissions(kind, of: nil, in: session.client).map {
          [
            $0.person, $0.kind.rawValue, $0.environment ?? "all", $0.grantedBy,
            $0.validUntil >= .distantFuture ? nil : Output.time($0.validUntil),
          ]
        }
      }
      session.output.table(
        ["person", "permission", "environment", "granted_by", "until"], rows,
        empty: "Nobody holds a permission; grant one with `keyturn permission grant`.")
    }
  }
}

extension OperatorPermission.Kind: ExpressibleByArgument {}
