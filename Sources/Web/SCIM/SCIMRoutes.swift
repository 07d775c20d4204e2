import Foundation
import Governance
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Postgres

/// SCIM 2.0 (RFC 7643, RFC 7644): a directory writes its people here. Whatever the answer, a change and everything that it
/// voids are one transaction.
struct SCIMRoutes: Sendable {
  let store: GovernanceStore
  let client: PostgresClient
  let gate: SCIMGate
  let patience: Duration
  let scheme: String
  let logger: Logger

  static let mediaType = "application/scim+json"
  static let maximumBody = 1_048_576

  /// One handler for all paths below: what is missing, and what a path does not know, is answered as SCIM says too.
  func add(to router: Router<WebContext>) {
    for path: RouterPath in ["/scim/v2", "/scim/v2/**"] {
      for method: HTTPRequest.Method in [.get, .post, .put, .patch, .delete] {
        router.on(path, method: method) { request, context in await respond(request, context) }
      }
    }
  }

  private func respond(_ request: Request, _ context: WebContext) async -> Response {
    do {
      return try await route(request, context)
    } catch let error as SCIMError {
      return answer(error)
    } catch BodyReader.Failure.tooLarge {
      return answer(SCIMError(.tooLarge, "the body is larger than 1 MiB"), closing: true)
    } catch BodyReader.Failure.tooSlow {
      return answer(SCIMError(.tooSlow, "the body did not arrive in time"), closing: true)
    } catch is HTTPParserError {
      return answer(SCIMError(.invalidSyntax, "what followed the headers is not HTTP"), closing: true)
    } catch let error as PostgresError {
      logger.warning("a request met the database", metadata: ["error.code": "\(error.code)", "error": "\(error)"])
      return answer(SCIMError(.unavailable, "the control database did not answer; try again"))
    } catch is CancellationError {
      return answer(SCIMError(.unavailable, "this server stops; ask again, another one answers"), closing: true)
    } catch {
      logger.error("a request failed", metadata: ["error": "\(error)"])
      return answer(SCIMError(.internalError, "the request could not be answered; the server's log says more"))
    }
  }

  // MARK: Paths

  private func route(_ request: Request, _ context: WebContext) async throws -> Response {
    let source = try await gate.source(of: request, from: context.remote)
    let base = request.head.authority.map { "\(scheme)://\($0)" } ?? ""
    let directory = SCIMDirectory(store: store, source: source, base: base)
    let parts = request.uri.path.split(separator: "/").dropFirst(2).map { $0.removingPercentEncoding ?? String($0) }
    switch (parts.first, parts.count) {
    case (".search", 1):
      try only(.post, request)
      return try await search([.user, .group], directory, request)
    case ("Users", _): return try await resources(.user, Array(parts.dropFirst()), directory, request)
    case ("Groups", _): return try await resources(.group, Array(parts.dropFirst()), directory, request)
    case ("Bulk", 1), ("Me", 1): throw SCIMError(.notImplemented, "this server does not offer it")
    default:
      guard let found = SCIMDiscovery(base: base).answer(parts) else {
        throw SCIMError(.notFound, "there is no such endpoint")
      }
      try only(.get, request)
      guard request.uri.queryParameters["filter"] == nil else {
        throw SCIMError(.forbidden, "what the server can do is not filtered")
      }
      return try json(found)
    }
  }

  private func resources(
    _ kind: SCIMDirectory.Kind, _ parts: [String], _ directory: SCIMDirectory, _ request: Request
  ) async throws -> Response {
    switch parts.count {
    case 0 where request.method == .get:
      return try json(try await directory.list([kind], try query(request), in: client))
    case 0 where request.method == .post:
      let projection = try query(request).projection
      let body = try await body(of: request)
      let made = try await write(directory) { try await directory.create(kind, body, in: $0) }
      return try show(made, projection, status: .created)
    case 1 where parts[0] == ".search" && request.method == .post:
      return try await search([kind], directory, request)
    case 1:
      guard let id = UUID(uuidString: parts[0]) else { throw SCIMError(.notFound, "there is no such resource") }
      return try await resource(kind, id, directory, request)
    case 0: throw SCIMError(.methodNotAllowed, "use GET or POST here")
    default: throw SCIMError(.notFound, "there is no such endpoint")
    }
  }

