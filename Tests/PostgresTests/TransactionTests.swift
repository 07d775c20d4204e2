import Postgres
import Synchronization
import Testing

struct Tally: Statement {
  static let sql = "SELECT count(*) FROM tally WHERE suite = $1"
  let suite: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(suite) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

struct AddTally: Statement {
  static let sql = "INSERT INTO tally (suite, number) VALUES ($1, $2)"
  let suite: String
  var number = 1
  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(suite)
    parameters.append(number)
  }
}

func makeTally(_ client: PostgresClient) async throws {
  try await client.withConnection { connection in
    try await connection.executeScript(
      """
      SELECT pg_advisory_xact_lock(1);
      CREATE TABLE IF NOT EXISTS tally (suite text, number bigint CONSTRAINT tally_number_positive CHECK (number > 0));
      """)
  }
}

private struct Stop: Error {}

private final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }

  @discardableResult
  func increment() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}

@Suite struct TransactionTests {
  @Test func aThrowingBodyUndoesItsWork() async throws {
    try await withClient { client in
      try await makeTally(client)
      await #expect(throws: Stop.self) {
        try await client.withTransaction { transaction in
          try await transaction.execute(AddTally(suite: "undo"))
          throw Stop()
        }
      }
      #expect(try await client.queryFirst(Tally(suite: "undo")) == 0)
    }
  }

  @Test func aSavepointUndoesOnlyItsPart() async throws {
    try await withClient { client in
      try await makeTally(client)
      try await client.withTransaction { transaction in
        try await transaction.execute(AddTally(suite: "savepoint"))
        let error = await failure {
          try await transaction.savepoint { inner in
            try await inner.execute(AddTally(suite: "savepoint"))
            try await inner.execute(AddTally(suite: "savepoint", number: -1))
          }
        }
        #expect(error?.constraint == "tally_number_positive")
        try await transaction.savepoint { try await $0.execute(AddTally(suite: "savepoint")) }
      }
      #expect(try await client.queryFirst(Tally(suite: "savepoint")) == 2)
    }
  }

  @Test func aSwallowedErrorIsNotReportedAsCommitted() async throws {
    try await withClient { client in
      try await makeTally(client)
      let error = await failure {
        try await client.withTransaction { transaction in
          _ = await failure { try await transaction.execute(AddTally(suite: "swallowed", number: -1)) }
        }
      }
      #expect(error?.sqlState == .transactionAborted)
    }
  }

  @Test func aSerializationFailureRunsTheBodyAgain() async throws {
    try await withClient { client in
      try await makeTally(client)
      let attempts = Counter()
      // Both read before either writes, so one of them cannot be serialised.
      try await withThrowingTaskGroup(of: Void.self) { group in
        let (bothHaveRead, continuation) = AsyncStream.makeStream(of: Void.self)
        let readers = Counter()
        group.addTask {
          try await client.withTransaction(.serializable) { transaction in
            attempts.increment()
            _ = try await transaction.query(Tally(suite: "serial"))
            if readers.increment() == 1 {
              for await _ in bothHaveRead { break }
            }
            try await transaction.execute(AddTally(suite: "serial"))
          }
        }
        group.addTask {
          let found = try await eventually { readers.value > 0 }
          #expect(found)
          try await client.withTransaction(.serializable) { transaction in
            attempts.increment()
            _ = try await transaction.query(Tally(suite: "serial"))
            try await transaction.execute(AddTally(suite: "serial"))
          }
          continuation.yield()
        }
        try await group.waitForAll()
      }
      #expect(attempts.value >= 3)
      #expect(try await client.queryFirst(Tally(suite: "serial")) == 2)
    }
  }

  @Test func attemptsAreBounded() async throws {
    try await withClient { client in
      let attempts = Counter()
      let error = await failure {
        try await client.withTransaction(TransactionOptions(maximumAttempts: 3)) { transaction in
          attempts.increment()
          try await transaction.execute("DO 'BEGIN RAISE EXCEPTION SQLSTATE ''40001''; END'")
        }
      }
      #expect(error?.sqlState == .serializationFailure)
      #expect(attempts.value == 3)
    }
  }

  @Test func cancellationRollsBackAndKeepsTheConnection() async throws {
    try await withClient(Change { $0.pool.maximumConnections = 1 }) { client in
      try await makeTally(client)
      let (inside, continuation) = AsyncStream.makeStream(of: Void.self)
      let task = Task {
        await failure {
          try await client.withTransaction { transaction in
            try await transaction.execute(AddTally(suite: "cancelled"))
            continuation.yield()
            try await transaction.execute(Sleep())
          }
        }
      }
      for await _ in inside { break }
      task.cancel()
      #expect(await task.value?.code == .cancelled)
      #expect(try await client.queryFirst(Tally(suite: "cancelled")) == 0)
    }
  }

  @Test func aTransactionThatEndedRefusesStatements() async throws {
    try await withClient { client in
      let kept = try await client.withTransaction { $0 }
      let code = await failure { try await kept.query(Number(1)) }?.code
      #expect(code == .closed)
    }
  }

  @Test func aPipelineRunsInOrderAndReturnsEachResult() async throws {
    try await withClient { client in
      try await makeTally(client)
      let statements = (1...20).map { AnyStatement(AddTally(suite: "pipeline", number: $0)) }
      let results = try await client.pipeline(statements + [AnyStatement(Tally(suite: "pipeline"))])
      #expect(results.count == 21)
      #expect(results.dropLast().allSatisfy { $0.affectedRows == 1 })
      #expect(try results[20].rows(of: Tally.self) == [20])
    }
  }

  @Test func anErrorInAPipelineUndoesAllAndSparesTheConnection() async throws {
    try await withClient(Change { $0.pool.maximumConnections = 1 }) { client in
      try await makeTally(client)
      try await client.withConnection { connection in
        let error = await failure {
          _ = try await connection.pipeline([
            AnyStatement(AddTally(suite: "middle")),
            AnyStatement(AddTally(suite: "middle", number: -1)),
            AnyStatement(Tally(suite: "middle")),
          ])
        }
        #expect(error?.constraint == "tally_number_positive")
        #expect(error?.statement == "AddTally")
        #expect(try await connection.queryFirst(Tally(suite: "middle")) == 0)
        let again = try await connection.pipeline([AnyStatement(Tally(suite: "middle")), AnyStatement(Number(5))])
        #expect(try again[1].rows(of: Number.self) == [5])
      }
    }
  }

  @Test func transactionsOfOneRoundTripCommitEachByItself() async throws {
    try await withClient(Change { $0.pool.maximumConnections = 1 }) { client in
      try await makeTally(client)
      let good = [AnyStatement(AddTally(suite: "several")), AnyStatement(Tally(suite: "several"))]
      let results = try await client.pipeline(transactions: [good, [], good])
      #expect(try results[1].rows(of: Tally.self) == [1])
      #expect(try results[3].rows(of: Tally.self) == [2])
      let error = await failure {
        _ = try await client.pipeline(transactions: [
          [AnyStatement(AddTally(suite: "several")), AnyStatement(AddTally(suite: "several", number: -1))], good,
        ])
      }
      #expect(error?.constraint == "tally_number_positive")
      // The first was undone, the second was not.
      #expect(try await client.queryFirst(Tally(suite: "several")) == 3)
    }
  }
}
