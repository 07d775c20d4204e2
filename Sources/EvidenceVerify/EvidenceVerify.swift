import ArgumentParser
import AuditPackage
import Foundation

/// The auditor's own binary: no database, no network.
@main
struct EvidenceVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keyturn-verify", abstract: "Check an evidence package offline.",
    discussion: """
      Get the log's verifier key and those of witnesses from somebody else than the one who gave you the package. Keep the \
      package's checkpoint (unzip -p PACKAGE checkpoint) and give it with --since next time.

      Exit codes: 0 sound; 1 deviations; 2 not a package, or not signed by your keys; 64 wrong arguments.
      """,
    version: "0.1.0")

  @Argument(help: "The package.") var package: String
  @Option(help: "The log's verifier key, or a file with keys, the log's first; repeat for witnesses.") var key: [String]
  @Option(help: "A checkpoint that you kept: the log must extend it.") var since: String?
  @Option(help: "Witnesses among your keys that must have signed.") var witnesses = 0
  @Option(help: "Certificate (PEM) of the time-stamping authority that must have stamped the log.") var tsa: String?
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let outcome = VerifyRun(package: package, keys: key, since: since, witnesses: witnesses, authority: tsa, json: json)
      .run()
    FileHandle.standardOutput.write(Data(outcome.text.utf8))
    if outcome.exitCode != 0 { throw ExitCode(outcome.exitCode) }
  }
}
