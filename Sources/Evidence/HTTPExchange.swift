import Foundation
import FoundationNetworking

/// One request and its whole answer, with a deadline.
struct HTTPExchange: Sendable {
  struct Answer: Sendable {
    let status: Int
    let body: [UInt8]
  }

  /// An answer that is longer is an error.
  static let maximumBody = 64 << 20

  static func send(
    _ method: String, _ url: URL, headers: [String: String] = [:], body: [UInt8]? = nil, timeout: TimeInterval = 20
  ) async throws -> Answer {
    var request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: timeout)
    request.httpMethod = method
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    request.httpBody = body.map { Data($0) }
    do {
      let (data, response) = try await URLSession.shared.data(for: request)
      guard let response = response as? HTTPURLResponse, data.count <= maximumBody else {
        throw EvidenceError(code: .store, message: "\(url.host() ?? "the server") answered something else than HTTP")
      }
      return Answer(status: response.statusCode, body: [UInt8](data))
    } catch let error as URLError {
      throw EvidenceError(
        code: .store, message: "\(url.host() ?? "the server") was not reached (\(error.code.rawValue))")
    }
  }
}
