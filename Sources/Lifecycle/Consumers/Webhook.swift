package import Foundation
package import Secrets

/// A message with its signature, as Standard Webhooks 1.0 has it: `webhook-id` stays the same for every attempt,
/// `webhook-timestamp` is the attempt's time in seconds.
package struct SignedWebhook: Sendable {
  package let url: String
  package let headers: [(String, String)]
  package let body: [UInt8]

  package init(id: String, url: String, body: [UInt8], secret: SecretBytes, at moment: Date) {
    self.url = url
    self.body = body
    let timestamp = Int64(moment.timeIntervalSince1970)
    headers = [
      ("content-type", "application/json"), ("user-agent", "keyturn"), ("webhook-id", id),
      ("webhook-timestamp", String(timestamp)),
      ("webhook-signature", WebhookSignature(key: secret).sign(id: id, timestamp: timestamp, body: body)),
    ]
  }
}

package enum WebhookOutcome: Sendable, Equatable {
  case answered(status: Int)
  /// No connection, no answer in time, or an answer that is not HTTP.
  case unreachable

  package var isDelivered: Bool {
    if case .answered(let status) = self { return (200..<300).contains(status) }
    return false
  }

  /// The receiver says that the address is gone for good.
  package var isGone: Bool { self == .answered(status: 410) }

  /// A word without the answer's body.
  package var word: String {
    switch self {
    case .answered(let status): "answered \(status)"
    case .unreachable: "unreachable"
    }
  }
}

/// The way out for webhooks; registered by the composition, because this module speaks no HTTP.
package protocol WebhookSender: Sendable {
  func send(_ message: SignedWebhook) async -> WebhookOutcome
}
