import APIModel
import Foundation
import HTTPTypes
import Hummingbird
import Lifecycle
import Logging
import NIOCore
import NIOHTTP1
import Postgres

/// A request that is answered with a problem.
struct Rejection: Error {
  let problem: Problem
  var headers: HTTPFields = [:]

  init(_ status: Int, _ code: String, _ title: String, detail: String, remedy: String, headers: HTTPFields = [:]) {
    problem = Problem(status: status, code: code, title: title, detail: detail, remedy: remedy)
    self.headers = headers
  }

  var response: Response {
    var response = JSONBody.response(problem, status: .init(code: problem.status), contentType: Problem.contentType)
    for field in headers { response.headers[field.name] = field.value }
    return response
  }
}

enum JSONBody {
  /// Keys sorted; never stored on the way.
  static func response(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, contentType: String = "application/json"
  ) -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Wire types are strings and numbers, which always encode.
    let data = (try? encoder.encode(value)) ?? Data("{}".utf8)
    return Response(
      status: status, headers: [.contentType: contentType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }
}

/// Every error becomes a problem document; what nobody expected says nothing of itself but in the log.
struct ProblemMiddleware: RouterMiddleware {
  typealias Context = WebContext

  let logger: Logger

  func handle(
    _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let rejection as Rejection {
      return rejection.response
    } catch let error as HTTPError where error.status == .notFound {
      return Rejection(
        404, "no_such_resource", "Not found", detail: "there is no such resource, or not with this method",
        remedy: "GET /v1/credentials/{name}/secret, POST /v1/credentials/{name}/acknowledgements, GET /health/live, "
          + "GET /health/ready"
      ).response
    } catch let error as PostgresError {
      logger.warning("a request met the database", metadata: ["error.code": "\(error.code)", "error": "\(error)"])
      return Rejection(
        503, "database_unavailable", "Database not available",
        detail: "the control database did not answer",
        remedy: "keep the secret you have and try again", headers: [.retryAfter: "2"]
      ).response
    } catch is HTTPParserError {
      return Rejection(
        400, "bad_body", "Bad body", detail: "what followed the headers is not HTTP",
        remedy: "send the body with its length, or in chunks", headers: [.connection: "close"]
      ).response
    } catch is CancellationError {
      return Rejection(
        503, "draining", "Stopping", detail: "this server stops", remedy: "ask again; another server answers",
        headers: [.retryAfter: "1", .connection: "close"]
      ).response
    } catch {
      logger.error("a request failed", metadata: ["error": "\(error)"])
      return Rejection(
        500, "internal", "Internal error", detail: "the request could not be answered",
        remedy: "try again; the server's log says more"
      ).response
    }
  }
}
