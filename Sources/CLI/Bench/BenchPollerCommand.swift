import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import Synchronization

/// The consumers of the polls benchmark, in a process of their own: each waits for the next version again and again, and
/// prints `A <version> <seconds since 1970>` for each it gets.
struct BenchPollerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "bench-poller", shouldDisplay: false)

  @Option var port: Int
  @Option var name: String
  /// A file with a token per line.
  @Option var tokens: String

  mutating func run() async throws {
    let tokens = try String(contentsOfFile: tokens, encoding: .utf8).split(separator: "\n").map(String.init)
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = tokens.count
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let url = "http://127.0.0.1:\(port)/v1/credentials/\(name)/secret"
    try await withThrowingTaskGroup(of: Void.self) { group in
      for token in tokens {
        group.addTask {
          var version = 1
          while true { version = try await Self.poll(client, url, token, after: version) }
        }
      }
      try await group.waitForAll()
    }
  }

  /// The version that is known after it.
  private static func poll(_ client: HTTPClient, _ url: String, _ token: String, after version: Int) async throws -> Int
  {
    var request = HTTPClientRequest(url: "\(url)?after=\(version)&wait=60s")
    request.headers.add(name: "authorization", value: "Bearer \(token)")
    let response = try await client.execute(request, timeout: .seconds(90))
    let body = try await response.body.collect(upTo: 65_536)
    let now = Date().timeIntervalSince1970
    guard response.status == .ok,
      let tag = response.headers.first(name: "etag").flatMap({ Int($0.filter(\.isNumber)) }),
      body.readableBytes > 0
    else {
      guard response.status == .notModified else {
        throw BenchError(description: "a poll was answered with \(response.status.code)")
      }
      return version
    }
    FileHandle.standardOutput.write(Data("A \(tag) \(now)\n".utf8))
    return tag
  }
}

/// The answers of the consumers' process.
struct PollClients {
  private let child: ChildProcess
  private let count: Int

  init(port: Int, tokens: [String], name: String, folder: String) throws {
    let path = folder + "/tokens"
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data(tokens.joined(separator: "\n").utf8), attributes: [.posixPermissions: 0o600])
    else { throw POSIXError(.EIO) }
    count = tokens.count
    child = try ChildProcess(
      "poller", ["bench-poller", "--port", "\(port)", "--name", name, "--tokens", path], folder: folder)
  }

  /// When each got the version, in seconds since 1970.
  func answers(of version: Int32) async throws -> [Double] {
    let deadline = ContinuousClock.now + .seconds(120)
    while true {
      let times = child.output.split(separator: "\n").compactMap { line -> Double? in
        let words = line.split(separator: " ")
        return words.count == 3 && words[0] == "A" && words[1] == "\(version)" ? Double(words[2]) : nil
      }
      if times.count >= count { return times }
      guard child.isRunning, ContinuousClock.now < deadline else {
        throw BenchError(
          description: "only \(times.count) of \(count) got version \(version): \(child.output.suffix(300))")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  func end() async { await child.stop() }
}
