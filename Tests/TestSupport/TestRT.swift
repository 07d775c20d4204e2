package import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A real Request Tracker of this test process, with an account for each person.
package actor TestRT {
  package static let shared = TestRT()
  package static let isInstalled =
    FileManager.default.isExecutableFile(atPath: "/usr/share/request-tracker5/libexec/rt-server")
    && FileManager.default.isExecutableFile(atPath: "/usr/sbin/rt-setup-database-5")

  package struct Server: Sendable {
    package let base: URL
    package let tokens: [String: String]
    fileprivate let folder: String

    /// What a person does in RT. REST2 answers 200 with a refusal in words: look at what became of it.
    package func act(_ login: String, _ id: String, _ change: [String: String]) async throws {
      try await send(login, "PUT", "ticket/\(id)", change)
    }

    package func setField(_ login: String, _ id: String, _ field: String, _ value: String) async throws {
      try await send(login, "PUT", "ticket/\(id)", ["CustomFields": [field: value]])
    }

    package func addQueue(_ name: String) async throws {
      try await send("root", "POST", "queue", ["Name": name, "Lifecycle": "access"])
    }

    /// Wipes out all tickets and their queue, as RT's shredder does: nothing in RT says that they were.
    package func shred() throws {
      let process = try TestRT.launch(["shred", folder])
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw URLError(.cannotRemoveFile) }
    }

    package func hasQueue(_ name: String) async throws -> Bool {
      try await send("root", "GET", "queue/\(name)") == 200
    }

    @discardableResult
    fileprivate func send(
      _ login: String, _ method: String, _ path: String, _ json: (any Encodable & Sendable)? = nil
    ) async throws -> Int {
      var request = URLRequest(url: base.appendingPathComponent("REST/2.0/" + path))
      request.httpMethod = method
      request.setValue("token \(tokens[login] ?? "")", forHTTPHeaderField: "Authorization")
      if let json {
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONEncoder().encode(json)
      }
      let (_, response) = try await URLSession.shared.data(for: request)
      return (response as? HTTPURLResponse)?.statusCode ?? 0
    }
  }

  private var starting: Task<Server, any Error>?

  package func server() async throws -> Server {
    if let starting { return try await starting.value }
    let task = Task { try await Self.start() }
    starting = task
    return try await task.value
  }

  private static var script: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../HelpdeskTests/Servers/rt-server").standardized.path
  }

  /// One of its own, which may be spoiled; ends with the test process.
  package static func start() async throws -> Server {
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
    let server = Server(base: URL(string: "http://127.0.0.1:\(port)/")!, tokens: tokens, folder: folder)
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      do {
        if try await server.send("keyturn", "GET", "queue/Access") == 200 { return server }
      } catch {
        guard ContinuousClock.now < deadline else { throw error }
      }
      guard ContinuousClock.now < deadline else { throw URLError(.cannotConnectToHost) }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  fileprivate static func launch(_ arguments: [String]) throws -> Process {
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
