import APIModel
import Foundation
import Governance
import HTTPTypes
import Hummingbird
import Postgres
import Secrets
import Synchronization

/// `POST /v1/helpdesks/{name}/events`: signed messages of helpdesks (Standard Webhooks). Whatever is wrong with one, nothing of it
/// is stored.
final class HelpdeskEventRoutes: Sendable {
  private let store: GovernanceStore
  private let client: PostgresClient
  private let helpdesks: [String: WebhookSignature]
  private let patience: Duration
  private let limiter = Mutex(BadTokenLimiter())

  init(
    store: GovernanceStore, client: PostgresClient, helpdesks: [String: WebhookSignature], patience: Duration
  ) {
    self.store = store
    self.client = client
    self.helpdesks = helpdesks
    self.patience = patience
  }

  func add(to router: Router<WebContext>) {
    router.post("/v1/helpdesks/:name/events") { request, context in try await self.take(request, context) }
  }

  private func take(_ request: Request, _ context: WebContext) async throws -> Response {
    guard let name = context.parameters.get("name"), let signature = helpdesks[name] else {
      throw Rejection(
        404, "unknown_helpdesk", "Not found", detail: "no key for a helpdesk of this name was given to the server",
        remedy: "start the server with --helpdesk-webhook NAME=FILE")
    }
    if let wait = limiter.withLock({ $0.blockedFor(context.remote, at: .now) }) {
      throw Rejection(
        429, "too_many_bad_signatures", "Too many bad signatures",
        detail: "this address has sent too many messages that nobody signed", remedy: "try again in \(wait) s",
        headers: [.retryAfter: "\(wait)"])
    }
    let body = try await body(of: request)
    let headers = Dictionary(
      request.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { first, _ in first })
    do {
      try signature.verify(headers: headers, body: body, now: Date())
    } catch {
      throw refused(error, from: context.remote)
    }
    return try await store(body, id: headers["webhook-id"] ?? "", from: name)
  }

  private func store(_ body: [UInt8], id: String, from name: String) async throws -> Response {
    do {
      let event = try HelpdeskEvent(message: id, json: body)
      let result = try await client.withTransaction { try await self.store.take(event, from: name, in: $0) }
      switch result {
      case .taken:
        return JSONBody.response(["state": "taken"], status: .accepted)
      case .replayed:
        throw Rejection(
          409, "replayed", "Taken before", detail: "a message with this webhook-id was taken before",
          remedy: "nothing is to be done; a new message needs an id of its own")
      case .leaked:
        throw Rejection(
          422, ReasonCode.secretInTicket.rawValue, "A secret in a text", detail: ReasonCode.secretInTicket.explanation,
          remedy: "remove it from the ticket, and decide again without it")
      }
    } catch let error as GovernanceError {
      let code = error.reasons.first?.rawValue ?? error.code.rawValue
      throw Rejection(
        error.code == .unknownRecord ? 404 : 422, code, "Not taken", detail: error.message,
        remedy: error.code == .unknownRecord
          ? "send events of tickets that Keyturn opened; for a new one, try again in a moment"
          : "correct it and send it anew")
    }
  }

  private func refused(_ refusal: WebhookSignature.Refusal, from remote: String) -> Rejection {
    if refusal == .badSignature { limiter.withLock { $0.fail(remote, at: .now) } }
    let (status, detail, remedy) =
      switch refusal {
      case .missingHeader:
        (400, "webhook-id, webhook-timestamp or webhook-signature is missing", "sign as Standard Webhooks says")
      case .badTimestamp: (400, "webhook-timestamp is no time", "send whole seconds since 1970")
      case .outOfTime: (401, "the message is older or newer than five minutes", "set the clock, and sign anew")
      case .badSignature: (401, "the signature is not one of the shared key", "sign with the key given to this server")
      case .tooLarge: (413, "the body is larger than 1 MiB", "send less")
      }
    return Rejection(status, refusal.rawValue, "Not taken", detail: detail, remedy: remedy)
  }

  private func body(of request: Request) async throws -> [UInt8] {
    do {
      let bytes = try await BodyReader(maximum: WebhookSignature.maximumBytes, patience: patience).read(request)
      return Array(bytes.readableBytesView)
    } catch BodyReader.Failure.tooLarge {
      throw Rejection(
        413, WebhookSignature.Refusal.tooLarge.rawValue, "Body too large", detail: "the body is larger than 1 MiB",
        remedy: "send less", headers: [.connection: "close"])
    } catch BodyReader.Failure.tooSlow {
      throw Rejection(
        408, "too_slow", "Too slow", detail: "the body did not arrive in time", remedy: "send it at once",
        headers: [.connection: "close"])
    }
  }
}
