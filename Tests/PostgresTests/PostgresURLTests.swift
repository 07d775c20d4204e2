import Postgres
import Testing

@Suite struct PostgresURLTests {
  @Test func everyPartIsRead() throws {
    let configuration = try PostgresConfiguration(
      url: "postgresql://us%40er:p%3Aw@one:5433,[::1]:5434/data%20base?sslmode=verify-full&sslrootcert=/r.crt"
        + "&target_session_attrs=read-write&role=worker&connect_timeout=3&application_name=me")
    #expect(configuration.endpoints == [.tcp(host: "one", port: 5433), .tcp(host: "::1", port: 5434)])
    #expect(configuration.user == "us@er")
    #expect(configuration.password != nil)
    #expect(configuration.database == "data base")
    #expect(configuration.tls == TLSOptions(mode: .verifyFull, rootCertificatePath: "/r.crt"))
    #expect(configuration.targetSessionAttributes == .readWrite)
    #expect(configuration.role == "worker")
    #expect(configuration.connectTimeout == .seconds(3))
    #expect(configuration.applicationName == "me")
  }

  @Test(arguments: [
    "postgresql://admin@/postgres?host=/run/pg&port=6000", "postgresql:///postgres?port=6000&host=/run/pg&user=admin",
    "postgres://admin@%2Frun%2Fpg:6000/postgres",
  ])
  func aSocketDirectoryMayStandInEitherPlace(url: String) throws {
    let configuration = try PostgresConfiguration(url: url)
    #expect(configuration.endpoints == [.socket(directory: "/run/pg", port: 6000)])
    #expect(configuration.database == "postgres" && configuration.user == "admin")
  }

  @Test func theDatabaseDefaultsToTheUser() throws {
    #expect(try PostgresConfiguration(url: "postgresql://me@host").database == "me")
  }

  @Test(arguments: [
    ("mysql://h/d", "url"), ("postgresql://u:canary@h:99999/d", "port"), ("postgresql://h/d", "user"),
    ("postgresql://u:canary@h/d?sslmode=maybe", "sslmode"), ("postgresql://u:canary@h/d?ssl_mode=require", "ssl_mode"),
    ("postgresql://u:canary@/d", "host"), ("postgresql://u:can%zzary@h/d", "password"),
  ])
  func aWrongPartIsNamedAndThePasswordIsNot(url: String, field: String) {
    let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(url: url) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains(field) == true)
    #expect(error?.message.contains("canary") == false)
  }
}
