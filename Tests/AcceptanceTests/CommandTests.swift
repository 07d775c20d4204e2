import Foundation
import TestSupport
import Testing

/// The program as a user meets it.
@Suite struct CommandTests {
  struct Ended {
    let code: Int32
    let output: String
    let errors: String
  }

  static var program: URL {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("keyturn")
  }

  static func run(_ arguments: [String], input: String = "", environment: [String: String] = [:]) async throws -> Ended
  {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"].merging(environment) { $1 }
    let folder = try TestFolder.make("keyturn-command")
    defer { _ = try? FileManager.default.removeItem(atPath: folder) }
    let paths = ["in", "out", "err"].map { folder + "/" + $0 }
    try input.write(toFile: paths[0], atomically: true, encoding: .utf8)
    for path in paths.dropFirst() { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardInput = FileHandle(forReadingAtPath: paths[0])
    process.standardOutput = FileHandle(forWritingAtPath: paths[1])
    process.standardError = FileHandle(forWritingAtPath: paths[2])
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    return Ended(
      code: process.terminationStatus, output: try String(contentsOfFile: paths[1], encoding: .utf8),
      errors: try String(contentsOfFile: paths[2], encoding: .utf8))
  }

  @Test func helpExplainsExitCodes() async throws {
    let ended = try await Self.run(["--help"])
    #expect(ended.code == 0)
    #expect(ended.output.contains("Exit codes"))
    // Options that two parts of a command bring are found out when its words are read.
    for command in ["dev", "worker", "server"] {
      let one = try await Self.run([command, "--help"])
      #expect(one.code == 0, "\(command): \(one.errors)")
    }
  }

  @Test func anUnreachableDatabaseEndsWithFive() async throws {
    let ended = try await Self.run(["status", "--database-url", "postgresql://nobody@127.0.0.1:1/none"])
    #expect(ended.code == 5)
    #expect(ended.errors.contains("127.0.0.1"))
  }

  @Test func aWrongPasswordEndsWithFiveAndIsNotPrinted() async throws {
    let target = try await TestTarget.make()
    let ended = try await Self.run([
      "status", "--database-url", "postgresql://postgres:canary-password@127.0.0.1:\(target.running.port)/postgres",
    ])
    #expect(ended.code == 5)
    #expect(ended.errors.contains("password"))
    #expect(!ended.errors.contains("canary"))
    try await target.stop()
  }

  @Test func aMalformedURLIsRefusedByItsField() async throws {
    let ended = try await Self.run(["status", "--database-url", "mysql://x:canary@y/z"])
    #expect(ended.code != 0)
    #expect(!ended.errors.contains("canary"))
    #expect(ended.errors.contains("postgresql://"))
  }

  @Test func aDatabaseWithoutSchemaEndsWithSevenAndTheRemedy() async throws {
    let database = try await TestDatabase.makeEmpty()
    let ended = try await Self.run(["status", "--database-url", database.url])
    #expect(ended.code == 7 || ended.errors.contains("keyturn migrate"))
    await database.close()
  }

  @Test func aNewerSchemaEndsWithSeven() async throws {
    let database = try await TestDatabase.make()
    try await database.withOwner { connection in
      try await connection.executeScript(
        "INSERT INTO keyturn.schema_migration VALUES (9999, 'later', '00', true, 'a test')")
    }
    let ended = try await Self.run(["status", "--database-url", database.url])
    #expect(ended.code == 7)
    #expect(ended.errors.contains("9999"))
    await database.close()
  }

  @Test func theWholeWayByHandOnTheEmbeddedCluster() async throws {
    let target = try await TestTarget.make()
    let folder = try TestFolder.make("keyturn-embedded")
    let common = ["--data-dir", folder]
    func keyturn(_ arguments: String..., input: String = "") async throws -> Ended {
      try await Self.run(arguments + common, input: input)
    }
    #expect(try await keyturn("migrate").code == 0)
    #expect(try await keyturn("key", "create").code == 0)
    #expect(try await keyturn("key", "create").code == 6)
    for person in ["alice", "bob", "carol"] { #expect(try await keyturn("person", "add", person).code == 0) }
    let password = target.adminSecret.withBytes { String(decoding: $0, as: UTF8.self) }
    let added = try await keyturn(
      "target", "add", "db", "--environment", "test", "--set", "host=127.0.0.1", "--set", "port=\(target.running.port)",
      "--set", "database=postgres", "--set", "user=keyturn_admin", "--set", "sslmode=disable", input: password + "\n")
    #expect(added.code == 0, "\(added.errors)")

    let missing = try await keyturn(
      "identity", "add", "svc_cli", "--target", "db", "--backup", "carol", "--purpose", "p", "--environment", "test",
      "--workload", "w", "--expires", "+30d")
    #expect(missing.code == 1)
    #expect(missing.errors.contains("owner is missing"))
    let huge = try await keyturn("person", "state", "bob", "nonsense")
    #expect(huge.code == 64)

    let identity = try await keyturn(
      "identity", "add", "svc_cli", "--target", "db", "--owner", "alice", "--backup", "carol", "--purpose", "p",
      "--environment", "test", "--workload", "w", "--expires", "+90d", "--right", "member:app_readers")
    #expect(identity.code == 0, "\(identity.errors)")
    let request = try await keyturn("request", "issue", "svc_cli", "--by", "alice", "--ticket", "T-1", "--json")
    let fields = try #require(
      try JSONSerialization.jsonObject(with: Data(request.output.utf8)) as? [String: String], "\(request.errors)")
    let (id, digest) = (try #require(fields["request"]), try #require(fields["digest"]))

    let own = try await keyturn("approve", id, "--by", "alice", "--digest", digest)
    #expect(own.code == 3)
    #expect(own.errors.contains("somebody else must approve"))
    let blind = try await keyturn("approve", id, "--by", "bob", "--digest", "000000000000")
    #expect(blind.code == 3)
    #expect(try await keyturn("approve", id, "--by", "bob", "--digest", digest).code == 0)
    let status = try await keyturn("status")
    #expect(status.output.contains("svc_cli"))
    #expect(try await keyturn("secret", "get", "svc_cli").code == 4)
    let unknown = try await keyturn("rotate", "svc_ghost", "--by", "alice", "--ticket", "T-2")
    #expect(unknown.code == 4)
    _ = try? FileManager.default.removeItem(atPath: folder)
    try await target.stop()
  }

  @Test(.timeLimit(.minutes(5))) func theDemoHoldsWhenItsWorkerIsKilledInTheMiddle() async throws {
    let ended = try await Self.run(["demo", "--accounts", "6", "--clients", "2", "--period", "15", "--kill-worker"])
    #expect(ended.code == 0, "\(ended.output.suffix(3000))\n\(ended.errors.suffix(2000))")
    #expect(ended.output.contains("the worker was killed"))
    #expect(ended.output.contains("Everything holds"))
  }
}