  private func resource(
    _ kind: SCIMDirectory.Kind, _ id: UUID, _ directory: SCIMDirectory, _ request: Request
  ) async throws -> Response {
    let projection = try query(request).projection
    let match = request.headers[.ifMatch]
    switch request.method {
    case .get:
      let found = try await directory.get(kind, id, in: client)
      if let known = request.headers[.ifNoneMatch], SCIMTag.allows(known, version: found.version) {
        return Response(status: .notModified, headers: [.eTag: found.tag])
      }
      return try show(found, projection)
    case .put:
      let body = try await body(of: request)
      return try show(
        try await write(directory) { try await directory.replace(kind, id, body, ifMatch: match, in: $0) }, projection)
    case .patch:
      let body = try await body(of: request)
      return try show(
        try await write(directory) { try await directory.patch(kind, id, body, ifMatch: match, in: $0) }, projection)
    case .delete:
      try await write(directory) { try await directory.delete(kind, id, ifMatch: match, in: $0) }
      return Response(status: .noContent)
    default: throw SCIMError(.methodNotAllowed, "use GET, PUT, PATCH or DELETE here")
    }
  }

  private func search(
    _ kinds: [SCIMDirectory.Kind], _ directory: SCIMDirectory, _ request: Request
  ) async throws -> Response {
    let query = try SCIMQuery(try await body(of: request))
    return try json(try await directory.list(kinds, query, in: client))
  }

  // MARK: Requests

  private func only(_ method: HTTPRequest.Method, _ request: Request) throws {
    guard request.method == method else { throw SCIMError(.methodNotAllowed, "use \(method.rawValue) here") }
  }

  private func query(_ request: Request) throws -> SCIMQuery {
    try SCIMQuery(parameters: Self.parameters(request.uri.query ?? ""))
  }

  /// As forms write them: many clients send a space as +, and + as %2B.
  static func parameters(_ query: String) -> [(String, String)] {
    query.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { part in
        let text = String(part.replacing("+", with: " "))
        return text.removingPercentEncoding ?? text
      }
      return (parts[0], parts.count > 1 ? parts[1] : "")
    }
  }

  private func body(of request: Request) async throws -> SCIMValue {
    let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
      .lowercased()
    guard type == Self.mediaType || type == "application/json" else {
      throw SCIMError(.unsupportedMediaType, "send Content-Type: \(Self.mediaType)")
    }
    let bytes = try await BodyReader(maximum: Self.maximumBody, patience: patience).read(request)
    return try SCIMValue(json: Array(bytes.readableBytesView))
  }

  /// One transaction. When the breaker refuses it, the quarantine is written in another one: the first is rolled back.
  private func write<Result: Sendable>(
    _ directory: SCIMDirectory, _ body: @Sendable (Transaction) async throws -> Result
  ) async throws -> Result {
    do {
      return try await client.withTransaction { try await body($0) }
    } catch let error as SCIMError where error.kind == .massChange {
      let feed = try await directory.quarantine(in: client)
      logger.warning("a source of people is quarantined", metadata: ["feed.id": "\(feed)"])
      throw error
    }
  }

  // MARK: Answers

  private func show(
    _ resource: SCIMDirectory.Resource, _ projection: SCIMProjection, status: HTTPResponse.Status = .ok
  ) throws -> Response {
    var response = try json(projection.apply(to: resource.body), status: status)
    response.headers[.eTag] = resource.tag
    if let location = resource.body["meta"]?["location"]?.text { response.headers[.location] = location }
    return response
  }

  private func json(_ value: SCIMValue, status: HTTPResponse.Status = .ok) throws -> Response {
    Response(
      status: status, headers: [.contentType: Self.mediaType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try value.json())))
  }

  private func answer(_ error: SCIMError, closing: Bool = false) -> Response {
    // An error's body is made of short texts, which always encode.
    let body = (try? error.body.json()) ?? []
    var response = Response(
      status: .init(code: error.status), headers: [.contentType: Self.mediaType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    if closing { response.headers[.connection] = "close" }
    switch error.kind {
    case .unauthorized: response.headers[.wwwAuthenticate] = #"Bearer realm="keyturn""#
    case .tooManyRequests, .unavailable: response.headers[.retryAfter] = "3"
    // People must act first; sooner is of no use.
    case .massChange: response.headers[.retryAfter] = "600"
    default: break
    }
    return response
  }
}
