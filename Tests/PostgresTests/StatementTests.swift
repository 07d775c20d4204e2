import Foundation
import Postgres
import Testing

struct Sleep: Statement {
  static let sql = "SELECT pg_sleep($1)"
  var seconds = 60.0
  func bind(_ parameters: inout PostgresParameters) { parameters.append(seconds) }
}

struct ShortSleep: Statement {
  static let sql = "SELECT pg_sleep(60)"
  static var timeout: Duration? { .milliseconds(100) }
}

/// Statements of the application `name` that run on the server now.
struct CountRunning: Statement {
  static let sql = """
    SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active' AND query LIKE '%pg_sleep%'
      AND pid <> pg_backend_pid()
    """
  let name: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

struct Number: Statement {
  static let sql = "SELECT $1"
  let number: Int
  init(_ number: Int) { self.number = number }
  func bind(_ parameters: inout PostgresParameters) { parameters.append(number) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

@Suite struct StatementTests {
  @Test func aServerErrorCarriesItsStateAndConstraintButNoData() async throws {
    struct Insert: Statement {
      static let sql = "INSERT INTO person_canary_test (name) VALUES ($1)"
      let name: String
      func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
    }
    try await withClient { client in
      try await client.withConnection { connection in
        try await connection.executeScript(
          """
          DROP TABLE IF EXISTS person_canary_test;
          CREATE TABLE person_canary_test (name text CONSTRAINT person_name_unique UNIQUE);
          """)
      }
      #expect(try await client.execute(Insert(name: "s3cr3t-canary")) == 1)
      let error = try #require(await failure { try await client.execute(Insert(name: "s3cr3t-canary")) })
      #expect(error.code == .server)
      #expect(error.sqlState == .uniqueViolation)
      #expect(error.constraint == "person_name_unique")
      #expect(error.statement == "Insert")
      #expect(error.message.contains("person_name_unique"))
      var dumped = ""
      dump(error, to: &dumped)
      for text in [error.description, "\(error)", String(reflecting: error), dumped, error.localizedDescription] {
        #expect(!text.contains("canary-") && !text.contains("s3cr3t"))
      }
    }
  }

  @Test func aValueThatDoesNotParseIsNotQuoted() async throws {
    struct Cast: Statement {
      static let sql = "SELECT $1::text::int"
      func bind(_ parameters: inout PostgresParameters) { parameters.append("s3cr3t-canary") }
    }
    try await withClient { client in
      let error = await failure { try await client.query(Cast()) }
      #expect(error?.sqlState == SQLState(rawValue: "22P02"))
      #expect(error?.description.contains("canary") == false)
    }
  }

  @Test func parametersAreNotPrinted() {
    var parameters = PostgresParameters()
    parameters.append("s3cr3t-canary")
    let statement = AnyStatement(Number(421_337))
    let utility: UtilityStatement = "ALTER ROLE \(identifier: "r") PASSWORD \(literal: "s3cr3t-canary")"
    var dumped = ""
    dump((parameters, statement, utility, PostgresPassword("s3cr3t-canary")), to: &dumped)
    #expect(!dumped.contains("s3cr3t") && !dumped.contains("421337"))
    #expect(utility.description == "ALTER ROLE ? PASSWORD ?")
  }

  @Test func utilityStatementsQuoteNamesAndValues() async throws {
    try await withClient { client in
      let odd = #"a"b'c\d; e"#
      let rows = try await client.withConnection { connection in
        try await connection.query("SELECT \(literal: odd) AS \(identifier: odd)")
      }
      let value: String = try rows[0][0]
      #expect(value == odd)
      #expect(rows[0].column(named: odd) == 0)
    }
  }

  @Test func cancellingTheTaskStopsTheStatementOnTheServer() async throws {
    try await withClient { observer in
      try await withClient(Change { $0.applicationName = "cancel-test" }) { client in
        let sleeper = Task { await failure { try await client.query(Sleep()) } }
        let found = try await eventually { try await observer.queryFirst(CountRunning(name: "cancel-test")) == 1 }
        #expect(found)
        sleeper.cancel()
        let error = await sleeper.value
        #expect(error?.code == .cancelled)
        #expect(error?.statement == "Sleep")
        #expect(try await observer.queryFirst(CountRunning(name: "cancel-test")) == 0)
        #expect(try await client.queryFirst(Number(7)) == 7)
      }
    }
  }

  @Test func aStatementBeyondItsTimeoutStopsOnTheServer() async throws {
    try await withClient { observer in
      try await withClient(Change { $0.applicationName = "timeout-test" }) { client async throws in
        let error = await failure { try await client.query(ShortSleep()) }
        #expect(error?.code == .timedOut)
        #expect(try await observer.queryFirst(CountRunning(name: "timeout-test")) == 0)
      }
    }
  }

  @Test func aCancelledTaskSendsNothing() async throws {
    try await withClient { client in
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return await failure { try await client.query(Number(1)) }
      }
      #expect(await task.value?.code == .cancelled)
    }
  }

  @Test func statementsOnOneConnectionTakeTurns() async throws {
    try await withClient { client in
      try await client.withConnection { connection in
        try await withThrowingTaskGroup(of: (Int, Int?).self) { group in
          for number in 0..<50 {
            group.addTask { (number, try await connection.queryFirst(Number(number))) }
          }
          for try await (number, answer) in group { #expect(number == answer) }
        }
      }
    }
  }

  @Test func withoutPreparedStatementsEverythingStillWorks() async throws {
    try await withClient(Change { $0.usesPreparedStatements = false }) { client in
      #expect(try await client.queryFirst(Number(3)) == 3)
      let results = try await client.pipeline([AnyStatement(Number(1)), AnyStatement(Number(2))])
      let numbers = try results.map { try $0.rows(of: Number.self) }
      #expect(numbers == [[1], [2]])
    }
  }

  @Test func aChangedTableIsPreparedAnew() async throws {
    struct All: Statement {
      static let sql = "SELECT * FROM replan_test"
      static func decode(_ row: PostgresRow) throws -> Int { row.columnCount }
    }
    try await withClient { client in
      try await client.withConnection { connection in
        try await connection.executeScript(
          "DROP TABLE IF EXISTS replan_test; CREATE TABLE replan_test (a int); INSERT INTO replan_test VALUES (1)")
        #expect(try await connection.queryFirst(All()) == 1)
        try await connection.executeScript("ALTER TABLE replan_test ADD COLUMN b int")
        #expect(try await connection.queryFirst(All()) == 2)
      }
    }
  }

  @Test func copyIsRefusedInsteadOfHanging() async throws {
    try await withClient { client async throws in
      let error = await failure {
        try await client.withConnection { try await $0.executeScript("COPY pg_class TO STDOUT") }
      }
      #expect(error?.code == .misuse)
      #expect(try await client.queryFirst(Number(1)) == 1)
    }
  }

  @Test func theVerifierIsScramAndLogsIn() async throws {
    try await withClient { client in
      try await client.withConnection { connection in
        let password = try #require(PostgresPassword("pä55 word"))
        let verifier = try await connection.scramVerifier(user: "scram_test", password: password)
        #expect(verifier.hasPrefix("SCRAM-SHA-256$4096:"))
        try await connection.executeScript("DROP ROLE IF EXISTS scram_test")
        try await connection.execute("CREATE ROLE \(identifier: "scram_test") LOGIN PASSWORD \(literal: verifier)")
        var configuration = try await TestServer.shared.value.overTCP
        configuration.user = "scram_test"
        configuration.password = password
        let other = try await PostgresConnection.connect(configuration, logger: quiet)
        #expect(try await other.queryFirst(Number(1)) == 1)
        #expect(other.serverVersion >= 150_000 && other.backendProcessID > 0)
        await other.close()
        let code = await failure { try await other.query(Number(1)) }?.code
        #expect(code == .closed)
      }
    }
  }
}
