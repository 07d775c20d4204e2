import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Request Tracker's REST2: one request at a time, with a deadline and no retry of its own.
struct RTClient: Sendable {
  let base: URL
  private let token: String
  private let session: URLSession

  /// - Parameter token: of an account without the right to approve.
  init(base: URL, token: String) {
    self.base = base
    self.token = token
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = 20
    configuration.timeoutIntervalForResource = 30
    configuration.httpCookieStorage = nil
    session = URLSession(configuration: configuration)
  }

  struct Answer: Sendable {
    let status: Int
    let tag: String?
    let body: Data
  }

  func send(
    _ method: String, _ path: String, query: [(String, String)] = [], json: (any Encodable & Sendable)? = nil,
    ifMatch: String? = nil
  ) async throws -> Answer {
    var components = URLComponents(url: base.appendingPathComponent("REST/2.0/" + path), resolvingAgainstBaseURL: false)
    if !query.isEmpty { components?.queryItems = query.map { URLQueryItem(name: $0.0, value: $0.1) } }
    guard let url = components?.url else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's address is not a URL")
    }
    var request = URLRequest(url: url)
    request.httpMethod = method
    request.setValue("token \(token)", forHTTPHeaderField: "Authorization")
    request.setValue("application/json", forHTTPHeaderField: "Accept")
    if let ifMatch { request.setValue(ifMatch, forHTTPHeaderField: "If-Match") }
    if let json {
      request.setValue("application/json", forHTTPHeaderField: "Content-Type")
      request.httpBody = try JSONEncoder().encode(json)
    }
    let (body, response): (Data, URLResponse)
    do {
      (body, response) = try await session.data(for: request)
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // What the system says may hold the address with its query.
      throw HelpdeskError(.unreachable, "the helpdesk does not answer; it is asked again by itself")
    }
    guard let response = response as? HTTPURLResponse else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's answer is not HTTP")
    }
    switch response.statusCode {
    case 200...299, 404, 410: break
    case 401, 403: throw HelpdeskError(.forbidden, "the helpdesk refuses Keyturn's account; check its token and rights")
    case 412: throw HelpdeskError(.changedMeanwhile, "the ticket was changed meanwhile; it is read again")
    case 500...: throw HelpdeskError(.unreachable, "the helpdesk fails with status \(response.statusCode)")
    default: throw HelpdeskError(.unexpectedAnswer, "the helpdesk answers with status \(response.statusCode)")
    }
    return Answer(
      status: response.statusCode, tag: response.value(forHTTPHeaderField: "ETag"), body: body)
  }
}
