import EmbeddedPostgres
import Foundation
import Testing

@Suite struct EmbeddedPostgresTroubleTests {
  @Test func aLongPathGetsAShortSocketFolder() async throws {
    try await ServerFolder.lend { folder in
      let long = folder.path + "/" + String(repeating: "x", count: 60) + "/" + String(repeating: "y", count: 60)
      let embedded = EmbeddedPostgres(folder.configuration(long))
      let running = try await embedded.start()
      #expect(running.socketDirectory.hasPrefix("/tmp/keyturn-pg-"))
      #expect(running.actions.contains { $0.contains("too long") && $0.contains(running.socketDirectory) })
      #expect(try mode(of: running.socketDirectory) == 0o700)
      #expect(try folder.query("SELECT 1", on: running).output == "1")
      #expect(try await EmbeddedPostgres(folder.configuration(long)).start().socketDirectory == running.socketDirectory)
      try await embedded.stop()
      #expect(!FileManager.default.fileExists(atPath: running.socketDirectory))
    }
  }

  @Test func aCommaInThePathGetsAnotherSocketFolder() async throws {
    try await ServerFolder.lend { folder in
      let embedded = EmbeddedPostgres(folder.configuration(folder.path + "/a,b"))
      let running = try await embedded.start()
      #expect(running.actions.contains { $0.contains("comma") })
      #expect(try folder.query("SELECT 1", on: running).output == "1")
      try await embedded.stop()
    }
  }

  @Test func aKilledServerRecovers() async throws {
    try await ServerFolder.lend { folder in
      let embedded = EmbeddedPostgres(folder.configuration())
      let first = try await embedded.start()
      let made = try folder.query("SET synchronous_commit = on; CREATE TABLE kept AS SELECT 42 AS n", on: first)
      #expect(made.status == 0, "\(made.output)")
      kill(first.processID, SIGKILL)
      waitForEnd(of: first.processID)
      let second = try await embedded.start()
      #expect(second.startedHere)
      #expect(second.actions.first?.contains("\(first.processID)") == true)
      let kept = try folder.query("SELECT n FROM kept", on: second)
      #expect(kept.output == "42")
    }
  }

  @Test(arguments: ["1\n", "", "garbage", "-5\n/x\n"])
  func aStalePidFileOfAnotherProcessIsRemoved(content: String) async throws {
    try await ServerFolder.lend { folder in
      let embedded = EmbeddedPostgres(folder.configuration())
      _ = try await embedded.start()
      try await embedded.stop()
      try folder.write(content, to: "cluster/postmaster.pid")
      let running = try await embedded.start()
      #expect(running.actions.first?.hasPrefix("removed a stale postmaster.pid") == true)
      #expect(try folder.query("SELECT 1", on: running).output == "1")
    }
  }

  @Test func ourOwnProcessInThePidFileIsNotTakenForTheServer() async throws {
    try await ServerFolder.lend { folder in
      let embedded = EmbeddedPostgres(folder.configuration())
      _ = try await embedded.start()
      try await embedded.stop()
      try folder.write("\(getpid())\n\(folder.data)/cluster\n", to: "cluster/postmaster.pid")
      guard case .stopped = try embedded.status() else { throw Unexpected() }
      #expect(try await embedded.stop() == ["the server in \(folder.data) did not run"])
      #expect(try await embedded.start().startedHere)
    }
  }

  @Test func anInterruptedInitialisationIsRepeated() async throws {
    try await ServerFolder.lend { folder in
      try FileManager.default.createDirectory(
        atPath: folder.data + "/cluster.new/base", withIntermediateDirectories: true)
      try folder.write("", to: "lock")
      try folder.write("15", to: "cluster.new/PG_VERSION")
      let running = try await EmbeddedPostgres(folder.configuration()).start()
      #expect(running.actions.contains { $0.contains("interrupted initialisation") })
    }
  }

  @Test func withoutAServerThePackageIsNamed() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration()
      configuration.binaries = folder.path
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await EmbeddedPostgres(configuration).start()
      }
      #expect(error?.code == .serverNotFound)
      #expect(error?.message.contains("package postgresql") == true)
      #expect(!FileManager.default.fileExists(atPath: folder.data))
    }
  }

  @Test func aClusterOfAnotherVersionNamesItsPackage() async throws {
    try await ServerFolder.lend { folder in
      try FileManager.default.createDirectory(atPath: folder.data + "/cluster", withIntermediateDirectories: true)
      try folder.write("9\n", to: "cluster/PG_VERSION")
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await EmbeddedPostgres(folder.configuration()).start()
      }
      #expect(error?.code == .serverNotFound)
      #expect(error?.message.contains("postgresql-9") == true)
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func aParentThatKeepsTheServerOutIsNamed() async throws {
    try await ServerFolder.lend { folder in
      let closed = folder.path + "/closed"
      try FileManager.default.createDirectory(
        atPath: closed, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await EmbeddedPostgres(folder.configuration(closed + "/data")).start()
      }
      #expect(error?.code == .folderUnreachable)
      #expect(error?.message.contains("enter \(closed),") == true)
      #expect(error?.message.contains("chmod o+x '\(closed)'") == true)
    }
  }

  @Test func aFolderWithOtherFilesIsLeftAlone() async throws {
    try await ServerFolder.lend { folder in
      try FileManager.default.createDirectory(atPath: folder.data, withIntermediateDirectories: false)
      try folder.write("mine", to: "thesis.txt")
      let before = try owner(of: folder.data)
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await EmbeddedPostgres(folder.configuration()).start()
      }
      #expect(error?.code == .folderNotOurs)
      #expect(try owner(of: folder.data) == before)
    }
  }

  @Test func aSettingTheServerRefusesIsShown() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration()
      configuration.settings["no_such_setting"] = "1"
      let error = await #expect(throws: EmbeddedPostgresError.self) {
        try await EmbeddedPostgres(configuration).start()
      }
      #expect(error?.code == .startFailed)
      #expect(error?.message.contains("no_such_setting") == true)
    }
  }

  @Test(arguments: ["port", "LISTEN_ADDRESSES", "bad name", "", "x\ny"])
  func settingsThatCannotBeGivenAreRefused(name: String) async {
    var configuration = EmbeddedPostgres.Configuration(dataDirectory: "/tmp/keyturn-never-made")
    configuration.settings[name] = "1"
    await #expect(throws: EmbeddedPostgresError(code: .invalidConfiguration, message: "")) {
      try await EmbeddedPostgres(configuration).start()
    }
  }

  @Test(arguments: ["", "/tmp/a\"b", "/tmp/$(id)", "/tmp/`id`", "/tmp/a\\", "/tmp/a\nb"])
  func pathsThatAShellWouldReadAreRefused(path: String) async {
    await #expect(throws: EmbeddedPostgresError(code: .invalidConfiguration, message: "")) {
      try await EmbeddedPostgres(.init(dataDirectory: path)).start()
    }
  }

  @Test func addressesAreEncoded() async throws {
    try await ServerFolder.lend { folder in
      var configuration = folder.configuration()
      configuration.superuser = "a b@c"
      let running = try await EmbeddedPostgres(configuration).start()
      #expect(running.databaseURL(database: "d/é?").hasPrefix("postgresql://a%20b%40c@/d%2F%C3%A9%3F?host=%2Ftmp%2F"))
      #expect(try folder.query("SELECT current_user", on: running).output == "a b@c")
    }
  }
}
