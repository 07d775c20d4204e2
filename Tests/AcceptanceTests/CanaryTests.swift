import Foundation
import Lifecycle
import Postgres
import Secrets
import TestSupport
import Testing

/// A secret that was made, applied, replaced and destroyed is found nowhere but on the target as a verifier and, while it
/// lives, in its envelope: not in logs at trace level, not in what an aborted process leaves, not in a row.
@Suite(.timeLimit(.minutes(5))) struct CanaryTests {
  /// A worker as a process of its own, with core files allowed by its parent, and all it says in `worker-N.log`.
  private func startWorker(_ number: Int, of world: TestWorld, in folder: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.arguments = [
      "-c", #"ulimit -c unlimited; exec "$0" "$@""#, CommandTests.program.path, "worker", "--log-level", "trace",
      "--plan-every", "0.2", "--lease", "20", "--poll", "0.05", "--database-url", world.database.url, "--data-dir",
      world.daemon.dataDirectory,
    ]
    process.standardInput = FileHandle.nullDevice
    for (name, path) in [("out", \Process.standardOutput), ("log", \Process.standardError)] {
      let file = "\(folder)/worker-\(number).\(name)"
      try Data().write(to: URL(fileURLWithPath: file))
      process[keyPath: path] = FileHandle(forWritingAtPath: file)
    }
    try process.run()
    return process
  }

  private func ended(_ process: Process, _ world: TestWorld) async throws {
    try await world.database.eventually { !process.isRunning }
  }

  private func cores(in folder: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: folder).count { $0.hasPrefix("core") }
  }

  private func rows(_ world: TestWorld) async throws -> String {
    try await world.database.withOwner { connection in
      let tables = try await connection.query(
        """
        SELECT schemaname::text, tablename::text FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        """ as UtilityStatement)
      var text = ""
      for table in tables {
        let (schema, name): (String, String) = (try table[0], try table[1])
        let rows = try await connection.query(
          "SELECT r::text FROM \(identifier: schema).\(identifier: name) AS r" as UtilityStatement)
        for row in rows { text += (try row[0] as String?) ?? "" }
      }
      return text
    }
  }

  /// Plain, and as bytes are shown.
  private static func forms(_ secret: SecretBytes) -> [String] {
    secret.withBytes { bytes in
      [
        String(decoding: bytes, as: UTF8.self), bytes.map { String(format: "%02x", $0) }.joined(),
        Data(bytes).base64EncodedString(),
      ]
    }
  }

  @Test func aSecretIsFoundNowhereAlsoWhenItsWorkerIsAborted() async throws {
    let world = try await TestWorld.make(
      settings: ["log_min_messages": "debug1", "log_min_duration_statement": "0", "log_parameter_max_length": "-1"])
    let folder = try TestFolder.make("keyturn-canary")
    var seen: [SecretBytes] = [world.target.adminSecret]

    let first = try startWorker(1, of: world, in: folder)
    try await world.issue("svc")
    try await world.settled()
    seen.append(try await world.secret("svc").secret)
    // Somebody else holds what the worker needs on the target, so that it stands in the middle, secret in hand.
    let holder = try await PostgresConnection.connect(world.target.superuser, logger: TestDatabase.logger)
    try await holder.executeScript("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('keyturn:svc', 0))")
    try await world.rotate("svc")
    try await world.database.eventually {
      try await world.targetCount(
        "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'keyturn_admin' AND wait_event_type = 'Lock'") == 1
    }
    #expect(try await world.text("SELECT state FROM lifecycle.rotation WHERE action = 'rotate'") == "applying")
    let limits = try String(contentsOfFile: "/proc/\(first.processIdentifier)/limits", encoding: .utf8)
    let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
    #expect(core.split(separator: " ").suffix(3).prefix(2) == ["0", "0"], "\(core)")
    kill(first.processIdentifier, SIGABRT)
    try await ended(first, world)
    #expect(first.terminationReason == .uncaughtSignal && first.terminationStatus == SIGABRT)
    await holder.close()

    // The next one uses the same candidate.
    let second = try startWorker(2, of: world, in: folder)
    try await world.settled()
    let current = try await world.secret("svc")
    #expect(current.version == 2)
    #expect(try await world.target.logIn(current.login, current.secret))
    seen.append(current.secret)
    let token = try await world.newConsumer("web", of: "svc")
    seen.append(token.token)
    try await world.approve(world.submit([.revoke], "svc"))
    try await world.settled()
    kill(second.processIdentifier, SIGTERM)
    try await ended(second, world)

    #expect(try cores(in: folder) == 0)
    var places = ["target's log": try world.target.serverLog, "rows": try await rows(world)]
    for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
      places[file] = String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file)), as: UTF8.self)
    }
    // The runtime's report of a crash shows what registers point to.
    #expect(places["worker-1.log"]?.contains("Backtrace") == false && places["worker-1.log"]?.contains("rip") == false)
    // What is searched is what it says it is.
    #expect(places["target's log"]?.contains("ALTER ROLE \"svc_") == true)
    #expect(places["rows"]?.contains("svc_b") == true)
    for log in ["worker-1.log", "worker-2.log"] {
      #expect(places[log]?.contains("debug saga moves") == true)
    }
    for (place, text) in places {
      let bytes = Data(text.utf8)
      for (index, secret) in seen.enumerated() {
        for form in Self.forms(secret) {
          #expect(bytes.range(of: Data(form.utf8)) == nil, "secret \(index) in \(place)")
        }
      }
    }
    try await world.close()
  }
}
