import AsyncHTTPClient
import Foundation
import Lifecycle
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Web

/// The HTTP API of a world, as a client meets it.
struct TestAPI: Sendable {
  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: Data

    var object: [String: Any] {
      get throws { try #require(try JSONSerialization.jsonObject(with: body) as? [String: Any]) }
    }
    var code: String? { (try? object)?["code"] as? String }
    var version: Int? { (try? object)?["version"] as? Int }
    var detail: String? { (try? object)?["detail"] as? String }
  }

  let port: Int
  /// Nil: it runs in another process.
  let own: WebServer?

  init(port: Int, server: WebServer? = nil) {
    self.port = port
    own = server
  }

  /// Long polls that wait.
  var waiting: Int { own?.waiting ?? -1 }

  func get(_ path: String, token: String? = nil, headers: [(String, String)] = []) async throws -> Answer {
    try await send(.GET, path, token: token, headers: headers)
  }

  func post(
    _ path: String, token: String?, body: String, type: String? = "application/json"
  ) async throws -> Answer {
    try await send(.POST, path, token: token, headers: type.map { [("content-type", $0)] } ?? [], body: body)
  }

  private func send(
    _ method: HTTPMethod, _ path: String, token: String?, headers: [(String, String)], body: String? = nil
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
    request.method = method
    if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(90))
    let bytes = try await response.body.collect(upTo: 1 << 20)
    return Answer(
      status: Int(response.status.code), headers: response.headers, body: Data(bytes.readableBytesView))
  }
}

extension TestWorld {
  func withServer<Result: Sendable>(
    patience: Double = 15, grace: Double = 5, certificate: (certificate: String, key: String)? = nil,
    _ body: @Sendable (TestAPI) async throws -> Result
  ) async throws -> Result {
    let server = try WebServer(
      WebConfiguration(
        port: 0, certificatePath: certificate?.certificate, keyPath: certificate?.key, patience: patience, grace: grace),
      lifecycle: composition.lifecycle,
      logger: TestDatabase.logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      guard let port = await server.port() else {
        try await group.waitForAll()
        throw WebError(code: .cannotListen, message: "the server ended before it listened")
      }
      do {
        let result = try await body(TestAPI(port: port, server: server))
        server.stop()
        try await group.waitForAll()
        return result
      } catch {
        server.stop()
        throw error
      }
    }
  }

  /// The token.
  func addConsumer(_ name: String, of identity: String, webhook: String? = nil, expiresAt: Date? = nil) async throws
    -> String
  {
    try await newConsumer(name, of: identity, webhook: webhook, expiresAt: expiresAt).token
      .withBytes { String(decoding: $0, as: UTF8.self) }
  }

  func newConsumer(_ name: String, of identity: String, webhook: String? = nil, expiresAt: Date? = nil) async throws
    -> NewConsumer
  {
    let found = try await composition.governance.identity(identity, on: nil, in: composition.client)
    let added = try await composition.lifecycle.addConsumer(
      name, of: found.id, webhook: webhook, expiresAt: expiresAt, by: "alice", reason: "a test")
    // A new recipient is approved anew.
    if added.needsApproval { try await approve(submit([.issue, .rotate], identity)) }
    return added
  }
}
