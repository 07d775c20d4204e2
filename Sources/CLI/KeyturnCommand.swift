import ArgumentParser
import Secrets

@main
struct Main {
  /// Every command may hold secrets in memory.
  static func main() async {
    do { try ProcessMemory.keepFromDumps() } catch { KeyturnCommand.exit(withError: error) }
    await KeyturnCommand.main()
  }
}

struct KeyturnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keyturn",
    abstract: "Issues, rotates, verifies and revokes the secrets of service accounts, and proves it.",
    discussion: """
      Without --database-url (or KEYTURN_DATABASE_URL), Keyturn uses a PostgreSQL cluster of its own in the data folder.

      Exit codes: 0 done; 1 failed; 3 refused by a rule; 4 no such record; 5 database or target not reachable;
      6 key file missing or wrong; 7 schema does not fit this binary; 64 wrong arguments.

      Shell completions: keyturn --generate-completion-script bash|zsh|fish
      """,
    version: "0.1.0",
    subcommands: [
      DevCommand.self, DemoCommand.self, MigrateCommand.self, WorkerCommand.self, DoctorCommand.self,
      WhyCommand.self, TicketCommand.self, HelpdeskCommand.self, VendorCommand.self, BreakGlassCommand.self,
      DecisionsCommand.self,
      PersonCommand.self, PolicyCommand.self, TargetCommand.self, DiscoverCommand.self, IdentityCommand.self,
      RequestCommand.self,
      ApproveCommand.self, DenyCommand.self, RotateCommand.self, RotationCommand.self, VerifyCommand.self,
      RevokeCommand.self, VoidCommand.self,
      ContainCommand.self, PermissionCommand.self, ConsumerCommand.self, ServerCommand.self,
      IncarnationCommand.self, JobsCommand.self, AuditCommand.self, QueueCommand.self, StatusCommand.self,
      SecretCommand.self,
      KeyCommand.self, BenchCommand.self,
      DemoClientCommand.self, BenchWorkerCommand.self, BenchPollerCommand.self, SagaWorkerCommand.self,
    ])
}
