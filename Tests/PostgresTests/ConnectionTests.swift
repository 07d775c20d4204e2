import Foundation
import Postgres
import Testing

private struct Setting: Statement {
  static let sql = "SELECT current_setting($1)"
  let name: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
  static func decode(_ row: PostgresRow) throws -> String { try row[0] }
}

@Suite struct ConnectionTests {
  private func connectionFailure(_ change: (inout PostgresConfiguration) -> Void) async throws -> PostgresError? {
    var configuration = try await TestServer.shared.value.overTCP
    configuration.tls.mode = .disable
    change(&configuration)
    let final = configuration
    return await failure {
      let connection = try await PostgresConnection.connect(final, logger: quiet)
      await connection.close()
    }
  }

  @Test func aWrongPasswordIsTheServersRefusal() async throws {
    try await withClient { client in
      try await client.withConnection { connection in
        try await connection.executeScript(
          "DROP ROLE IF EXISTS wrong_test; CREATE ROLE wrong_test LOGIN PASSWORD 'right'")
      }
    }
    let error = try await connectionFailure {
      $0.user = "wrong_test"
      $0.password = PostgresPassword("s3cr3t-canary")
    }
    #expect(error?.code == .authenticationFailed)
    #expect(error?.sqlState == .invalidPassword)
    #expect(error?.description.contains("canary") == false)
  }

  @Test func anUnknownDatabaseIsNamed() async throws {
    let error = try await connectionFailure { $0.database = "nowhere" }
    #expect(error?.sqlState == .unknownDatabase)
    #expect(error?.message.contains("nowhere") == true)
  }

  @Test func aRuleThatRefusesUsIsAnAuthenticationFailure() async throws {
    let error = try await connectionFailure { $0.endpoints = [.tcp(host: "127.0.0.2", port: $0.endpoints[0].port)] }
    #expect(error?.code == .connectionFailed)
  }

  @Test func anUnreachableServerFails() async throws {
    let error = try await connectionFailure { $0.endpoints = [.tcp(host: "127.0.0.1", port: 1)] }
    #expect(error?.code == .connectionFailed)
    #expect(error?.sqlState == nil)
    let unnamed = try await connectionFailure { $0.endpoints = [.tcp(host: "no-such-host.invalid", port: 5432)] }
    #expect(unnamed?.code == .connectionFailed)
    #expect(unnamed?.message.contains("no-such-host.invalid") == true)
  }

  @Test func theSecondEndpointIsUsedWhenTheFirstIsDown() async throws {
    let error = try await connectionFailure { $0.endpoints.insert(.tcp(host: "127.0.0.1", port: 1), at: 0) }
    #expect(error == nil)
    let standby = try await connectionFailure { $0.targetSessionAttributes = .standby }
    #expect(standby?.code == .connectionFailed)
  }

  @Test func tlsIsRefusedByAServerWithoutIt() async throws {
    let error = try await connectionFailure { $0.tls.mode = .require }
    #expect(error?.code == .connectionFailed)
  }

  @Test func tlsIsUsedAndTheCertificateChecked() async throws {
    let server = try TestServer(usesTLS: true)
    defer { server.stop() }
    var configuration = server.overTCP
    configuration.tls.mode = .require
    struct IsEncrypted: Statement {
      static let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
      static func decode(_ row: PostgresRow) throws -> Bool { try row[0] }
    }
    let connection = try await PostgresConnection.connect(configuration, logger: quiet)
    #expect(try await connection.queryFirst(IsEncrypted()) == true)
    await connection.close()

    configuration.tls.mode = .verifyFull
    configuration.tls.rootCertificatePath = "\(server.directory)/data/server.crt"
    let verified = try await PostgresConnection.connect(configuration, logger: quiet)
    await verified.close()

    configuration.endpoints = [.tcp(host: "127.0.0.1", port: server.port)]
    let wrongName = configuration
    let code = await failure { _ = try await PostgresConnection.connect(wrongName, logger: quiet) }?.code
    #expect(code == .connectionFailed)
  }

  @Test func aServerThatNeverAnswersEndsAtTheConnectTimeout() async throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        _ = bind(listener, pointer, length)
        _ = getsockname(listener, pointer, &length)
      }
    }
    listen(listener, 1)
    let port = Int(UInt16(bigEndian: address.sin_port))
    let error = try await connectionFailure {
      $0.endpoints = [.tcp(host: "127.0.0.1", port: port)]
      $0.connectTimeout = .milliseconds(300)
    }
    #expect(error?.code == .timedOut)
  }

  @Test func settingsAndRoleHoldFromTheStart() async throws {
    try await withClient { client in
      try await client.withConnection { connection in
        try await connection.executeScript("DROP ROLE IF EXISTS start_test; CREATE ROLE start_test")
      }
    }
    try await withClient(
      Change {
        $0.role = "start_test"
        $0.options = ["search_path": #""a b", "c\d""#, "lock_timeout": "1234"]
      }
    ) { client async throws in
      #expect(try await client.queryFirst(Setting(name: "role")) == "start_test")
      #expect(try await client.queryFirst(Setting(name: "search_path")) == #""a b", "c\d""#)
      #expect(try await client.queryFirst(Setting(name: "lock_timeout")) == "1234ms")
    }
  }
}
