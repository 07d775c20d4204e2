import Crypto
package import Foundation

/// The signature of Standard Webhooks (v1): HMAC-SHA256 over `id.timestamp.body`. Pure. A webhook that comes in is only a hint
/// to read; an unsigned one is not even that.
package struct WebhookSignature: Sendable {
  package enum Refusal: String, Error, Sendable {
    case missingHeader = "missing_header"
    case badTimestamp = "bad_timestamp"
    /// Older or newer than the tolerance: a replay, or a clock that is wrong.
    case outOfTime = "out_of_time"
    case badSignature = "bad_signature"
    case tooLarge = "too_large"
  }

  private let key: SymmetricKey
  /// Seconds.
  private let tolerance: Double

  package static let maximumBytes = 1_048_576

  package init(key: SecretBytes, tolerance: Double = 300) {
    self.key = key.withBytes { SymmetricKey(data: $0) }
    self.tolerance = tolerance
  }

  /// - Parameter secret: `whsec_` and base64; at least 24 bytes. Nil when it is not such a text.
  package init?(secret: String, tolerance: Double = 300) {
    guard secret.hasPrefix("whsec_"), let bytes = Data(base64Encoded: String(secret.dropFirst(6))), bytes.count >= 24
    else {
      return nil
    }
    self.init(key: SecretBytes(copying: bytes), tolerance: tolerance)
  }

  /// How a secret is shown to people: `whsec_` and its base64.
  package static func text(of secret: SecretBytes) -> String {
    "whsec_" + secret.withBytes { Data($0).base64EncodedString() }
  }

  /// Headers by lower-case name.
  package func verify(headers: [String: String], body: [UInt8], now: Date) throws(Refusal) {
    guard body.count <= Self.maximumBytes else { throw .tooLarge }
    guard let id = headers["webhook-id"], !id.isEmpty, id.utf8.count <= 256, let stamp = headers["webhook-timestamp"],
      let signatures = headers["webhook-signature"]
    else { throw .missingHeader }
    guard let seconds = Int64(stamp), seconds > 0 else { throw .badTimestamp }
    guard abs(now.timeIntervalSince1970 - Double(seconds)) <= tolerance else { throw .outOfTime }
    let signed = Array("\(id).\(seconds).".utf8) + body
    // Several, while a key is being changed; each comparison takes the same time.
    for signature in signatures.split(separator: " ").prefix(10) where signature.hasPrefix("v1,") {
      guard let code = Data(base64Encoded: String(signature.dropFirst(3))) else { continue }
      if HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: signed, using: key) { return }
    }
    throw .badSignature
  }

  /// `v1,` and the code's base64.
  package func sign(id: String, timestamp: Int64, body: [UInt8]) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: Array("\(id).\(timestamp).".utf8) + body, using: key)
    return "v1," + Data(code).base64EncodedString()
  }
}
