import Crypto
package import Foundation
import MerkleLog

/// A bucket of an S3-compatible store, by path-style requests with AWS signature version 4.
package struct S3Store: LogStore, CustomReflectable {
  package let endpoint: URL
  package let bucket: String
  /// Before every name; empty, or ends with a slash.
  package let prefix: String
  package let region: String
  private let accessKey: String
  private let secretKey: String
  private let now: @Sendable () -> Date

  package init(
    endpoint: URL, bucket: String, prefix: String = "", region: String, accessKey: String, secretKey: String,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.endpoint = endpoint
    self.bucket = bucket
    self.prefix = prefix
    self.region = region
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.now = now
  }

  package var description: String { "the bucket \(bucket)" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  package func read(_ path: String) async throws -> [UInt8]? {
    let answer = try await send("GET", path, [])
    switch answer.status {
    case 200: return answer.body
    case 404: return nil
    default: throw failure(path, answer.status)
    }
  }

  package func write(_ path: String, _ bytes: [UInt8]) async throws {
    let answer = try await send("PUT", path, bytes)
    guard answer.status == 200 else { throw failure(path, answer.status) }
  }

  private func failure(_ path: String, _ status: Int) -> EvidenceError {
    EvidenceError(code: .store, message: "\(description) answered \(status) for \(path)")
  }

  private func send(_ method: String, _ path: String, _ body: [UInt8]) async throws -> HTTPExchange.Answer {
    let key = "/\(bucket)/\(prefix)\(path)"
    guard let url = URL(string: key, relativeTo: endpoint)?.absoluteURL, let host = url.host() else {
      throw EvidenceError(code: .store, message: "the endpoint of \(description) is not a URL with a host")
    }
    let authority = url.port.map { "\(host):\($0)" } ?? host
    let headers = signature(method: method, key: key, host: authority, body: body)
    return try await HTTPExchange.send(method, url, headers: headers, body: method == "PUT" ? body : nil)
  }

  /// AWS signature version 4 over host, date and content.
  func signature(method: String, key: String, host: String, body: [UInt8]) -> [String: String] {
    let stamp = Self.stamp(now())
    let day = String(stamp.prefix(8))
    let content = NodeHash.digest(body).description
    let canonical = """
      \(method)
      \(key)

      host:\(host)
      x-amz-content-sha256:\(content)
      x-amz-date:\(stamp)

      host;x-amz-content-sha256;x-amz-date
      \(content)
      """
    let scope = "\(day)/\(region)/s3/aws4_request"
    let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(NodeHash.digest(Array(canonical.utf8)))"
    var secret = Array("AWS4\(secretKey)".utf8)
    for part in [day, region, "s3", "aws4_request"] { secret = Self.authenticate(part, with: secret) }
    let signature = Hex.encode(Self.authenticate(text, with: secret))
    return [
      "x-amz-content-sha256": content, "x-amz-date": stamp,
      "Authorization":
        "AWS4-HMAC-SHA256 Credential=\(accessKey)/\(scope), SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        + "Signature=\(signature)",
    ]
  }

  private static func authenticate(_ text: String, with key: [UInt8]) -> [UInt8] {
    [UInt8](HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: SymmetricKey(data: key)))
  }

  private static func stamp(_ date: Date) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
    return formatter.string(from: date)
  }
}
