package import Foundation
import MerkleLog

/// Asks a time-stamping authority (RFC 3161 over HTTP) to stamp a checkpoint.
package struct TimestampClient: Sendable {
  package let url: URL
  /// Between two stamps.
  package let period: Duration

  package init(url: URL, period: Duration = .seconds(3600)) {
    self.url = url
    self.period = period
  }

  /// The authority's whole response about the note's SHA-256, and the time in it, microseconds since 1970. Checked: that it
  /// is about this note and answers this request; by whom it is signed is the auditor's to check.
  func stamp(_ note: String) async throws -> (response: [UInt8], time: Int64) {
    let imprint = NodeHash.digest(Array(note.utf8))
    let nonce = UInt64.random(in: 1...UInt64.max)
    let answer = try await HTTPExchange.send(
      "POST", url, headers: ["Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"],
      body: TimestampToken.request(for: imprint, nonce: nonce))
    guard answer.status == 200 else {
      throw EvidenceError(code: .store, message: "the time-stamping authority answered \(answer.status)")
    }
    do {
      let token = try TimestampToken(response: answer.body)
      guard token.imprint == imprint, token.answers(nonce) else {
        throw FormatError("it answers another request")
      }
      return (answer.body, token.time)
    } catch let error as FormatError {
      throw EvidenceError(code: .store, message: "the time-stamping authority's answer is not one: \(error)")
    }
  }
}
