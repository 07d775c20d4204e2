import Foundation
import TestSupport

@testable import Helpdesk

/// A real Request Tracker of this test process, with an account for each person.
actor TestRT {
  static let shared = TestRT()
  static let isInstalled =
    FileManager.default.isExecutableFile(atPath: "/usr/share/request-tracker5/libexec/rt-server")
    && FileManager.default.isExecutableFile(atPath: "/usr/sbin/rt-setup-database-5")

  struct Server: Sendable {
    let base: URL
    let tokens: [String: String]

    func system(_ login: String = "keyturn") -> RTTicketSystem {
      RTTicketSystem(base: base, token: tokens[login] ?? "")
    }

    /// What a person does in RT.
    func act(_ login: String, _ id: String, _ change: [String: String]) async throws {
      let client = HelpdeskClient(
        base: base.appendingPathComponent("REST/2.0"), authorization: "token \(tokens[login] ?? "")")
      _ = try await client.send("PUT", "ticket/\(id)", json: change)
    }

    func setField(_ login: String, _ id: String, _ field: String, _ value: String) async throws {
      let client = HelpdeskClient(
        base: base.appendingPathComponent("REST/2.0"), authorization: "token \(tokens[login] ?? "")")
      _ = try await client.send("PUT", "ticket/\(id)", json: ["CustomFields": [field: value]])
    }
  }

  private var starting: Task<Server, any Error>?

  func server() async throws -> Server {
    if let starting { return try await starting.value }
    let task = Task { try await Self.start() }
    starting = task
    return try await task.value
  }

  private static var script: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Servers/rt-server").path
  }

  private static func start() async throws -> Server {
    let folder = try TestFolder.make("keyturn-rt")
    try launch(["init", folder]).waitUntilExit()
    let port = Int.random(in: 21_000...29_000)
    let process = try launch(["run", folder, "\(port)"])
    ServerCleanup.register(processID: process.processIdentifier, folder: folder)
    let lines = try String(contentsOfFile: folder + "/tokens", encoding: .utf8).split(separator: "\n")
    let tokens = Dictionary(
      lines.map { line in
        let parts = line.split(separator: " ")
        return (String(parts[0]), String(parts[1]))
      }
    ) { $1 }
    let server = Server(base: URL(string: "http://127.0.0.1:\(port)/")!, tokens: tokens)
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      do {
        _ = try await server.system().read("999999")
        return server
      } catch {
        guard ContinuousClock.now < deadline else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private static func launch(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: script)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
}
