import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Answers what recorded contracts answer, and only to the requests that they describe. See `Contracts/README.md`.
final class ContractServer: Sendable {
  struct Exchange: Sendable {
    let name: String
    let request: JSON
    let response: JSON

    init(_ name: String, _ variables: [String: String]) throws {
      let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Contracts")
      var text = try String(contentsOf: folder.appendingPathComponent(name + ".json"), encoding: .utf8)
      for (key, value) in variables {
        let quoted = String(decoding: try JSONEncoder().encode(value), as: UTF8.self).dropFirst().dropLast()
        text = text.replacing("${\(key)}", with: quoted)
      }
      guard !text.contains("${") else { throw Failure(words: "\(name) has a variable that nothing fills in") }
      let file = try JSONDecoder().decode([String: JSON].self, from: Data(text.utf8))
      self.name = name
      request = file["request"] ?? .null
      response = file["response"] ?? .null
    }

    func matches(_ method: String, _ path: String, _ query: [String: String], _ headers: HTTPFields, _ body: JSON?)
      -> Bool
    {
      guard request["method"]?.text == method, request["path"]?.text == path, request["body"] == body else {
        return false
      }
      let wanted = (request["query"]?.object ?? [:]).compactMapValues(\.text)
      let fields = (request["headers"]?.object ?? [:]).compactMapValues(\.text)
      return wanted == query && fields.allSatisfy { headers[HTTPField.Name($0.key)!] == $0.value }
    }
  }

  struct Failure: Error { let words: String }

  /// A request that was answered, as it came.
  struct Received: Sendable {
    let exchange: String
    let headers: HTTPFields
    let body: [UInt8]
  }

  private struct State {
    var exchanges: [Exchange] = []
    var unexpected: [String] = []
    var received: [Received] = []
    /// Instead of any answer.
    var outage: Int?
  }

  private let state = Mutex(State())
  /// What every request must carry as its authorization; nil: nothing.
  let authorization: String?

  init(authorization: String?) { self.authorization = authorization }

  /// From now on these, each as often as it is asked for.
  func play(_ exchanges: [Exchange]) { state.withLock { $0.exchanges = exchanges } }
  func fail(with status: Int?) { state.withLock { $0.outage = status } }
  var unexpected: [String] { state.withLock { $0.unexpected } }
  var received: [Received] { state.withLock { $0.received } }
  func count(_ name: String) -> Int { received.count { $0.exchange == name } }

  /// Serves while `body` runs.
  func run(_ body: @Sendable (URL) async throws -> Void) async throws {
    let router = Router()
    for method: HTTPRequest.Method in [.get, .post, .put, .patch, .delete] {
      for path: RouterPath in ["/", "/**"] {
        router.on(path, method: method) { request, _ in try await self.answer(request) }
      }
    }
    let (ports, listening) = AsyncStream<Int>.makeStream()
    let application = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { channel in listening.yield(channel.localAddress?.port ?? 0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await application.run() }
      for await port in ports.prefix(1) { try await body(URL(string: "http://127.0.0.1:\(port)/")!) }
      group.cancelAll()
      while let result = await group.nextResult() { _ = result }
    }
  }

  private func answer(_ request: Request) async throws -> Response {
    let bytes = Array(try await request.body.collect(upTo: 4 << 20).readableBytesView)
    let body = bytes.isEmpty ? nil : try JSONDecoder().decode(JSON.self, from: Data(bytes))
    let query = Dictionary(
      request.uri.queryParameters.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { $1 })
    let method = request.method.rawValue
    let found = state.withLock { state -> Exchange? in
      let isKnown = request.headers[.authorization] == authorization
      let found = state.exchanges.first {
        isKnown && $0.matches(method, request.uri.path, query, request.headers, body)
      }
      if let found {
        state.received.append(Received(exchange: found.name, headers: request.headers, body: bytes))
      } else if state.outage == nil {
        state.unexpected.append("\(method) \(request.uri) \(String(decoding: bytes, as: UTF8.self))")
      }
      return found
    }
    if let outage = state.withLock({ $0.outage }) { return Response(status: .init(code: outage)) }
    guard let found else { return Response(status: .init(code: 599)) }
    var response = Response(status: .init(code: Int(found.response["status"]?.number ?? 0)))
    if let body = found.response["body"] {
      response.headers[.contentType] = "application/json"
      response.body = ResponseBody(byteBuffer: ByteBuffer(bytes: try JSONEncoder().encode(body)))
    }
    return response
  }
}

enum JSON: Codable, Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case array([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  subscript(_ name: String) -> JSON? { object?[name] }

  var object: [String: JSON]? {
    if case .object(let object) = self { return object }
    return nil
  }
  var text: String? {
    if case .text(let text) = self { return text }
    return nil
  }
  var number: Double? {
    if case .number(let number) = self { return number }
    return nil
  }
}
