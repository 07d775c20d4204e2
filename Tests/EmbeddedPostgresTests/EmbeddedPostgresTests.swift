import EmbeddedPostgres
import Foundation
import Testing

@Suite struct EmbeddedPostgresTests {
  @Test func startsAnswersAndIsFoundAgain() async throws {
    try await ServerFolder.lend { folder in
      let embedded = EmbeddedPostgres(folder.configuration())
      guard case .notInitialized = try embedded.status() else { throw Unexpected() }
      let first = try await embedded.start()
      #expect(first.startedHere)
      #expect(first.superuser == "keyturn")
      #expect(first.actions.contains { $0.hasPrefix("made the data folder") })
      #expect(first.actions.contains { $0.hasPrefix("initialised a PostgreSQL") })
      #expect(first.actions.last?.hasPrefix("started PostgreSQL") == true)
      let settings = try folder.query(
        "SELECT concat_ws(' ', current_user, pg_encoding_to_char(encoding), datcollate) FROM pg_database LIMIT 1",
        on: first)
      #expect(settings.output == "keyturn UTF8 C")
      #expect(try folder.query("SHOW listen_addresses", on: first).output == "")
      #expect(try folder.query("SHOW shared_buffers", on: first).output == "4MB")

      let second = try await EmbeddedPostgres(folder.configuration()).start()
      #expect(!second.startedHere)
      #expect(second.processID == first.processID)
      #expect(second.actions == ["used the server that runs already, process \(first.processID)"])
      guard case .running(let seen) = try embedded.status() else { throw Unexpected() }
      #expect(seen.processID == first.processID)
      #expect(seen.databaseURL(database: "a") == first.databaseURL(database: "a"))

      #expect(try await embedded.stop() == ["stopped process \(first.processID)"])
      #expect(workingFolder(of: first.processID) == nil)
      guard case .stopped = try embedded.status() else { throw Unexpected() }
      #expect(try await embedded.stop() == ["the server in \(folder.data) did not run"])
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func asRootItDropsItsPrivileges() async throws {
    try await ServerFolder.lend { folder in
      let running = try await EmbeddedPostgres(folder.configuration()).start()
      #expect(try owner(of: "/proc/\(running.processID)") != 0)
      for name in ["", "/cluster", "/socket", "/postgres.log"] { #expect(try owner(of: folder.data + name) != 0) }
      let status = try String(contentsOfFile: "/proc/\(running.processID)/status", encoding: .utf8)
      #expect(status.contains("NoNewPrivs:\t1"))
      #expect(status.contains("CapEff:\t0000000000000000"))
      #expect(status.contains("Groups:\t \n"))
    }
  }

  @Test func foldersAreClosedToOthers() async throws {
    try await ServerFolder.lend { folder in
      _ = try await EmbeddedPostgres(folder.configuration()).start()
      for name in ["", "/cluster", "/socket"] { #expect(try mode(of: folder.data + name) == 0o700) }
      for name in ["/cluster/keyturn.conf", "/cluster/pg_hba.conf", "/endpoint", "/postgres.log"] {
        #expect(try mode(of: folder.data + name) == 0o600)
      }
    }
  }

  @Test func concurrentStartersShareOneServer() async throws {
    try await ServerFolder.lend { folder in
      let servers = try await withThrowingTaskGroup(of: RunningPostgres.self) { group in
        for _ in 0..<5 { group.addTask { try await EmbeddedPostgres(folder.configuration()).start() } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(servers.map(\.processID)).count == 1)
      #expect(servers.filter(\.startedHere).count == 1)
    }
  }

  @Test func aScramServerTakesOnlyItsPasswordAndKeepsItsPort() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration()
      configuration.listenOnLoopback = true
      configuration = .init(
        dataDirectory: folder.data, listenOnLoopback: true,
        authentication: .scram(adminUser: "boss", adminPassword: Array("canary p%ss".utf8)),
        settings: configuration.settings, durability: .fast)
      let running = try await EmbeddedPostgres(configuration).start()
      #expect(try folder.query("SELECT current_user", on: running, password: "canary p%ss").output == "boss")
      #expect(try folder.query("SELECT 1", on: running, password: "wrong").status != 0)
      #expect(try folder.query("SELECT 1", on: running).status != 0)
      #expect(!FileManager.default.fileExists(atPath: folder.data + "/password.new"))
      #expect(!"\(configuration)\(running.actions)".contains("canary"))
      var dumped = ""
      dump(configuration, to: &dumped)
      #expect(!dumped.contains("canary"))

      try await EmbeddedPostgres(configuration).stop()
      let again = try await EmbeddedPostgres(configuration).start()
      #expect(again.port == running.port)
      #expect(again.processID != running.processID)
    }
  }

  @Test func ownAccessLinesReplaceTheUsualOnes() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration()
      configuration.hbaLines = ["local all all reject"]
      let running = try await EmbeddedPostgres(configuration).start()
      let refused = try folder.query("SELECT 1", on: running)
      #expect(refused.status != 0)
      #expect(refused.output.contains("pg_hba.conf rejects"))
    }
  }

  @Test func aServerWithoutTCPIsRestartedWhenTCPIsWanted() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration()
      let quiet = try await EmbeddedPostgres(configuration).start()
      configuration.listenOnLoopback = true
      let loud = try await EmbeddedPostgres(configuration).start()
      #expect(loud.processID != quiet.processID)
      #expect(loud.actions.first?.contains("did not listen") == true)
      #expect(try folder.query("SHOW listen_addresses", on: loud).output == "127.0.0.1")
    }
  }

  @Test func settingsArriveAsTheyWereGiven() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration(folder.data + " 'q' ü (#) %x")
      configuration.settings["keyturn.note"] = "it's\na \\n \"x\" # c"
      let running = try await EmbeddedPostgres(configuration).start()
      let note = try folder.query("SHOW keyturn.note", on: running).output
      #expect(note == "it's\na \\n \"x\" # c")
      #expect(running.socketDirectory.hasSuffix(" 'q' ü (#) %x/socket"))
    }
  }
}

struct Unexpected: Error {}
