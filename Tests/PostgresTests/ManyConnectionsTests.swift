import Foundation
import Postgres
import Testing

/// Apart from the others, which would add connections and threads of their own.
@Suite(.serialized) struct ManyConnectionsTests {
  private static func status(_ field: String) throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
    return try #require(line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
  }

  @Test func fiveHundredSlowStatementsNeedNoFiveHundredThreads() async throws {
    let before = try Self.status("VmRSS")
    try await withClient(
      Change {
        $0.pool.maximumConnections = 500
        $0.pool.acquireTimeout = .seconds(60)
      }
    ) { client in
      func round() async throws -> Duration {
        try await ContinuousClock().measure {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<500 { group.addTask { try await client.query(Sleep(seconds: 0.2)) } }
            try await group.waitForAll()
          }
        }
      }
      // The first round also opens the connections.
      _ = try await round()
      let elapsed = try await round()
      #expect(elapsed < .seconds(20), "one after the other it would be 100 s")
      #expect(try Self.status("Threads") < 64)
      let kilobytes = try Self.status("VmRSS") - before
      #expect(kilobytes < 150_000)
      print("500 statements of 0.2 s: \(elapsed), \(try Self.status("Threads")) threads, \(kilobytes) kB more")
    }
  }
}
