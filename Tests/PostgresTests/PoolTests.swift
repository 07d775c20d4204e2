import Foundation
import Postgres
import Testing

private struct Terminate: Statement {
  static let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
  let name: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
}

private struct CountConnections: Statement {
  static let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
  let name: String
  func bind(_ parameters: inout PostgresParameters) { parameters.append(name) }
  static func decode(_ row: PostgresRow) throws -> Int { try row[0] }
}

private struct Notify: Statement {
  static let sql = "SELECT pg_notify($1, $2)"
  let channel: String
  let payload: String
  func bind(_ parameters: inout PostgresParameters) {
    parameters.append(channel)
    parameters.append(payload)
  }
}

@Suite struct PoolTests {
  @Test func callersBeyondTheLimitAreRefusedAtOnce() async throws {
    try await withClient(
      Change {
        $0.pool.maximumConnections = 1
        $0.pool.maximumWaiters = 0
      }
    ) { client in
      try await client.withConnection { _ in
        let error = await failure { try await client.query(Number(1)) }
        #expect(error?.code == .poolExhausted)
      }
      #expect(try await client.queryFirst(Number(1)) == 1)
    }
  }

  @Test func waitingEndsAtTheAcquireTimeout() async throws {
    try await withClient(
      Change {
        $0.pool.maximumConnections = 1
        $0.pool.acquireTimeout = .milliseconds(100)
      }
    ) { client in
      try await client.withConnection { _ in
        let code = await failure { try await client.query(Number(1)) }?.code
        #expect(code == .poolExhausted)
      }
      #expect(try await client.queryFirst(Number(1)) == 1)
    }
  }

  @Test func waitingEndsWhenTheTaskIsCancelled() async throws {
    try await withClient(Change { $0.pool.maximumConnections = 1 }) { client in
      try await client.withConnection { _ in
        let waiter = Task { await failure { try await client.query(Number(1)) } }
        try await Task.sleep(for: .milliseconds(20))
        waiter.cancel()
        #expect(await waiter.value?.code == .cancelled)
      }
    }
  }

  @Test func manyCallersShareAFewConnections() async throws {
    try await withClient(Change { $0.pool.maximumConnections = 3 }) { client in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<500 { group.addTask { try await client.queryFirst(Number(number)) == number } }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test func anOpenTransactionIsNotPassedOn() async throws {
    try await withClient(Change { $0.pool.maximumConnections = 1 }) { client in
      let first = try await client.withConnection { connection in
        try await connection.executeScript("BEGIN")
        return connection.backendProcessID
      }
      let second = try await client.withConnection { $0.backendProcessID }
      #expect(first != second)
    }
  }

  @Test func aClosedClientRefuses() async throws {
    try await withClient { client in
      await client.close()
      let code2 = await failure { try await client.query(Number(1)) }?.code
      #expect(code2 == .closed)
    }
  }

  @Test func cancellingRunClosesTheClient() async throws {
    try await withClient { client async throws in
      let service = Task { await client.run() }
      #expect(try await client.queryFirst(Number(1)) == 1)
      service.cancel()
      await service.value
      let code3 = await failure { try await client.query(Number(1)) }?.code
      #expect(code3 == .closed)
    }
  }

  @Test func idleConnectionsTheServerClosedAreNotLent() async throws {
    try await withClient { other in
      try await withClient(Change { $0.applicationName = "idle-test" }) { client in
        for round in 0..<3 {
          #expect(try await client.queryFirst(Number(round)) == round)
          try await other.query(Terminate(name: "idle-test"))
          // The server's last words are sent before it forgets the backend.
          let isGone = try await eventually { try await other.queryFirst(CountConnections(name: "idle-test")) == 0 }
          #expect(isGone)
        }
      }
    }
  }

  @Test func aRestartOfTheServerIsSurvived() async throws {
    let server = try TestServer()
    defer { server.stop() }
    let client = PostgresClient(server.configuration, logger: quiet)
    #expect(try await client.queryFirst(Number(1)) == 1)
    let busy = Task { await failure { try await client.query(Sleep()) } }
    let found = try await eventually { try await client.queryFirst(CountRunning(name: "keyturn")) == 1 }
    #expect(found)
    server.stop()
    #expect(await busy.value?.code == .connectionLost)
    // Asked while it is down; answered when it is back.
    let patient = Task { try await client.queryFirst(Number(2)) }
    try server.start()
    #expect(try await patient.value == 2)
    await client.close()
  }

  @Test func aListenerLearnsThatItMayHaveMissedSomething() async throws {
    try await withClient { other in
      try await withClient(Change { $0.applicationName = "listen-test" }) { client in
        let channel = #"odd "channel"#
        var events = client.listen(to: [channel]).makeAsyncIterator()
        #expect(await events.next() == .mayHaveMissed)
        try await other.query(Notify(channel: channel, payload: "1"))
        try await other.query(Notify(channel: channel, payload: "2"))
        #expect(await events.next() == .notification(channel: channel, payload: "1"))
        #expect(await events.next() == .notification(channel: channel, payload: "2"))
        try await other.query(Terminate(name: "listen-test"))
        #expect(await events.next() == .mayHaveMissed)
        try await other.query(Notify(channel: channel, payload: "3"))
        #expect(await events.next() == .notification(channel: channel, payload: "3"))
      }
    }
  }

  @Test func listeningEndsWithItsTask() async throws {
    try await withClient { client in
      let (started, continuation) = AsyncStream.makeStream(of: Void.self)
      let listener = Task {
        var count = 0
        for await _ in client.listen(to: ["quiet"]) {
          count += 1
          continuation.yield()
        }
        return count
      }
      for await _ in started { break }
      listener.cancel()
      #expect(await listener.value == 1)
    }
  }
}
