import Foundation
import Logging
import Observability
import Synchronization
import Testing

@Suite struct LogHandlerTests {
  @Test func aLineIsOneObjectWithDottedKeys() throws {
    let object = try json { logger in
      logger.warning("claimed", metadata: ["job": ["id": "7", "kinds": ["a", "b"]], "n": .stringConvertible(3)])
    }
    #expect(object["level"] == "warning")
    #expect(object["label"] == "test")
    #expect(object["message"] == "claimed")
    #expect(object["job.id"] == "7")
    #expect(object["job.kinds.1"] == "b")
    #expect(object["n"] == "3")
    let time = try #require(object["time"])
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
  }

  @Test func anyTextSurvivesAndStaysOnItsLine() throws {
    let text = "\"quote\" \\ \n\r\t \u{0}\u{1B}[31m\u{7F}\u{2028} é 🔑 </script>"
    let object = try json { $0.info("\(text)", metadata: ["k\"\n": "\(text)"]) }
    #expect(object["message"] == text)
    #expect(object["k\"\n"] == text)
  }

  @Test(arguments: ["password", "db.Password", "client_secret", "accessToken", "verifier", "envelope", "secret"])
  func suspiciousKeysAreMasked(key: String) throws {
    let line = capture(JSONLogHandler.init) {
      $0.info("m", metadata: ["\(key)": "canary", "\(key)x": ["in": ["canary"]]])
    }
    #expect(!line.contains("canary"))
    #expect(line.contains("***"))
    #expect(!capture(TerminalLogHandler.init) { $0.info("m", metadata: ["\(key)": "canary"]) }.contains("canary"))
  }

  @Test func longValuesAreCutBetweenCharacters() throws {
    let object = try json {
      $0.info(
        "m", metadata: ["v": "\(String(repeating: "é", count: 1025))", "w": "\(String(repeating: "x", count: 2048))"])
    }
    #expect(object["v"] == String(repeating: "é", count: 1024) + "… (2 bytes left out)")
    #expect(object["w"]?.count == 2048)
  }

  @Test func metadataCannotReplaceOwnFields() throws {
    let object = try json { $0.info("real", metadata: ["message": "forged", "level": "critical"]) }
    #expect(object["message"] == "real")
    #expect(object["metadata.message"] == "forged")
    #expect(object["level"] == "info")
  }

  @Test func theLinesMetadataWins() throws {
    let object = try json { logger in
      logger[metadataKey: "a"] = "logger"
      logger[metadataKey: "b"] = "logger"
      logger.info("m", metadata: ["b": "line"])
    }
    #expect(object["a"] == "logger")
    #expect(object["b"] == "line")
  }

  @Test func handlersAreValues() {
    let first = JSONLogHandler(label: "x")
    var second = first
    second.logLevel = .error
    second[metadataKey: "k"] = "v"
    #expect(first.logLevel == .info)
    #expect(first[metadataKey: "k"] == nil)
  }

  @Test func theTerminalLineIsShortAndCannotBeForged() {
    let line = capture(TerminalLogHandler.init) {
      $0.error("broken\nfake", metadata: ["b": "two words", "a": "1\u{1B}[2J", "c": ""])
    }
    #expect(line.wholeMatch(of: /\d\d:\d\d:\d\d error .*\n/) != nil)
    #expect(line.hasSuffix(#"error broken\nfake a=1\u001b[2J b="two words" c="""# + "\n"))
  }

  private func json(_ body: (inout Logger) -> Void) throws -> [String: String] {
    let line = capture(JSONLogHandler.init, body)
    #expect(line.hasSuffix("}\n"))
    #expect(line.filter(\.isNewline).count == 1)
    return try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
  }

  private func capture(
    _ make: (String, RedactionPolicy, LogSink) -> some LogHandler, _ body: (inout Logger) -> Void
  ) -> String {
    let lines = Lines()
    let handler = make("test", RedactionPolicy(), LogSink { line in lines.text.withLock { $0 += line } })
    var logger = Logger(label: "test") { _ in handler }
    body(&logger)
    return lines.text.withLock { $0 }
  }
}

private final class Lines: Sendable {
  let text = Mutex("")
}
