import APIModel
import Foundation
import HTTPTypes
import Hummingbird
import Lifecycle
import NIOCore

/// `GET /v1/credentials/{name}/secret` and `POST /v1/credentials/{name}/acknowledgements`.
struct SecretRoutes: Sendable {
  let lifecycle: CredentialLifecycle
  let reader: SecretReader
  let watch: VersionWatch
  let gate: TokenGate
  /// How long a client may take to send its body.
  let patience: Duration

  static let maximumBody = 4096
  /// RFC 7240.
  private static let prefer = HTTPField.Name("Prefer")!

  func add(to router: Router<WebContext>) {
    router.get("/v1/credentials/:name/secret") { request, context in try await secret(request, context) }
    router.post("/v1/credentials/:name/acknowledgements") { request, context in
      try await acknowledge(request, context)
    }
  }

  private func consumer(of request: Request, _ context: WebContext) async throws -> AuthenticatedConsumer {
    let consumer = try await gate.consumer(of: request, from: context.remote)
    let target = request.uri.queryParameters["target"].map(String.init)
    guard context.parameters.get("name") == consumer.identity, target == nil || target == consumer.target else {
      throw Rejection(
        403, "other_credential", "Not allowed",
        detail: "this token reads \(consumer.identity) on \(consumer.target) only",
        remedy: "ask for that one, or have a consumer added for the other")
    }
    return consumer
  }

  // MARK: Reading

  private func secret(_ request: Request, _ context: WebContext) async throws -> Response {
    let consumer = try await consumer(of: request, context)
    let query = try SecretQuery(
      parameters: request.uri.queryParameters.map { (String($0.key), String($0.value)) },
      ifNoneMatch: request.headers[.ifNoneMatch], prefer: request.headers[Self.prefer])
    if query.wait > 0, let after = query.after {
      let wakening = try await watch.wait(
        for: consumer.credential, after: after, atMost: .seconds(query.wait),
        current: { try await lifecycle.currentVersion(of: consumer.credential) })
      switch wakening {
      case .changed: break
      case .timedOut: return notModified(after)
      case .draining: return notModified(after, isDraining: true)
      }
    } else if let after = query.after {
      let now = try await lifecycle.currentVersion(of: consumer.credential)
      if let now, now <= after { return notModified(now) }
    }
    guard let version = try await reader.read(query.selection, by: consumer) else {
      switch query.selection {
      case .current:
        throw Rejection(
          404, "no_secret", "No secret", detail: "there is no current version: not issued yet, or revoked",
          remedy: "ask the owner of \(consumer.identity)")
      case .previous:
        throw Rejection(
          404, "no_previous_version", "No previous version",
          detail: "no older version works any more; it can be read during the overlap only",
          remedy: "read the current version")
      }
    }
    var response = JSONBody.response(
      SecretResponse(
        credential: consumer.identity, target: consumer.target, version: version.number, state: version.state.rawValue,
        login: version.login, secret: version.secret.withBytes { String(decoding: $0, as: UTF8.self) },
        connection: version.settings.filter { Self.shownSettings.contains($0.key) }))
    response.headers[.eTag] = "\"\(version.number)\""
    return response
  }

  /// Not the admin's name.
  private static let shownSettings: Set<String> = ["host", "port", "database", "sslmode"]

  private func notModified(_ number: Int32, isDraining: Bool = false) -> Response {
    var headers: HTTPFields = [.eTag: "\"\(number)\"", .cacheControl: "no-store"]
    if isDraining { headers[.connection] = "close" }
    return Response(status: .notModified, headers: headers)
  }

  // MARK: Acknowledging

  private func acknowledge(_ request: Request, _ context: WebContext) async throws -> Response {
    let consumer = try await consumer(of: request, context)
    let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
      .lowercased()
    guard type == "application/json" else {
      throw Rejection(
        415, "wrong_content_type", "Unsupported content type", detail: "the body must be application/json",
        remedy: "send Content-Type: application/json and a body such as {\"version\": 4}")
    }
    let body = try await body(of: request)
    guard let wanted = try? JSONDecoder().decode(AcknowledgementRequest.self, from: Data(body.readableBytesView)),
      wanted.version >= 1
    else {
      throw Rejection(
        400, "bad_body", "Bad request", detail: "the body is not an acknowledgement",
        remedy: "send {\"version\": N} with the number of the version that is in use")
    }
    do {
      let done = try await lifecycle.acknowledge(wanted.version, by: consumer)
      return JSONBody.response(
        AcknowledgementResponse(
          credential: consumer.identity, version: done.version, currentVersion: done.current,
          waitingFor: done.waitingFor))
    } catch let error as LifecycleError {
      throw Rejection(
        error.code == .noSecret ? 404 : 409, error.code == .noSecret ? "no_secret" : "version_is_over", "Not possible",
        detail: error.message, remedy: "read the current version, use it, and acknowledge that")
    }
  }

  private func body(of request: Request) async throws -> ByteBuffer {
    do {
      return try await BodyReader(maximum: Self.maximumBody, patience: patience).read(request)
    } catch BodyReader.Failure.tooLarge {
      throw Rejection(
        413, "body_too_large", "Body too large", detail: "the body has more than \(Self.maximumBody) bytes",
        remedy: "send {\"version\": N} and nothing else", headers: [.connection: "close"])
    } catch BodyReader.Failure.tooSlow {
      throw Rejection(
        408, "too_slow", "Too slow", detail: "the body did not arrive in time", remedy: "send it at once",
        headers: [.connection: "close"])
    }
  }
}
