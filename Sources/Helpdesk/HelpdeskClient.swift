import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A helpdesk's JSON API: one request at a time, with a deadline and no retry of its own.
struct HelpdeskClient: Sendable {
  let base: URL
  private let authorization: String?
  private let session: URLSession

  /// A longer answer is an error; in bytes.
  static let maximumAnswer = 16 << 20

  /// - Parameter base: paths are appended to it.
  /// - Parameter authorization: the whole header; of an account without the right to approve.
  init(base: URL, authorization: String?) {
    self.base = base
    self.authorization = authorization
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

    /// 404 and 410 are no errors: a ticket may be gone.
    var isFound: Bool { status < 300 }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
      do {
        return try JSONDecoder().decode(type, from: body)
      } catch {
        throw HelpdeskError(.unexpectedAnswer, "the helpdesk's answer is not what its interface promises")
      }
    }
  }

  func send(
    _ method: String, _ path: String, query: [(String, String)] = [], json: (any Encodable & Sendable)? = nil,
    ifMatch: String? = nil
  ) async throws -> Answer {
    let body = try json.map { value in
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(value)
    }
    return try await send(method, path, query: query, body: body, headers: ifMatch.map { [("If-Match", $0)] } ?? [])
  }

  /// With a body of JSON that is signed as it is.
  func send(
    _ method: String, _ path: String, query: [(String, String)] = [], body: Data?, headers: [(String, String)]
  ) async throws -> Answer {
    var components = URLComponents(
      url: path.isEmpty ? base : base.appendingPathComponent(path), resolvingAgainstBaseURL: false)
    if !query.isEmpty { components?.queryItems = query.map { URLQueryItem(name: $0.0, value: $0.1) } }
    guard let url = components?.url else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's address is not a URL")
    }
    var request = URLRequest(url: url)
    request.httpMethod = method
    if let authorization { request.setValue(authorization, forHTTPHeaderField: "Authorization") }
    request.setValue("application/json", forHTTPHeaderField: "Accept")
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    if let body {
      request.setValue("application/json", forHTTPHeaderField: "Content-Type")
      request.httpBody = body
    }
    return try await answer(request)
  }

  private func answer(_ request: URLRequest) async throws -> Answer {
    let (body, response): (Data, URLResponse)
    do {
      (body, response) = try await session.data(for: request)
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // What the system says may hold the address with its query.
      throw HelpdeskError(.unreachable, "the helpdesk does not answer; it is asked again by itself")
    }
    guard let response = response as? HTTPURLResponse, body.count <= Self.maximumAnswer else {
      throw HelpdeskError(.unexpectedAnswer, "the helpdesk's answer is not HTTP, or longer than 16 MiB")
    }
    switch response.statusCode {
    case 200...299, 404, 410: break
    case 401, 403: throw HelpdeskError(.forbidden, "the helpdesk refuses Keyturn's account; check its token and rights")
    case 409, 412: throw HelpdeskError(.changedMeanwhile, "the ticket was changed meanwhile; it is read again")
    case 429: throw HelpdeskError(.unreachable, "the helpdesk wants fewer requests; it is asked again by itself")
    case 500...: throw HelpdeskError(.unreachable, "the helpdesk fails with status \(response.statusCode)")
    default: throw HelpdeskError(.unexpectedAnswer, "the helpdesk answers with status \(response.statusCode)")
    }
    return Answer(status: response.statusCode, tag: response.value(forHTTPHeaderField: "ETag"), body: body)
  }
}

/// An id that goes into a path.
enum RemoteID {
  static func checked(
    _ id: String, _ wanted: String, _ isAllowed: (UInt8) -> Bool
  ) throws -> String {
    guard !id.isEmpty, id.utf8.count <= 100, id.utf8.allSatisfy(isAllowed) else {
      throw HelpdeskError(.unexpectedAnswer, "a ticket of this helpdesk has \(wanted)")
    }
    return id
  }
}
